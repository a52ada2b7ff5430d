"""Which function carries out which effect of a step. Each plans rows; none of them writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intake.asking import NEED
from intake.events import ColleagueSaid
from intake.outcomes import (
    CallColleague,
    DropField,
    EnterCode,
    Erase,
    JoinLead,
    KeepField,
    MissCode,
    OpenConsultation,
    RecordAttestation,
    RecordConsent,
    SendCode,
    ShredSession,
    Submit,
    Withdraw,
)
from storage.errors import Conflict
from storage.turn import codes, consents, erasing, fields, handing, moving
from storage.turn.carrying import Carrying


def carry_out(carrying: Carrying) -> None:
    """Plan every effect of the step, in order. Raises ConsentRequired, KeyLost …: then nothing is kept."""
    if isinstance(carrying.turn.event, ColleagueSaid):  # who withdrew meanwhile is left alone (L3)
        consents.must_be_contactable(carrying.rules, carrying.live)
    for effect in carrying.step.effects:
        EFFECTS[type(effect)](carrying, effect)
    standing, numbers = carrying.standing, carrying.numbers
    for row in carrying.kept.values():
        carrying.write("field_kept", **row)
    for rows in carrying.indexed.values():
        for row in rows:
            carrying.write("index_kept", **row)
    for scope in carrying.doomed:  # written down, so that a crash before they are destroyed is made up for
        carrying.write("key_doomed", subject=standing.subject, scope=scope)
    if (numbers.profile, numbers.visit) != (standing.profile, standing.visit):
        carrying.write(
            "subject_numbered", b_subject=standing.subject, b_profile=numbers.profile, b_visit=numbers.visit
        )


def open_consultation(carrying: Carrying, effect: OpenConsultation) -> None:
    """Move what was said before consent under the consultation's own key (session 0: nothing was said)."""
    if effect.session:
        moving.move(carrying, carrying.standing.scope, carrying.numbers.scope)


def shred_session(carrying: Carrying, effect: ShredSession) -> None:
    """Let go of what was said before the refusal, question included: rows now, the key after the commit.

    Raises Conflict for a scope that the conversation goes on under: nobody could open it any more.
    """
    subject, scope = carrying.standing.subject, carrying.standing.scope
    if scope == carrying.numbers.scope:
        raise Conflict(f"conversation {carrying.standing.id}: cannot go on under the scope that it shreds")
    carrying.write("message_shredded", b_subject=subject, b_scope=scope)
    carrying.write("field_shredded", b_subject=subject, b_scope=scope)
    carrying.doomed.append(scope)


def keep_field(carrying: Carrying, effect: KeepField) -> None:
    """Keep a value; who had received the old one is told of the correction (L8)."""
    fields.keep(carrying, effect)
    if effect.replaces:
        name = effect.name
        handing.tell_those_told(
            carrying, "person.corrected", lambda one: name == NEED or name in one.fields, (name,)
        )


def drop_field(carrying: Carrying, effect: DropField) -> None:
    """Let go of a value; who had received it is told, as of a correction (L8)."""
    fields.drop(carrying, effect)
    name = effect.name
    handing.tell_those_told(carrying, "person.corrected", lambda one: name in one.fields, (name,))


def withdraw(carrying: Carrying, effect: Withdraw) -> None:
    """End the consents; what was processed under them stops with this commit (L3)."""
    consents.withdraw(carrying, effect)
    handing.withdraw(carrying, effect.purposes)


EFFECTS: Mapping[type, Callable[[Carrying, Any], None]] = {
    RecordConsent: consents.record,
    OpenConsultation: open_consultation,
    ShredSession: shred_session,
    KeepField: keep_field,
    DropField: drop_field,
    RecordAttestation: consents.attest,
    Submit: handing.submit,
    JoinLead: handing.join,
    Withdraw: withdraw,
    Erase: erasing.erase,
    CallColleague: handing.call_colleague,
    SendCode: codes.send,
    MissCode: codes.miss,
    EnterCode: codes.enter,
}
