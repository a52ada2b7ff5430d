"""From a step to the rows that carry it out. What the turns of a round need is read once, before any is planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from intake.assurance import Trust
from intake.conversation import Conversation
from intake.events import ColleagueSaid
from intake.outcomes import KeepField, SendCode, Step
from storage import scopes
from storage.codec import encode_state
from storage.keys.cache import Name
from storage.means import KeysAtHand, Means
from storage.records import Message, Opening, Turn, TurnDone
from storage.tables import fields, messages
from storage.turn import consents, effects, saying, sessions, showing, waiting
from storage.turn.carrying import Carrying, Known, Numbers, scopes_in_use, scopes_to_make, scopes_to_read
from storage.turn.erasing import ALL, CHAT_FIELD, chat_place
from storage.turn.repeats import Said
from storage.turn.saying import VISITOR
from storage.turn.standing import ERASING, LIVE, Standing, state_place

_SUBJECTS: BindParameter[str] = bindparam("subjects", expanding=True)
_SCOPES: BindParameter[str] = bindparam("scopes", expanding=True)
_MOVING_MESSAGES = select(messages).where(
    messages.c.subject.in_(_SUBJECTS), messages.c.scope.in_(_SCOPES), messages.c.sealed_body.is_not(None)
)
_MOVING_FIELDS = select(fields).where(fields.c.subject.in_(_SUBJECTS), fields.c.scope.in_(_SCOPES))


@dataclass(frozen=True, slots=True)
class Stepped:
    """A turn with its place in the batch, the row and state it met, the answer of `decide`, the scopes afterwards."""

    place: int
    turn: Turn
    event_key: bytes  # salted; empty: cannot be repeated
    held: sessions.Held | None  # what is known of the session that it came from
    standing: Standing
    state: Conversation
    step: Step
    numbers: Numbers
    references: tuple[str, ...]  # that were handed out


@dataclass(frozen=True, slots=True)
class Planned:
    """A turn that is ready to be written, with its result and the row that the next turn meets."""

    stepped: Stepped
    carrying: Carrying
    done: TurnDone
    standing: Standing
    said: Said | None


def opened_row(conversation: str, opening: Opening) -> Standing:
    """Return the row that the first turn of a conversation meets: nothing stored yet."""
    state = opening.state
    return Standing(
        subject=opening.subject,
        id=conversation,
        channel=state.channel,
        site=state.site,
        locale=state.locale,
        scope=scopes.conversation("", state.scope, conversation),
        revision=0,
        sealed_state=b"",
        last_seq=0,
        status=LIVE,
        profile=1,
        visit=1,
    )


def read(means: Means, connection: Connection, keys: KeysAtHand, stepped: Sequence[Stepped]) -> Known:
    """Make the keys that these turns seal under, then read what their effects and messages need."""
    names: set[Name] = set()
    new: set[Name] = set()
    moving: set[Name] = set()
    deciding: set[str] = set()
    showing_values: set[str] = set()
    for one in stepped:
        subject = one.standing.subject
        wanted = _scopes(one, means)
        names.update((subject, scope) for scope in wanted)
        new.update((subject, scope) for scope in wanted - scopes_in_use(one.standing))
        if one.step.effects or isinstance(one.turn.event, ColleagueSaid):
            deciding.add(subject)
            moving.update((subject, scope) for scope in scopes_to_read(one.standing, one.step, one.numbers))
        if _shows_more(one.step):
            showing_values.add(subject)
    keys.make(names, new=new)
    keys.fetch(moving)
    return Known(
        live=consents.live(connection, deciding),
        messages=_moving(connection, _MOVING_MESSAGES, moving),
        fields=_moving(connection, _MOVING_FIELDS, moving),
        shown=showing.rows_of(connection, showing_values),
    )


def _scopes(one: Stepped, means: Means) -> set[str]:
    wanted = scopes_to_make(one.standing, one.step, one.numbers, means.rules)
    if one.turn.opening and one.turn.opening.chat:
        wanted.add(scopes.CHAT)
    return wanted


def _shows_more(step: Step) -> bool:
    """Tell whether the step's messages show values that it does not bring itself."""
    brought = {effect.name for effect in step.effects if isinstance(effect, KeepField)}
    if step.heard and step.heard.answered and step.heard.answered not in brought:
        return True
    sending = any(isinstance(effect, SendCode) for effect in step.effects)
    return sending or any(reply.expects.kind in showing.CARDS for reply in step.replies)


def _moving(connection: Connection, query: Any, names: set[Name]) -> dict[Name, list[Row[Any]]]:
    found: dict[Name, list[Row[Any]]] = defaultdict(list)
    if names:
        given = {"subjects": [subject for subject, _ in names], "scopes": [scope for _, scope in names]}
        for row in connection.execute(query, given):
            found[row.subject, row.scope].append(row)
    return found


def plan(means: Means, connection: Connection, keys: KeysAtHand, stepped: Stepped, known: Known) -> Planned:
    """Return the rows of a turn and its result. Raises ConsentRequired, KeyLost …: then nothing of it is kept."""
    standing, step = stepped.standing, stepped.step
    carrying = _begun(means, keys, stepped, known)
    if step.refused and not step.replies:
        return _refused(stepped, carrying)
    if not step.refused:
        effects.carry_out(carrying)
    said = saying.messages_of(carrying)
    gathered = showing.gather(
        connection,
        keys,
        standing,
        said,
        means.rules,
        carrying.at,
        held=carrying.values,
        rows=known.shown.get(standing.subject),
        writing=True,
    )
    carrying.entries.extend(gathered.entries)
    after = _after(stepped, standing.last_seq + len(said))
    if carrying.erased is not None and carrying.erased.scope == ALL:
        after = after._replace(status=ERASING)  # nothing more is written of somebody who goes
    else:
        _save(carrying, after, said)
    trust = sessions.used(carrying, stepped.held)
    done = _done(carrying, after, said, gathered, trust)
    return Planned(stepped, carrying, done, after, _said(carrying, said))


def _begun(means: Means, keys: KeysAtHand, stepped: Stepped, known: Known) -> Carrying:
    carrying = Carrying(
        means=means,
        keys=keys,
        turn=stepped.turn,
        event_key=stepped.event_key,
        standing=stepped.standing,
        step=stepped.step,
        numbers=stepped.numbers,
        known=known,
        live=dict(known.live.get(stepped.standing.subject, {})),
        values={f"{name}{waiting.NEW}": value for name, value in stepped.turn.presence.waiting},
    )
    if stepped.turn.update:
        carrying.write("update_seen", update_id=stepped.turn.update, at=carrying.at, error="")
    return carrying


def _refused(stepped: Stepped, carrying: Carrying) -> Planned:
    """Return a refused turn: nothing of it is kept but that it came, and that its session is in use."""
    standing = stepped.standing
    done = TurnDone(
        conversation=standing.id,
        subject=standing.subject,
        state=stepped.state,
        last=standing.last_seq,
        refused=stepped.step.refused,
        session=stepped.turn.session,
        trust=sessions.used(carrying, stepped.held),
    )
    carrying.step = replace(carrying.step, state=stepped.state)
    return Planned(stepped, carrying, done, standing, None)


def _after(stepped: Stepped, last: int) -> Standing:
    standing, numbers = stepped.standing, stepped.numbers
    return standing._replace(
        locale=stepped.step.state.locale,
        scope=numbers.scope,
        revision=standing.revision + 1,
        last_seq=last,
        profile=numbers.profile,
        visit=numbers.visit,
    )


def _save(carrying: Carrying, after: Standing, said: tuple[Message, ...]) -> None:
    """Have state and messages written; the turn's time starts the clock of retention anew."""
    place = state_place(after.subject, after.id, after.revision)
    sealed = carrying.keys.seal(after.scope, place, encode_state(carrying.state))
    opening = carrying.turn.opening
    if opening:
        _open(carrying, opening, after, sealed)
    else:
        carrying.write(
            "conversation",
            b_subject=after.subject,
            b_id=after.id,
            b_locale=after.locale,
            b_scope=after.scope,
            b_revision=after.revision,
            b_sealed_state=sealed,
            b_last_seq=after.last_seq,
            b_updated_at=carrying.at,
        )
    saying.write(carrying, said)


def _open(carrying: Carrying, opening: Opening, after: Standing, sealed: bytes) -> None:
    """Have the person, their door (session or chat) and the conversation written."""
    subject, at = after.subject, carrying.at
    carrying.write(
        "subject_opened", subject=subject, kind="visitor", status=LIVE, profile=1, visit=1, created_at=at
    )
    if opening.token_hash:
        assert opening.expires_at is not None, "a token has an end"
        trust = Trust(at + carrying.rules.sessions.idle)
        row = sessions.opened(subject, after.id, opening.token_hash, opening.expires_at, trust)
        carrying.write("session_opened", **row)
    if opening.chat:
        _open_chat(carrying, opening.chat, after)
    carrying.write(
        "conversation_opened",
        subject=subject,
        id=after.id,
        channel=after.channel,
        site=after.site,
        locale=after.locale,
        scope=after.scope,
        revision=after.revision,
        sealed_state=sealed,
        last_seq=after.last_seq,
        delivered_seq=0,
        created_at=at,
        updated_at=at,
        look_at=at + min(carrying.rules.retention.draft, carrying.rules.retention.session),
    )


def _open_chat(carrying: Carrying, chat: int, after: Standing) -> None:
    subject, number = after.subject, str(chat)
    sealed = carrying.keys.seal(scopes.CHAT, chat_place(subject, after.id), number.encode())
    carrying.write("chat_opened", subject=subject, conversation=after.id, sealed_chat=sealed)
    for epoch, mac in carrying.means.keyring.macs(CHAT_FIELD, number):
        carrying.write("index_kept", subject=subject, field=CHAT_FIELD, epoch=epoch, mac=mac)


def _done(
    carrying: Carrying,
    after: Standing,
    said: tuple[Message, ...],
    gathered: showing.Gathered,
    trust: Trust | None,
) -> TurnDone:
    return TurnDone(
        conversation=after.id,
        subject=after.subject,
        state=carrying.state,
        ack=said[0].seq if said and said[0].sender == VISITOR else 0,
        last=after.last_seq,
        messages=said,
        values=gathered.values,
        record=gathered.record,
        refused=carrying.step.refused,
        challenge=carrying.challenge,
        erasure=carrying.erasure,
        scope=carrying.erased.scope if carrying.erased else "",
        effects=() if carrying.step.refused else carrying.step.effects,
        session=carrying.turn.session,
        trust=trust,
    )


def _said(carrying: Carrying, said: tuple[Message, ...]) -> Said | None:
    keyed = carrying.event_key and said and not carrying.step.refused
    return Said(said[0].seq) if keyed else None
