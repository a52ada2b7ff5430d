"""`subject …`: what the officer types for people who ask for their rights, and what stands on the terminal then."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from bot.__main__ import main
from bot.commands.office import Office
from bot.desk import Desk
from intake.events import ProvedAddress
from intake.outcomes import Reply
from storage.tables import audit
from tests.house import CONFIG
from tests.published import fits
from tests.selling import LI_NA, Person, recipient, selling_desk


@dataclass
class Officer:
    """Whoever sits at the terminal."""

    environment: dict[str, str]

    def does(self, *words: str, typed: str = "") -> str:
        """Carry out a command and return what it printed."""
        code, printed, said = self._run(words, typed)
        assert (code, said) == (0, "")
        return printed

    def is_refused(self, *words: str, typed: str = "") -> str:
        """Return the one line with which a command is refused."""
        code, printed, said = self._run(words, typed)
        assert (code, printed, said.count("\n")) == (1, "", 1)
        return said

    def _run(self, words: tuple[str, ...], typed: str) -> tuple[int, str, str]:
        out, errors = io.StringIO(), io.StringIO()
        code = main(["subject", *words], Office(self.environment, out, io.StringIO(typed)), errors)
        return code, out.getvalue(), errors.getvalue()


@pytest.fixture
def officer(data_url: str, keyring_url: str, tmp_path: Path) -> Officer:
    """An officer of the desk below."""
    environment = {
        "ASKFIRST_VAR": str(tmp_path),
        "ASKFIRST_CONFIG": str(CONFIG),
        "DATABASE_URL": data_url,
        "KEYRING_URL": keyring_url,
    }
    return Officer(environment)


@pytest.fixture
async def desk(data_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose leads go to a CRM."""
    crm = recipient("crm", "webhook", "https://crm.example.com/hook")
    async with selling_desk(tmp_path, data_url, keyring_url, crm) as running:
        yield running


@pytest.fixture
async def person(desk: Desk) -> Person:
    """Somebody who sent a lead."""
    one = Person(desk)
    await one.sends()
    return one


@pytest.mark.parametrize(
    ("option", "given"), [("--email", "LI.canary@Example.com"), ("--phone", "138 0000 0000")]
)
async def test_people_are_found_by_what_they_gave(
    officer: Officer, person: Person, option: str, given: str
) -> None:
    """In whatever form it is typed; from standard input it stands in no shell history (S21)."""
    typed = officer.does("find", option, "-", typed=f"{given}\n")

    assert typed == f"{person.subject}\n"
    assert json.loads(officer.does("find", option, given, "--json")) == [person.subject]


async def test_looking_for_nobody_says_so(officer: Officer, person: Person) -> None:
    """An unknown address, a broken number: one line with the remedy, and the number is not repeated."""
    unknown = officer.is_refused("find", "--email", "nobody@example.com")
    broken = officer.is_refused("find", "--phone", "138")

    assert "nobody gave this email" in unknown
    assert "--phone: This number is too short" in broken
    assert "138" not in broken.partition("For example")[0]


async def test_looking_needs_an_address(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither or both is wrong usage."""
    with pytest.raises(SystemExit) as ended:
        officer.does("find")

    assert ended.value.code == 2
    assert "--email" in capsys.readouterr().err


async def test_a_copy_is_handed_over(officer: Officer, desk: Desk, person: Person) -> None:
    """S15: the same copy as the person's own, and the person can see who took it; nothing passes as their own view."""
    before = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")

    copy = json.loads(officer.does("export", person.subject))

    fits(copy, "export")
    after = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    values = {one["field"]: one["value"] for one in copy["fields"]}
    said = [frame["text"] for frame in copy["transcript"] if frame.get("from") == "visitor"]
    assert values["email"] == LI_NA["email"]
    assert LI_NA["company"] in said
    assert copy["receipts"]
    assert [dict(row)["by"] for row in before.opened_by] == []
    assert [(row["by"], row["purpose"]) for row in after.opened_by] == [("officer", "rights_request")]


async def test_a_correction_is_made_for_somebody(officer: Officer, desk: Desk, person: Person) -> None:
    """S21 by the officer's hand: checked like an answer, found under the new value, told to the person."""
    said = officer.does("correct", person.subject, "phone", "-", typed="139 0000 0000\n")

    assert said == "corrected: phone\n"
    old = [(person.subject, "profile.1")]
    assert await desk.call(partial(desk.storage.keyring.keys, old, fresh=True)) == {}
    assert officer.does("find", "--phone", "+8613900000000") == f"{person.subject}\n"
    assert "nobody" in officer.is_refused("find", "--phone", LI_NA["phone"])
    told = await desk.call(desk.storage.store.transcript, person.conversation, 0)
    assert "corrected" in [one.body.key for one in told.messages if isinstance(one.body, Reply)]


async def test_a_proven_address_is_corrected_without_its_mailbox(
    officer: Officer, desk: Desk, person: Person
) -> None:
    """S21: who lost the mailbox that codes go to is helped by the officer, who made sure of them otherwise."""
    await person.does(ProvedAddress("email"))

    assert officer.does("correct", person.subject, "email", "li.next@example.com") == "corrected: email\n"


async def test_a_skipped_answer_is_given_later(officer: Officer, desk: Desk, person: Person) -> None:
    """What the person had passed over can be added while consent lives; the audit names the officer."""
    officer.does("correct", person.subject, "industry", "Other")

    record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")
    assert "industry" in {kept.name for kept in record.fields}


@pytest.mark.parametrize("typed", [LI_NA["email"], "\udcff", "x", ""])
async def test_what_is_no_id_is_not_asked_of_the_database(officer: Officer, desk: Desk, typed: str) -> None:
    """S10: somebody's address in the place of an id would stand in a statement, and in a log."""
    for action, options in (("export", ()), ("erase", ("--reason", "x")), ("correct", ("phone", "1"))):
        refusal = officer.is_refused(action, typed, *options)

        assert refusal == "askfirst: an id has 32 hexadecimal digits: `subject find` prints it\n"


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("phone", "12", "phone: This number is too short"),
        ("shoe_size", "44", "shoe_size: "),
        ("shoe/size", "44", "shoe/size: "),
        ("need", "x" * 4_001, "VALUE is longer than 4000 characters"),
        ("gender", "female", "gender: "),
    ],
)
async def test_a_wrong_correction_changes_nothing(
    officer: Officer, person: Person, field: str, value: str, why: str
) -> None:
    """The line says what was wrong in the words that the person would read."""
    before = json.loads(officer.does("export", person.subject))

    assert why in officer.is_refused("correct", person.subject, field, value)

    after = json.loads(officer.does("export", person.subject))
    assert after["fields"] == before["fields"]
    assert after["transcript"] == before["transcript"]


async def test_somebody_is_erased(officer: Officer, desk: Desk, person: Person) -> None:
    """S24: the certificate is printed; afterwards nobody has that id, for any command."""
    printed = officer.does("erase", person.subject, "--reason", "letter 7/2026")

    certificate = json.loads(printed)
    assert certificate["scope"] == "all"
    assert await desk.call(desk.storage.store.certificate, certificate["id"]) == certificate
    assert await desk.call(desk.storage.store.find, "email", LI_NA["email"]) == []
    for again in (["export"], ["erase", "--reason", "again"]):
        action, *options = again
        assert "nobody has this id" in officer.is_refused(action, person.subject, *options)
    assert "nobody has this id" in officer.is_refused("correct", person.subject, "phone", "139 0000 0000")


@pytest.mark.parametrize("reason", ["", "li.canary@example.com", "Li, who wrote", "x" * 65])
async def test_a_reason_names_nobody(officer: Officer, person: Person, reason: str) -> None:
    """It outlives the person in the audit: addresses and sentences are refused, and nothing happens."""
    assert "a word or a file number" in officer.is_refused("erase", person.subject, "--reason", reason)

    assert officer.does("find", "--email", LI_NA["email"]) == f"{person.subject}\n"


async def test_whoever_is_being_erased_is_left_alone(officer: Officer, desk: Desk, person: Person) -> None:
    """One line while an erasure is under way; the worker ends it."""
    await desk.call(desk.storage.store.begin_erasure, person.subject, desk.clock(), reason="letter 7/2026")

    assert "being erased" in officer.is_refused("export", person.subject)
    assert "being erased" in officer.is_refused("erase", person.subject, "--reason", "letter 8/2026")


async def test_everything_the_officer_does_is_in_the_audit(
    officer: Officer, desk: Desk, person: Person
) -> None:
    """Found, opened, corrected, given later, erased: each line has the officer as actor, and no value."""
    officer.does("find", "--email", LI_NA["email"])
    officer.does("export", person.subject)
    officer.does("correct", person.subject, "phone", "139 0000 0000")
    officer.does("correct", person.subject, "industry", "Other")
    officer.does("erase", person.subject, "--reason", "letter 7/2026")

    lines = await desk.call(_audited, desk, "officer")
    assert {line.subject for line in lines} == {person.subject}
    assert [(line.action, line.purpose, line.fields.count(",")) for line in lines] == [
        ("found", "", 0),
        ("opened", "rights_request", 5),
        ("corrected", "", 0),
        ("corrected", "", 0),
        ("erased", "all,letter 7/2026", 0),
    ]


def _audited(desk: Desk, actor: str) -> Sequence[Row[Any]]:
    with desk.storage.engine.connect() as connection:
        return connection.execute(audit.select().where(audit.c.actor == actor).order_by(audit.c.at)).all()
