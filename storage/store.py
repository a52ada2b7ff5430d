"""The store: what the desk remembers of people, and lets go of. Synchronous; called in the storage thread only.

Every method is one transaction, or says otherwise. Whoever is being erased is neither read nor written: SubjectErased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from intake.conversation import Conversation
from intake.outcomes import Step
from intake.rules import Rules
from storage.connecting import FAULTS, reading
from storage.errors import StorageError
from storage.evidence import audit, certificates
from storage.evidence.terms import in_every_language
from storage.keys.keyring import Keyring
from storage.keys.rows import KeyName
from storage.means import Means
from storage.people import devices, doors, erasure, lookups, opening, sweep, transcript
from storage.people.devices import Return
from storage.people.doors import Confirmation
from storage.people.sweep import Due
from storage.records import Record, Session, Transcript, Turn, TurnDone, TurnFailed
from storage.turn import erasing, repeats, sessions, turns
from storage.turn.writing import statements


class Store:
    """One data database with its keyring. `writer` names this process in the audit.

    `public_url` is where visitors reach the desk: it stands in receipts.
    """

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        writer: str,
        public_url: str = "",
    ) -> None:
        self._means = Means(
            engine=engine,
            keyring=keyring,
            rules=rules,
            terms=in_every_language(rules, public_url),
            clock=clock,
            random=random,
            writer=audit.Writer(writer),
        )
        self._engine = engine
        self._reading = reading(engine)
        self._statements = statements(engine.dialect.name)
        self._left: list[KeyName] = []

    @property
    def means(self) -> Means:
        """Return what the store works with, for what else works on the same people."""
        return self._means

    def turns(
        self, batch: Sequence[Turn], decide: Callable[[Turn, Conversation], Step]
    ) -> list[TurnDone | TurnFailed]:
        """Carry out turns in one transaction and return what became of each, in order; all are durable then.

        `decide` is called inside the transaction with the state a turn meets. A turn that cannot be carried out fails
        alone; a repeated event is answered from what is stored. Call `destroy_left` afterwards.
        """
        carried = turns.carry_out(self._means, self._statements, batch, decide)
        self._left += carried.left
        return carried.results

    def destroy_left(self) -> None:
        """Destroy the keys from which turns moved everything away: old answers, and words from before the consent.

        By itself, so that nobody's answer waits for this commit. Where it fails, the sweep destroys them.
        """
        left, self._left = self._left, []
        if left:
            with suppress(*FAULTS, StorageError):
                self._means.keyring.discard(left)

    def session(self, token_hash: bytes, now: datetime) -> Session | None:
        """Return the web session of a token, or None when it is unknown or expired."""
        with self._reading.begin() as connection:
            return sessions.session(connection, token_hash, now)

    def remember_device(self, session: Session, given: str, now: datetime) -> Return:
        """Return the cookie by which this session's browser is known from now on; `given` is the one it has, or "".

        Raises: SubjectErased.
        """
        with self._engine.begin() as connection:
            return devices.remember(self._means, connection, session, given, now)

    def forget_device(self, session: Session, given: str, now: datetime) -> frozenset[bytes]:
        """Forget the browser that has the cookie `given`; without one, every device of the session's conversation.

        Return the hashes of the tokens whose sessions ended with it.
        """
        with self._engine.begin() as connection:
            return devices.forget(self._means, connection, session, given, now)

    def come_back(
        self, given: str, *, site: str, token_hash: bytes, expires_at: datetime, now: datetime
    ) -> Return:
        """Open a remembered session for whoever has the cookie `given`. A secret that was used before ends it all."""
        with self._engine.begin() as connection:
            return devices.come_back(
                self._means,
                connection,
                given,
                site=site,
                token_hash=token_hash,
                expires_at=expires_at,
                now=now,
            )

    def code_receiver(self, carried: Mapping[str, str], now: datetime) -> str:
        """Return the address to which the code of a task goes now; "" where it works no more, or nobody has it."""
        with self._engine.begin() as connection:
            return doors.receiver(self._means, connection, carried, now)

    def ask_code(self, name: str, address: str, locale: str, now: datetime) -> str:
        """Have a code sent to an address in the field `name`, if it is anybody's here; return the challenge."""
        with self._engine.begin() as connection:
            return doors.ask(self._means, connection, name, address, locale, now)

    def confirm_code(
        self, challenge: str, code: str, now: datetime, session: Session | None = None
    ) -> Confirmation:
        """Take a code that was asked for outside the chat, with the session that it came with, if any."""
        with self._engine.begin() as connection:
            return doors.confirm(self._means, connection, challenge, code, now, session)

    def telegram_conversation(self, chat: int) -> str | None:
        """Return the conversation of a Telegram chat, or None: one whose number opens no more is free then."""
        with self._reading.begin() as connection:
            found = lookups.telegram_conversation(self._means, connection, chat)
        if found.lost:
            with self._engine.begin() as connection:
                lookups.free_chat(connection, found.lost)
        return found.conversation or None

    def update_seen(self, update: int) -> bool:
        """Say whether this update of Telegram needs nothing more: carried out, or given up."""
        with self._reading.begin() as connection:
            return repeats.update_seen(connection, update)

    def record_poisoned_update(self, update: int, error_class: str) -> None:
        """Note an update that cannot be carried out, so that it is not tried for ever."""
        with self._engine.begin() as connection:
            repeats.record_update(connection, update, self._means.clock(), error_class)

    def transcript(
        self, conversation: str, after: int, *, own_view: bool = True, officer: bool = False
    ) -> Transcript:
        """Return the messages after a watermark. Without `own_view` no value is opened: for colleagues.

        They need the person's live consent; the `officer` reads for the person.
        Raises: NotFound; SubjectErased; ConsentRequired.
        """
        with self._engine.begin() as connection:
            return transcript.transcript(
                self._means, connection, conversation, after, own_view=own_view, officer=officer
            )

    def undelivered(self) -> list[tuple[str, int, int]]:
        """Return (conversation, chat, last delivered message) of every Telegram chat that lacks messages.

        The chat is 0 where it cannot be opened any more.
        """
        with self._reading.begin() as connection:
            return lookups.undelivered(self._means, connection)

    def mark_delivered(self, conversation: str, seq: int, channel_ref: int) -> None:
        """Note that the chat shows everything up to `seq`, which is Telegram's message `channel_ref` (0: unknown)."""
        with self._engine.begin() as connection:
            lookups.mark_delivered(connection, conversation, seq, channel_ref)

    def record(self, subject: str, *, purpose: str) -> Record:
        """Return everything that is kept of a person, audited. Raises PurposeRequired, SubjectErased, NotFound."""
        with self._engine.begin() as connection:
            return opening.own_record(self._means, connection, subject, purpose=purpose)

    def open_fields(
        self, subject: str, names: Sequence[str], *, purpose: str, actor: str, reference: str = ""
    ) -> Mapping[str, str]:
        """Return values for a stated purpose; the audit's line is committed before they are returned.

        Args: reference: of the lead whose question (`need`) is meant; without one, the newest lead's.
        Raises: PurposeRequired; ConsentRequired without a live consent; SubjectErased; NotFound.
        """
        with self._engine.begin() as connection:
            return opening.open_fields(
                self._means, connection, subject, names, purpose=purpose, actor=actor, reference=reference
            )

    def find(self, field: str, normalised: str) -> list[str]:
        """Return the people who gave this phone or e-mail (`intake.answers.normalised`), confirmed after opening.

        Whose value cannot be opened any more is passed over.
        """
        with self._reading.begin() as connection:
            return lookups.find(self._means, connection, field, normalised)

    def look_up(self, field: str, normalised: str, actor: str = audit.OFFICER) -> list[str]:
        """Return what `find` does, for the officer or a colleague: that each was found is audited first."""
        found = self.find(field, normalised)
        note = audit.looked_up(found, field, self._means.clock(), actor)
        with self._engine.begin() as connection:
            audit.write(connection, self._means.writer, note)
        return found

    def conversation_of(self, subject: str) -> str:
        """Return the conversation of a person. Raises SubjectErased, NotFound."""
        with self._reading.begin() as connection:
            return lookups.conversation_of(connection, subject)

    def receipts(self, subject: str) -> tuple[Mapping[str, Any], ...]:
        """Return the signed receipts of a person's decisions, oldest first. Raises SubjectErased, NotFound."""
        with self._engine.begin() as connection:
            return opening.receipts(self._means, connection, subject)

    def begin_erasure(self, subject: str, at: datetime, *, reason: str) -> str:
        """Block a person for good and return the erasure's id; `finish_erasure` does the rest.

        Audited as the officer's. Args: reason: a word or a file number, never a name.
        Raises: NotFound; Conflict when the person is being erased already.
        """
        with self._engine.begin() as connection:
            return erasing.begin_alone(self._means, connection, subject, at, reason=reason)

    def finish_erasure(self, erasure_id: str) -> dict[str, Any]:
        """Carry out what is left of an erasure; return its certificate. Several transactions, each can be resumed.

        Raises: NotFound.
        """
        return erasure.finish(self._means, erasure_id)

    def unfinished_erasures(self) -> list[str]:
        """Return the erasures that a crash left unfinished."""
        with self._reading.begin() as connection:
            return erasure.unfinished(connection)

    def certificate(self, erasure_id: str) -> dict[str, Any] | None:
        """Return the certificate of a finished erasure as it was signed last, or None."""
        return certificates.certificate(self._means, erasure_id)

    def due(self, now: datetime) -> list[Due]:
        """Return what `sweep` would erase at `now` (S12)."""
        with self._reading.begin() as connection:
            return sweep.due(self._means.rules, connection, now)

    def sweep(self, now: datetime) -> int:
        """Erase what is kept too long and tidy up; return how much went. Many transactions, each can be resumed."""
        return sweep.sweep(self._means, now)
