"""Prepared answers: found by the words of one wording, however they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake import faq
from intake.rules import Faq, Rules
from tests.talk import rules


def _answering(*words: str) -> Rules:
    """Return rules with one prepared answer, to a question with these words."""
    return replace(rules(), faq=(Faq(id="only", asks={"en": (words,)}, answer={"en": "Yes."}),))


@pytest.mark.parametrize("question", ["Do they speak OPC UA?", "opc ua?", "ＯＰＣ　ＵＡ"])
def test_letters_count_in_either_case_and_width(question: str) -> None:
    """Neither the operator's capitals nor the visitor's decide whether there is an answer."""
    found = faq.find(_answering("OPC", "Ua"), question)

    assert found is not None
    assert found.id == "only"


def test_every_word_must_stand_in_the_question() -> None:
    """Half of a wording is another question."""
    assert faq.find(_answering("OPC", "UA"), "What is OPC?") is None


def test_other_rules_have_other_answers() -> None:
    """What is kept ready of one configuration answers nothing under another."""
    assert faq.find(_answering("valve"), "Which valve?")
    assert faq.find(_answering("pump"), "Which valve?") is None
