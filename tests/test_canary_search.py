"""The search for canaries finds them: in every form, in every place where a database or a program leaves something."""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import asyncpg
import pytest

from tests.canaries import BANK_CARDS, CHINESE, CREDIT_CODE, DETAILS, FULL_WIDTH, ID_NUMBER, LATIN, Search
from tests.canary_walks import CHATS, EARLY
from tests.servers import PostgreSQL, running_postgresql
from tests.sqlite_files import free_pages, outsider

PHONE = EARLY[0]
FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "capitals": lambda text: text.upper().encode(),
    "small letters": lambda text: text.lower().encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "gb18030": lambda text: text.encode("gb18030"),
    "hex": lambda text: text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "hex of utf-16": lambda text: text.encode("utf-16-le").hex().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one later": lambda text: base64.b64encode(f"x{text} and more".encode()),
    "base64, two later": lambda text: base64.b64encode(f"xy{text}z".encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"?>{text}~".encode()),
    "base64 of utf-16": lambda text: base64.b64encode(f"so {text}".encode("utf-16-be")),
    "URL": lambda text: quote(text).encode(),
    "URL in small letters": lambda text: quote(text, safe="").lower().encode(),
    "form": lambda text: urlencode({"text": text}).encode(),
    "plus": lambda text: quote_plus(text).encode(),
    "JSON": lambda text: json.dumps({"text": f"so {text} it is"}).encode(),
    "JSON in capitals": lambda text: (
        json.dumps(text).replace("\\u", "\0").upper().replace("\0", "\\u").encode()
    ),
    "HTML": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace"),
    "HTML in hex": lambda text: "".join(f"&#x{ord(s):X};" if ord(s) > 127 else s for s in text).encode(),
    "mail": lambda text: quopri.encodestring(f"{'long ' * 14}{text}".encode()),
    "mail in base64": lambda text: base64.encodebytes(f"{'long ' * 14}{text} and so on".encode()),
    "repr": lambda text: repr(text.encode()).encode(),
    "octal": lambda text: "".join(chr(b) if b < 128 else f"\\{b:03o}" for b in text.encode()).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
}
NUMBERS: dict[str, Callable[[str], bytes]] = {  # ways that only numbers have
    "reversed": lambda digits: digits[::-1].encode(),
    "with dashes": lambda digits: f"+86-{digits[:3]}-{digits[3:7]}-{digits[7:]}".encode(),
    "with dots": lambda digits: f"{digits[:3]}.{digits[3:7]}.{digits[7:]}".encode(),
    "with brackets": lambda digits: f"({digits[:3]}) {digits[3:7]} {digits[7:]}".encode(),
    "with 0086": lambda digits: f"0086{digits}".encode(),
    "digit by digit": lambda digits: " ".join(digits).encode(),
    "in full width": lambda digits: digits.translate(FULL_WIDTH).encode(),
    "in full width, as JSON": lambda digits: json.dumps(digits.translate(FULL_WIDTH)).encode(),
    "in groups of four": lambda digits: f"86{digits[:2]} {digits[2:6]} {digits[6:10]} {digits[10:]}".encode(),
    "as a whole number": lambda digits: int(digits).to_bytes(8, "little"),
    "as a whole number in six bytes": lambda digits: int(digits).to_bytes(6),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("canary", [LATIN, CHINESE, PHONE, ID_NUMBER, CREDIT_CODE, EARLY[1]])
def test_the_search_finds_a_canary_in_every_form(
    canary: str, form: Callable[[str], bytes], tmp_path: Path
) -> None:
    """A search that finds nothing proves nothing, unless it finds what was put there; and only that."""
    (tmp_path / "deep").mkdir()
    before, after = (b"", b"") if form is FORMS["gzip"] else (b"\x01", b"\xff")
    (tmp_path / "deep" / "file.db-wal").write_bytes(before + form(canary) + after)

    assert Search([canary]).in_files(tmp_path)
    assert not Search([BANK_CARDS[1]]).in_files(tmp_path)


@pytest.mark.parametrize("form", NUMBERS.values(), ids=NUMBERS)
def test_the_search_finds_a_number_however_it_is_written(form: Callable[[str], bytes]) -> None:
    """As people write it, as programs store it, and as those do who hide it."""
    national = "".join(PHONE.split())[-11:]

    assert Search([PHONE]).hits("file", b"\0" + form(national) + b"\0")
    assert not Search([DETAILS["en"]["phone"]]).hits("file", b"\0" + form(national) + b"\0")


def test_the_search_finds_a_canary_in_a_mail_and_in_a_file_s_name(tmp_path: Path) -> None:
    """Headers and bodies as the library of mail writes them, long lines broken; and what a file is called."""
    mail = EmailMessage()
    mail["Subject"] = f"{'long ' * 20}{CHINESE}"
    mail.set_content(f"{'long ' * 30}{LATIN}{'long ' * 30}{CHINESE}", cte="quoted-printable")
    (tmp_path / f"{LATIN}.txt").write_bytes(b"")

    for canary in (LATIN, CHINESE):
        assert Search([canary]).hits("mail", mail.as_bytes())
    assert Search([LATIN]).in_files(tmp_path)


def test_the_search_finds_what_sqlite_leaves(tmp_path: Path) -> None:
    """A row, an index, the write-ahead log, a page that was set free, a whole number, bytes."""
    search = Search([LATIN, *map(str, CHATS.values())])
    file = tmp_path / "careless.db"
    with outsider(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE people (name TEXT, chat INTEGER, body BLOB)")
        connection.execute("CREATE INDEX named ON people (name)")
        connection.execute("INSERT INTO people VALUES (?, 1, x'00')", [f"Wen {LATIN}"])
        assert search.hits("log", (tmp_path / "careless.db-wal").read_bytes())
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert search.hits("row", file.read_bytes())
        connection.execute("DROP TABLE people")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert [page for page in free_pages(file) if search.hits("free page", page)]
    with closing(sqlite3.connect(tmp_path / "chats.db")) as connection:
        connection.execute("CREATE TABLE chats (chat INTEGER)")
        connection.execute("INSERT INTO chats VALUES (?)", [CHATS["en"]])
        connection.commit()
    assert search.hits("number", (tmp_path / "chats.db").read_bytes())


@pytest.fixture(scope="module")
def careless() -> Iterator[PostgreSQL]:
    """A PostgreSQL that writes down every statement with its parameters."""
    with running_postgresql("log_statement=all", "log_parameter_max_length=-1") as server:
        yield server


@pytest.fixture
async def people(careless: PostgreSQL) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection to a database of somebody who seals nothing."""
    connection = await asyncpg.connect(careless.create("careless"))
    await connection.execute("CREATE TABLE people (name text, chat bigint)")
    await connection.execute("CREATE INDEX named ON people (name)")
    yield connection
    await connection.close()
    careless.drop("careless")


async def test_the_search_finds_what_postgresql_leaves(
    careless: PostgreSQL, people: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Heap, index, write-ahead log, activity, the server's log and a dump: each holds what was not sealed."""
    latin, chat = Search([LATIN]), Search([str(CHATS["en"])])
    await people.execute("INSERT INTO people VALUES ($1, $2)", f"Wen {LATIN}", CHATS["en"])
    await people.execute("CHECKPOINT")
    heap, index = [
        careless.data / await people.fetchval(f"SELECT pg_relation_filepath('{name}')")
        for name in ("people", "named")
    ]
    activity = await people.fetchval(f"SELECT query FROM pg_stat_activity WHERE query LIKE '%{LATIN}%'")

    assert latin.hits("heap", heap.read_bytes())
    assert chat.hits("heap", heap.read_bytes())
    assert latin.hits("index", index.read_bytes())
    assert latin.in_files(careless.data / "pg_wal")
    assert latin.hits("log", careless.log.read_bytes())
    assert latin.hits("dump", careless.dump("careless"))
    assert latin.hits("activity", activity.encode())
