"""The state in which a restored conversation goes on, made of what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.conversation import Conversation, Stage
from intake.events import AskedToForget, Corrected
from storage.copies.restored_state import Known, begun_again, carried_on
from storage.tables import leads
from tests.premises import Premises
from tests.remembering import DETAILS, Visitor
from tests.talk import rules, to_review, to_sent


def test_the_state_of_who_withdrew_asks_for_nothing() -> None:
    """A consultation without consent is over; what else was refused stays refused."""
    state = to_review().state
    known = Known(kept=frozenset(state.kept), decisions={"contact": "withdrawn", "news": "refused"})

    after = carried_on(state, known, 99, rules())

    assert (after.stage, after.agreed, after.sent) == (Stage.ENDED, (), "")
    assert {"contact", "news"} <= set(after.refused)
    assert (after.consultation, after.consultations, after.session) == (1, 99, 99)


def test_nobody_is_asked_on_telegram_who_withdrew_its_being_abroad() -> None:
    """L2, L3: a restored consultation asks there no more, though contact is agreed to still."""
    state = to_review("telegram").state
    known = Known(kept=frozenset(state.kept), decisions={"contact": "agreed", "telegram_abroad": "withdrawn"})

    assert carried_on(state, known, 99, rules()).stage is Stage.ENDED


def test_a_pending_command_is_left_when_its_ground_has_changed() -> None:
    """Else it goes on."""
    state = replace(to_sent().say("correct phone").state)
    decisions = dict.fromkeys(state.agreed, "agreed")

    same = carried_on(state, Known(kept=frozenset(state.kept), decisions=decisions), 99, rules())
    less = carried_on(state, Known(kept=frozenset({"need"}), decisions=decisions), 99, rules())

    assert (same.aside, same.aside_field) == (state.aside, "phone")
    assert (less.aside, less.aside_field, less.kept) == ("", "", ("need",))


def test_a_state_that_is_lost_is_made_of_what_is_known() -> None:
    """Decisions, values and the lead; sharing counts as refused, for a signal of the browser is lost with it (L13)."""
    opened = Conversation(channel="web", site="default", locale="en")
    decisions = {
        "contact": "agreed",
        "keep_longer": "withdrawn",
        "field:gender": "agreed",
        "attestation": "agreed",
    }
    known = Known(
        kept=frozenset({"phone", "name", "pages"}),
        decisions=decisions,
        policy="2026-11",
        sent="AF-1",
        topic="gateway",
        leads=1,
    )

    at_lead = begun_again(opened, known, 99, rules())
    withdrawn = begun_again(opened, replace(known, decisions={"contact": "withdrawn"}), 99, rules())

    assert (at_lead.stage, at_lead.sent, at_lead.consultation) == (Stage.SENT, "AF-1", 99)
    assert (at_lead.kept, at_lead.visit) == (("name", "phone", "pages"), True)
    assert (at_lead.agreed, at_lead.other, at_lead.separate) == (("contact",), True, ("gender",))
    assert {"keep_longer", "affiliates", "news"} <= set(at_lead.refused)
    assert (withdrawn.stage, withdrawn.sent, withdrawn.consultation) == (Stage.ENDED, "", 99)


def test_a_code_goes_to_no_address_of_which_nobody_knows_who_gave_it() -> None:
    """S8: what was proven or doubted stays so while it is kept; where the state is lost, every address is doubted."""
    state = replace(to_sent().state, kept=("name", "email"), proven=("email",), doubted=("email", "other"))
    decisions = dict.fromkeys(state.agreed, "agreed")
    opened = Conversation(channel="web", site="default", locale="en")
    known = Known(kept=frozenset({"name", "email"}), decisions=decisions)

    same = carried_on(state, known, 99, rules())
    less = carried_on(state, replace(known, kept=frozenset({"name"})), 99, rules())

    assert (same.proven, same.doubted) == (("email",), ("email",))
    assert (less.proven, less.doubted) == ((), ())
    assert begun_again(opened, known, 99, rules()).doubted == ("email",)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_lead_whose_question_is_lost_is_still_a_lead(premises: Premises) -> None:
    """The reference that the person quotes is known, and sales may call back; the question is blank."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        reference = visitor.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        visitor.memory = memory
        visitor.does(Corrected((("need", "Another question?"),)))
    premises.lose_data()

    premises.restore(folder)

    with premises.storage() as storage:
        submit = storage.thread.submit
        lead = submit(storage.leads.one, reference).result()
        opened = submit(storage.leads.open_lead, reference, "call_back", ["phone"], "staff:1").result()
    assert lead.fields == tuple(DETAILS)
    assert opened.values == {"phone": DETAILS["phone"]}
    with premises.memory() as memory:
        visitor.memory = memory
        state = visitor.says("one more thing").state
        assert (state.sent, len(bytes.fromhex(state.salt))) == (reference, 16)
        gone = visitor.does(AskedToForget("lead"))
        memory.run(memory.store.finish_erasure, gone.erasure)
        assert memory.count(leads) == 0
