"""Kept values: the gate of consent in front of every write (S5) and every opening, index rows, corrections.

The question (`need`) belongs to its conversation and needs no consent; items of the visit record stand under the
purpose `visit`; everything else is a detail of the person, in the profile scope, under its configured purpose.
"""

from __future__ import annotations

from collections.abc import Mapping

from intake.answers import normalised
from intake.asking import NEED, may_be_given
from intake.events import Corrected
from intake.outcomes import NEED_JOINT, DropField, KeepField
from intake.policy import outdated
from intake.rules import ABROAD, VISIT, Field, Rules
from storage import scopes
from storage.errors import ConsentRequired, NotFound
from storage.evidence.audit import PERSON, Entry
from storage.evidence.terms import own
from storage.turn import moving, showing
from storage.turn.carrying import Carrying

INDEXED = ("tel", "email")  # kinds that a person is found by; none of low variety


def purpose_of(rules: Rules, name: str) -> str:
    """Return the purpose under which a field is kept. Raises NotFound for a field that the registry does not have."""
    if name in rules.visit:
        return VISIT
    if name not in rules.fields:
        raise NotFound("no such field in the registry")
    return rules.fields[name].purpose


def must_be_agreed(rules: Rules, live: Mapping[str, str], name: str) -> str:
    """Return the policy version under which a field may be kept now.

    Raises: ConsentRequired without a live consent for its purpose, or for itself where it needs its own (S5, L2).
    """
    purpose = purpose_of(rules, name)
    separate = name in rules.fields and rules.fields[name].separate_consent
    for needed in (purpose, *([own(name)] if separate else [])):
        if needed not in live:
            raise ConsentRequired(f"no live consent for {needed}")
    return live[purpose]


def keep(carrying: Carrying, effect: KeepField) -> None:
    """Keep a value under its scope; a correction moves the scope to a new key first. Raises ConsentRequired."""
    name = effect.name
    policy = "" if name == NEED else _must_be_allowed(carrying, effect)
    if effect.replaces:
        _correct(carrying, name)
    actor = carrying.turn.actor
    if effect.replaces or actor != PERSON:
        carrying.entries.append(
            Entry(
                at=carrying.at,
                actor=actor,
                action="corrected",
                subject=carrying.standing.subject,
                fields=(name,),
            )
        )
    scope = _scope(carrying, name)
    subject, revision = carrying.standing.subject, carrying.standing.revision + 1
    place = moving.field_place(subject, scope, name, revision)
    value = _joined(carrying, scope, effect) if effect.joins else effect.value
    carrying.values[name] = value
    carrying.kept[scope, name] = {
        "subject": subject,
        "scope": scope,
        "name": name,
        "sealed_value": carrying.keys.seal(scope, place, value.encode(), powers_of_two=name == NEED),
        "revision": revision,
        "given_at": carrying.at,
        "policy": policy,
        "warning_sha256": effect.warning_sha256,
    }
    field = carrying.rules.fields.get(name)
    if field is not None and field.kind in INDEXED:
        _index(carrying, field, value)


def _must_be_allowed(carrying: Carrying, effect: KeepField) -> str:
    """Return the policy version under which a detail may be kept now. Raises ConsentRequired."""
    policy = must_be_agreed(carrying.rules, carrying.live, effect.name)
    if carrying.turn.actor == PERSON or not effect.replaces:  # the officer may mend what is kept
        _must_not_be_outdated(carrying, effect)
    if effect.name in carrying.rules.fields:
        _must_be_given_here(carrying)
    return policy


def _must_not_be_outdated(carrying: Carrying, effect: KeepField) -> None:
    """Raise ConsentRequired where a major version of the policy came into force after the consent was given (S28).

    Whoever corrects what is kept under a consent of its own was asked again on the card, not for this once more.
    """
    of_its_own = () if effect.replaces else (own(effect.name),)
    for purpose in (purpose_of(carrying.rules, effect.name), *of_its_own):
        agreed = carrying.live.get(purpose)
        if agreed is not None and outdated(carrying.rules, agreed, carrying.at):
            raise ConsentRequired(f"the consent for {purpose} is older than a major version of the policy")


def _must_be_given_here(carrying: Carrying) -> None:
    """Raise ConsentRequired for a detail that comes by Telegram without a live consent to its being abroad (L2).

    What is replaced outside the chat (`Corrected`) does not pass there.
    """
    outside = isinstance(carrying.turn.event, Corrected)
    if not outside and not may_be_given(carrying.standing.channel, carrying.live):
        raise ConsentRequired(f"no live consent for {ABROAD}")


def _joined(carrying: Carrying, scope: str, effect: KeepField) -> str:
    """Return what is kept with the effect's value behind it; it was read for this turn (`scopes_to_read`)."""
    rows = carrying.known.fields.get((carrying.standing.subject, scope), ())
    kept = [showing.open_value(carrying.keys, row) for row in rows if row.name == effect.name]
    return NEED_JOINT.join([*kept, effect.value])


def drop(carrying: Carrying, effect: DropField) -> None:
    """Remove a kept value and its index rows."""
    scope, subject = _scope(carrying, effect.name), carrying.standing.subject
    carrying.kept.pop((scope, effect.name), None)
    carrying.indexed.pop(effect.name, None)
    carrying.write("field_dropped", b_subject=subject, b_scope=scope, b_name=effect.name)
    carrying.write("index_dropped", b_subject=subject, b_name=effect.name)


def _scope(carrying: Carrying, name: str) -> str:
    if name == NEED:
        return carrying.numbers.scope
    if name in carrying.rules.visit:
        return scopes.visit(carrying.numbers.visit)
    return scopes.profile(carrying.numbers.profile)


def _correct(carrying: Carrying, name: str) -> None:
    """Move the scope of a corrected value to its next key: no copy of the old value can be opened any more."""
    standing, numbers = carrying.standing, carrying.numbers
    if name == NEED:
        moving.move(carrying, standing.scope, numbers.scope, without_answer=True)
    elif name in carrying.rules.visit:
        moving.move(carrying, scopes.visit(standing.visit), scopes.visit(numbers.visit))
    else:
        moving.move(carrying, scopes.profile(standing.profile), scopes.profile(numbers.profile))
        carrying.write("digest_dropped", b_subject=standing.subject)
        carrying.write("waiting_dropped", b_subject=standing.subject)


def _index(carrying: Carrying, field: Field, value: str) -> None:
    """Store the mac of every live epoch: a process that does not know the newest yet is to find the person too."""
    subject = carrying.standing.subject
    macs = carrying.means.keyring.macs(field.name, normalised(field.kind, value))
    carrying.write("index_dropped", b_subject=subject, b_name=field.name)
    carrying.indexed[field.name] = [
        {"subject": subject, "field": field.name, "epoch": epoch, "mac": mac} for epoch, mac in macs
    ]
