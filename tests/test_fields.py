"""Kept values: the gate of consent, corrections under a new key, look-ups, the record of who was told."""

from __future__ import annotations

from dataclasses import replace

from intake.events import Corrected, Picked, Said
from intake.outcomes import DropField, Heard, KeepField, RecordConsent, Reply
from storage.errors import ConsentRequired, NotFound
from storage.tables import audit, index_rows, messages, outbox, subjects
from storage.tables import fields as field_rows
from storage.turn import fields
from tests.remembering import CRM, DETAILS, NEED, PARTNER, Memory, Visitor, done, failed


def _agree(*purposes: str) -> RecordConsent:
    decisions = tuple((purpose, True) for purpose in purposes)
    return RecordConsent(
        decisions=decisions, policy="2026-11", notice_sha256="ab" * 32, locale="en", method="card"
    )


def test_a_visitor_without_consent_has_no_profile(memory: Memory) -> None:
    """S2: only who consents to contact becomes a consultant, with a profile row."""
    visitor, consultant = Visitor(memory), Visitor(memory)
    visitor.asks()
    consultant.reviews()

    kinds = {row["subject"]: row["kind"] for row in memory.rooms.rows(subjects)}
    profiles = {row["subject"] for row in memory.rooms.rows(field_rows) if row["scope"] == "profile.1"}

    assert kinds == {visitor.subject: "visitor", consultant.subject: "consultant"}
    assert profiles == {consultant.subject}


def test_a_consent_of_the_same_turn_counts(memory: Memory) -> None:
    """S5: what is agreed to and given in one step is kept."""
    visitor = Visitor(memory)
    visitor.asks()

    kept = done(visitor.steps(_agree("contact"), KeepField(name="name", value="Li Canary")))

    assert kept.effects[1] == KeepField(name="name", value="Li Canary")
    assert (
        memory.run(memory.store.record, visitor.subject, purpose="own_view").fields[-1].value == "Li Canary"
    )


def test_a_refused_purpose_keeps_its_fields_out(memory: Memory) -> None:
    """S5: a later refusal in the same step ends what was agreed to before."""
    visitor = Visitor(memory)
    visitor.consents()
    refusal = replace(_agree("contact"), decisions=(("contact", False),))

    assert isinstance(failed(visitor.steps(refusal, KeepField(name="name", value="Li"))), ConsentRequired)


def test_a_field_with_its_own_consent_needs_it(memory: Memory) -> None:
    """L2: the purpose alone does not cover a field that is marked; its own agreement does."""
    separate = replace(memory.rules.fields["gender"], separate_consent=True)
    memory = memory.with_rules(fields={**memory.rules.fields, "gender": separate})
    visitor = Visitor(memory)
    visitor.consents()

    without = visitor.steps(KeepField(name="gender", value="f"))
    agreed = visitor.steps(_agree("field:gender"), KeepField(name="gender", value="f"))

    assert isinstance(failed(without), ConsentRequired)
    assert not done(agreed).refused


def test_a_field_outside_the_registry_is_refused(memory: Memory) -> None:
    """S4: nothing is kept that configuration does not name."""
    visitor = Visitor(memory)
    visitor.consents()

    assert isinstance(failed(visitor.steps(KeepField(name="shoe_size", value="42"))), NotFound)


def test_a_visit_record_needs_its_purpose(memory: Memory) -> None:
    """S3: items of the visit record are kept under `visit` only, apart from the profile; corrected apart too."""
    visitor = Visitor(memory)
    visitor.consents()
    item = next(iter(memory.rules.visit))

    refused = visitor.steps(KeepField(name=item, value="Canary OS"))
    done(visitor.steps(_agree("visit"), KeepField(name=item, value="Canary OS")))
    done(visitor.steps(KeepField(name=item, value="Other OS", replaces=True)))

    assert isinstance(failed(refused), ConsentRequired)
    assert [row["scope"] for row in memory.rooms.rows(field_rows) if row["name"] == item] == ["visit.2"]
    assert memory.run(memory.store.record, visitor.subject, purpose="own_view").fields[-1].value == "Other OS"


def test_the_warning_is_recorded_with_the_answer(memory: Memory) -> None:
    """S7: the hash of the warning that stood before the question."""
    visitor = Visitor(memory)
    visitor.reviews()
    warned = {
        name: entry.warning_sha256["en"] for name, entry in memory.rules.fields.items() if entry.sensitive
    }

    rows = {row["name"]: row["warning_sha256"] for row in memory.rooms.rows(field_rows)}

    assert {name: rows[name] for name in warned if name in rows} == {
        n: w for n, w in warned.items() if n in rows
    }
    assert rows["need"] == ""


def test_who_is_corrected_while_they_are_looked_for_is_found(memory: Memory) -> None:
    """A look-up loses nobody whose value a turn moves to another key between the reading of row and key."""
    visitor = Visitor(memory)
    visitor.reviews()
    memory.later(minutes=2)  # no key is at hand any more
    corrected = visitor.turn(Corrected((("phone", "+86 139 0000 0000"),)))

    def elsewhere() -> None:
        done(memory.store.turns([corrected], memory.engine)[0])
        memory.store.destroy_left()

    # after epochs and kept keys, when keys are read
    memory.rooms.clock.meanwhile = [*[lambda: None] * 3, elsewhere]

    assert memory.run(memory.store.find, "email", DETAILS["email"]) == [visitor.subject]
    assert memory.rooms.clock.meanwhile == []
    assert memory.run(memory.rooms.keyring.keys, [(visitor.subject, "profile.1")], fresh=True) == {}


def test_a_correction_takes_the_old_value_along(memory: Memory) -> None:
    """S21, "Sealing": the profile moves to a new key, the old one is gone, the old value is found no more."""
    visitor = Visitor(memory)
    visitor.reviews()
    before = memory.rooms.rows(field_rows)

    visitor.says("correct phone")
    visitor.says("+8613900000000")

    assert memory.run(memory.rooms.keyring.keys, [(visitor.subject, "profile.1")], fresh=True) == {}
    assert {row["scope"] for row in memory.rooms.rows(field_rows)} == {
        "profile.2",
        f"c1.{visitor.conversation}",
    }
    assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == []
    assert memory.run(memory.store.find, "phone", "+8613900000000") == [visitor.subject]
    assert memory.run(memory.store.find, "email", DETAILS["email"]) == [visitor.subject]
    assert len(memory.rooms.rows(field_rows)) == len(before)
    assert not any(row["sealed_value"] in [old["sealed_value"] for old in before if old["scope"] == "profile.1"]
                   for row in memory.rooms.rows(field_rows))  # fmt: skip


def test_a_correction_forgets_digests_of_answers(memory: Memory) -> None:
    """A hash of the old phone number would tell it to whoever tries them all; a repeat then gets the ack."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    answer = visitor.turn(Said(DETAILS["name"]))
    memory.turns(answer)
    before = sum(row["sealed_digest"] is not None for row in memory.rooms.rows(messages))

    visitor.does(Corrected((("name", "Li Other"),)))

    again = done(memory.turns(replace(answer, digest=b"another meaning!"))[0])
    assert before == 1
    assert (again.repeated, again.refused) == (True, "")


def test_several_values_are_corrected_together(memory: Memory) -> None:
    """`PATCH /me` with two fields: one move, both new values, the others as they were."""
    visitor = Visitor(memory)
    visitor.reviews()

    visitor.does(Corrected((("name", "Li Other"), ("company", "Other Ltd"))))

    record = memory.run(memory.store.record, visitor.subject, purpose="own_view")
    values = {kept.name: kept.value for kept in record.fields}
    assert (values["name"], values["company"], values["email"]) == ("Li Other", "Other Ltd", DETAILS["email"])
    assert {row["profile"] for row in memory.rooms.rows(subjects)} == {2}


def test_a_corrected_question_moves_its_conversation(memory: Memory) -> None:
    """The question's scope moves: words and lead go along, the old key is gone, the digest of the old question too."""
    visitor = Visitor(memory)
    visitor.opens()
    asked = visitor.turn(Said(NEED))
    memory.turns(asked)
    visitor.picks("followup:yes")
    visitor.picks("consent:agree")
    visitor.picks("whose:own")

    for text in ("What does it cost?", "What does the small one cost?"):
        visitor.does(Corrected((("need", text),)))

    again = done(memory.turns(replace(asked, digest=b"another meaning!"))[0])
    gone = [
        (visitor.subject, f"c1.{visitor.conversation}"),
        (visitor.subject, f"c1~2.{visitor.conversation}"),
    ]
    assert again.values == {"need": "What does the small one cost?"}
    assert (again.repeated, again.refused) == (True, "")
    assert memory.run(memory.rooms.keyring.keys, gone, fresh=True) == {}
    assert {row["scope"] for row in memory.rooms.rows(messages)} == {f"c1~3.{visitor.conversation}"}


def test_recipients_are_told_of_a_correction(memory: Memory) -> None:
    """L8: one task for each recipient and lead in the log, if it may have the field; the question concerns all."""
    visitor = Visitor(memory)
    reference = visitor.sends("affiliates")
    for one in (CRM, PARTNER):
        visitor.was_told_to(one.id, reference)
    visitor.was_told_to("export", reference)

    visitor.does(Corrected((("phone", "+8613900000000"),)))
    visitor.does(Corrected((("need", "What does it cost?"),)))

    tasks = sorted(
        (row["recipient"], row["fields"], row["reference"])
        for row in memory.rooms.rows(outbox)
        if row["kind"] == "person.corrected"
    )
    assert tasks == [("crm", "need", reference), ("crm", "phone", reference), ("partner", "need", reference)]


def test_a_dropped_field_is_gone(memory: Memory) -> None:
    """Skipped at the review card: value and look-up rows go; what the same step kept too."""
    visitor = Visitor(memory)
    visitor.reviews()

    visitor.steps(KeepField(name="phone", value="+8613900000000"), DropField("phone"))

    assert memory.run(memory.store.find, "phone", "+8613900000000") == []
    assert memory.count(field_rows, name="phone") == 0
    assert memory.count(index_rows, field="phone") == 0


def test_an_answer_is_shown_without_opening_it(memory: Memory) -> None:
    """What the turn itself brings needs no opening; the review card does, and the audit says so."""
    visitor = Visitor(memory)
    visitor.consents()
    visitor.picks("whose:own")
    answered = visitor.says(DETAILS["name"])
    openings = memory.count(audit, action="opened")

    shown = done(visitor.steps(heard=Heard(answered="name"), replies=(Reply(key="free.ask"),)))

    assert answered.values == {"name": DETAILS["name"]}
    assert openings == 0
    assert shown.values == {"name": DETAILS["name"]}
    assert memory.count(audit, action="opened", actor="person", fields="name") == 1


def test_a_review_card_shows_every_value(memory: Memory) -> None:
    """The values of the card are opened for the person's own view."""
    visitor = Visitor(memory)
    visitor.reviews()

    again = visitor.does(Picked("command:help"))

    assert again.values == {"need": NEED, **DETAILS}


def test_a_correction_of_what_was_never_there_is_kept(memory: Memory) -> None:
    """A state that knows more than the store does no harm: the value is new."""
    visitor = Visitor(memory)
    visitor.consents()

    kept = visitor.steps(KeepField(name="name", value="Li Canary", replaces=True))

    assert not done(kept).refused
    assert (
        memory.run(memory.store.record, visitor.subject, purpose="own_view").fields[-1].value == "Li Canary"
    )


def test_every_field_has_a_purpose(memory: Memory) -> None:
    """S4: registry and visit record; nothing else."""
    assert fields.purpose_of(memory.rules, "phone") == "contact"
    assert {fields.purpose_of(memory.rules, item) for item in memory.rules.visit} == {"visit"}
