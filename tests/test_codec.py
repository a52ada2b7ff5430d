"""State and bodies come back as they were written, by this version, an older or a newer one."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as some

from intake.conversation import Aside, Conversation, Stage
from intake.events import ColleagueSaid
from intake.outcomes import Expects, Heard, Reply, WrongAnswer
from storage import codec

WORDS = some.text(max_size=20)
NAMES = some.lists(WORDS, max_size=3).map(tuple)
NUMBERS = some.integers(0, 9)
STATES = some.builds(
    Conversation,
    channel=WORDS,
    site=WORDS,
    locale=WORDS,
    reference=WORDS,
    stage=some.sampled_from(Stage),
    topic=WORDS,
    field=WORDS,
    changing=some.booleans(),
    aside=some.sampled_from(Aside),
    kept=NAMES,
    skipped=NAMES,
    separate=NAMES,
    proven=NAMES,
    doubted=NAMES,
    agreed=NAMES,
    refused=NAMES,
    session=NUMBERS,
    consultation=NUMBERS,
    gpc=some.booleans(),
    salt=some.binary(max_size=16).map(bytes.hex),
)
HEARD = some.builds(
    Heard,
    text=WORDS,
    answered=WORDS,
    picked=WORDS,
    purposes=NAMES,
    private=some.booleans(),
    code=some.booleans(),
)
REPLIES = some.builds(
    Reply,
    key=WORDS,
    params=some.dictionaries(WORDS, WORDS, max_size=3),
    expects=some.builds(Expects, kind=WORDS, options=NAMES, step=NUMBERS, purposes=NAMES, fields=NAMES),
    rejected=some.none() | some.builds(WrongAnswer, WORDS, WORDS, WORDS),
)


@given(STATES)
def test_a_state_comes_back(state: Conversation) -> None:
    """Every field, with its type."""
    found = codec.decode_state(codec.encode_state(state))

    assert found == state
    assert (type(found.stage), type(found.aside), type(found.kept)) == (Stage, Aside, tuple)


def test_a_new_state_is_small() -> None:
    """Only what differs from a new conversation's is written: it fits into one step of padding."""
    assert len(codec.encode_state(Conversation(channel="web", site="default", locale="en"))) < 64


def test_a_state_of_another_version_is_read() -> None:
    """Missing fields have their defaults, unknown ones are passed over."""
    raw = orjson.dumps({"channel": "web", "site": "s", "locale": "en", "mood": "good", "kept": ["need"]})

    assert codec.decode_state(raw) == Conversation(channel="web", site="s", locale="en", kept=("need",))


@given(HEARD, WORDS, some.binary(max_size=16), WORDS, WORDS)
def test_words_come_back(heard: Heard, client_id: str, digest: bytes, erasure: str, scope: str) -> None:
    """What was said, with what makes it repeatable."""
    spoken = codec.decode_spoken(codec.encode_spoken(heard, client_id, digest, erasure, scope))

    assert spoken == codec.Spoken(
        heard=heard, client_id=client_id, digest=digest, erasure=erasure, scope=scope
    )


@given(REPLIES)
def test_a_reply_comes_back(reply: Reply) -> None:
    """Key, parameters, what is expected, what was wrong."""
    assert codec.decode_reply(codec.encode_reply(reply)) == reply


@given(WORDS, WORDS)
def test_a_colleagues_words_come_back(text: str, name: str) -> None:
    """With the name they were signed with."""
    said = ColleagueSaid(text, name=name)

    assert codec.decode_colleague(codec.encode_colleague(said)) == said


def test_a_digest_leaves_with_the_answer_it_tells() -> None:
    """Only of this question, and only where there is one."""
    asked = codec.encode_spoken(Heard(answered="need"), "c1", b"digest", "", "")
    other = codec.encode_spoken(Heard(text="hm"), "c1", b"digest", "", "")
    bare = codec.encode_spoken(Heard(answered="need"), "c1", b"", "", "")

    assert codec.decode_spoken(codec.without_digest(asked, "need")).digest == b""
    assert codec.without_digest(other, "need") == other
    assert codec.without_digest(bare, "need") == bare
