"""`staff …` and `leads export`: what an operator types, and what stands on the terminal then."""

import argparse
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.commands import leads as lead_commands
from bot.commands import staff as staff_commands
from bot.commands.office import CommandRefused, Office
from storage.errors import Conflict, NotFound
from storage.evidence.audit import COMMAND
from tests.house import CONFIG
from tests.selling import LI_NA, NEED, Person, selling_desk

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

Run = Callable[..., str]
ANNA = "anna@desk.example.com"


@pytest.fixture
def run(data_url: str, keyring_url: str, tmp_path: Path) -> Run:
    """Carry out a command line and return what it printed."""
    environment = {
        "ASKFIRST_VAR": str(tmp_path),
        "ASKFIRST_CONFIG": str(CONFIG),
        "DATABASE_URL": data_url,
        "KEYRING_URL": keyring_url,
    }
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    staff_commands.add(commands)
    lead_commands.add(commands)

    def carry_out(*words: str, typed: str = "") -> str:
        out = io.StringIO(newline="")
        office = Office(environment, out, io.StringIO(typed))
        with office.storage(migrate=True):
            pass
        asked = parser.parse_args(words)
        assert asked.run(asked, office) == 0
        return out.getvalue()

    return carry_out


def test_a_new_colleague_gets_a_link(run: Run) -> None:
    """`staff add` prints one address; the secret in it stands where no server sees it."""
    printed = run("staff", "add", ANNA, "--role", "sales")

    link = urlsplit(printed.strip())
    assert link.path == "/staff/enter"
    assert link.query == ""
    assert len(link.fragment) == 43


def test_every_link_is_another(run: Run) -> None:
    """`staff link` prints a fresh one."""
    first = run("staff", "add", ANNA, "--role", "sales")

    assert run("staff", "link", ANNA) != first


def test_an_address_need_not_stand_in_the_history(run: Run) -> None:
    """`-` reads the address from standard input."""
    run("staff", "add", "-", "--role", "privacy", typed=f"{ANNA}\n")

    assert ANNA in run("staff", "list")


def test_colleagues_are_listed(run: Run) -> None:
    """For people a line each, for programs JSON; who was disabled stays visible as such."""
    run("staff", "add", ANNA, "--role", "sales")
    run("staff", "add", "ben@desk.example.com", "--role", "admin")
    run("staff", "disable", "ben@desk.example.com")

    anna, ben = run("staff", "list").splitlines()
    listed = json.loads(run("staff", "list", "--json"))

    assert anna.split() == [ANNA, "sales", "active"]
    assert ben.split()[1:3] == ["admin", "disabled"]
    assert [(one["email"], one["disabled_at"] is None) for one in listed] == [
        (ANNA, True),
        ("ben@desk.example.com", False),
    ]


def test_mistakes_are_one_clear_line(run: Run) -> None:
    """No address, the same address twice, an unknown or disabled colleague: each is told without a traceback."""
    with pytest.raises(CommandRefused, match="EMAIL"):
        run("staff", "add", "anna", "--role", "sales")
    run("staff", "add", ANNA, "--role", "sales")
    with pytest.raises(Conflict):
        run("staff", "add", ANNA, "--role", "sales")
    with pytest.raises(NotFound):
        run("staff", "link", "nobody@desk.example.com")
    run("staff", "disable", ANNA)
    with pytest.raises(NotFound):
        run("staff", "link", ANNA)


def test_an_unknown_role_is_wrong_usage(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """argparse answers with the roles there are, and exit status 2."""
    with pytest.raises(SystemExit) as ended:
        run("staff", "add", ANNA, "--role", "root")

    assert ended.value.code == 2
    assert "sales" in capsys.readouterr().err


@pytest.fixture
async def sent(data_url: str, keyring_url: str, tmp_path: Path) -> str:
    """The reference of a lead whose person agreed to news, beside one who did not."""
    async with selling_desk(tmp_path, data_url, keyring_url) as desk:
        await Person(desk).sends()
        return await Person(desk).sends("news")


async def test_leads_for_a_spreadsheet(run: Run, sent: str) -> None:
    """CSV with a heading; a phone number stays a number."""
    table = list(
        csv.DictReader(io.StringIO(run("leads", "export", "--format", "csv", "--purpose", "contact")))
    )

    assert len(table) == 2
    assert table[1]["reference"] == sent
    assert {name: table[1][name] for name in LI_NA} == dict(LI_NA)
    assert table[1]["need"] == NEED


async def test_leads_for_a_program(run: Run, sent: str) -> None:
    """One JSON object a line, of those alone who agreed to the purpose, with its fields alone (S16)."""
    (line,) = run("leads", "export", "--format", "jsonl", "--purpose", "news").splitlines()

    exported = json.loads(line)
    assert exported["reference"] == sent
    assert exported["fields"] == {"name": LI_NA["name"], "email": LI_NA["email"]}


async def test_a_purpose_of_nothing_exported_is_refused(run: Run, sent: str) -> None:
    """Else people would read that something of theirs went out, and nothing did."""
    with pytest.raises(CommandRefused, match="visit covers nothing that is exported as csv"):
        run("leads", "export", "--format", "csv", "--purpose", "visit")


async def test_leads_for_an_address_book(run: Run, sent: str) -> None:
    """vCards of version 4.0 that an address book takes: CRLF, folded, escaped."""
    printed = run("leads", "export", "--format", "vcard", "--purpose", "call_back")

    cards = printed.split("END:VCARD\r\n")
    assert len(cards) == 3
    assert cards[0].startswith("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Li Canary\r\n")
    assert "TEL;VALUE=text:+8613800000000\r\n" in cards[0]
    assert f"NOTE:{sent}\\n{lead_commands._escaped(NEED)}\r\n" in cards[1].replace("\r\n ", "")


async def test_a_card_opens_only_what_it_has_a_place_for(
    run: Run, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """S16: the industry is in no vCard, so it is neither opened nor noted as disclosed."""
    async with selling_desk(tmp_path, data_url, keyring_url) as desk:
        person = Person(desk)
        await person.sends()
        await person.corrects("industry", "energy")
        run("leads", "export", "--format", "vcard", "--purpose", "contact")

        record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")

    assert set(record.recipients[0]["fields"]) == {*LI_NA, "need"}
    assert set(record.opened_by[0]["fields"]) == {*LI_NA, "need"}


async def test_an_export_may_begin_on_a_day(run: Run, sent: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--since` takes a date; anything else is wrong usage."""
    exported = run("leads", "export", "--format", "jsonl", "--purpose", "contact", "--since", "2999-01-01")

    assert exported == ""
    with pytest.raises(SystemExit):
        run("leads", "export", "--format", "jsonl", "--purpose", "contact", "--since", "yesterday")
    assert "argument --since: 'yesterday' is no day: write it as 2026-11-30" in capsys.readouterr().err


async def test_an_export_needs_a_known_purpose(run: Run, sent: str) -> None:
    """An invented purpose is refused with those there are."""
    with pytest.raises(CommandRefused, match="contact"):
        run("leads", "export", "--format", "csv", "--purpose", "curiosity")


async def test_an_export_is_in_the_persons_own_log(
    run: Run, data_url: str, keyring_url: str, tmp_path: Path
) -> None:
    """What was exported, and by whom, the person sees under "view" (S16, S21)."""
    async with selling_desk(tmp_path, data_url, keyring_url) as desk:
        person = Person(desk)
        await person.sends()
        run("leads", "export", "--format", "csv", "--purpose", "contact")

        record = await desk.call(desk.storage.store.record, person.subject, purpose="own_view")

    assert [row["recipient"] for row in record.recipients] == ["export"]
    assert [row["by"] for row in record.opened_by] == [COMMAND]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2", "'-2"),
        ("+8613800000000", "+8613800000000"),
        ("Li", "Li"),
    ],
)
def test_a_spreadsheet_runs_nothing(database_kind: str, value: str, written: str) -> None:
    """What a spreadsheet would take for a formula is quoted; a phone number is none."""
    assert lead_commands._inert(value) == written


def test_a_vcard_line_is_folded_between_characters(database_kind: str) -> None:
    """Long lines are cut at 75 octets, never inside a Chinese character, and join to what they were."""
    line = "ORG:" + lead_commands._escaped("示例仪器;有限公司, " * 12 + "\\\n")

    folded = lead_commands._folded(line)

    assert all(len(piece.encode()) <= 75 for piece in folded.split("\r\n"))
    assert folded.replace("\r\n ", "") == line + "\r\n"
    assert ";" not in line.replace("\\;", "")
