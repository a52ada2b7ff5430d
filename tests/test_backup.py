"""A backup: whole or not at all, data and keyring apart, and never what opens them."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from storage import migrations
from storage.copies import backup, postgres_programs
from storage.copies.backup import take
from storage.copies.manifests import DATA, FORMAT, KEYRING, Manifest
from storage.errors import BackupRefused, RestoreRefused
from storage.keys import checkpoints
from storage.keys.checkpoints import Checkpoint
from storage.tables import audit, leads
from tests.canaries import LATIN, Search
from tests.premises import Premises
from tests.remembering import DETAILS, NEED, Memory, Visitor

CANARIES = [*DETAILS.values(), NEED, "canary", LATIN]


def _forms(secret: bytes) -> list[bytes]:
    """Return how a key might be written."""
    text = base64.b64encode(secret)
    return [
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        text.rstrip(b"="),
        text.translate(bytes.maketrans(b"+/", b"-_")).rstrip(b"="),
    ]


def test_a_backup_holds_no_value_and_no_kek(premises: Premises) -> None:
    """S10: neither what people gave, in any form, nor a key-encryption key; and it is for its owner alone."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        Visitor(memory, channel="telegram", chat=471_147_114_711).sends()

    folder = premises.back_up()

    keks = json.loads((premises.folder / "var" / "keys" / "kek.json").read_bytes())
    secrets = [base64.b64decode(text) for text in keks["keys"].values()]
    files = [path for path in folder.rglob("*") if path.is_file()]
    held = [path.read_bytes() for path in files]
    assert len(files) == 4
    assert Search([*CANARIES, "471147114711"]).in_files(folder) == []
    assert [form for secret in secrets for form in _forms(secret) for raw in held if form in raw] == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {0o700}
    assert Search([visitor.conversation]).in_files(folder), "not even ids are found there"


def test_each_half_says_what_it_is(premises: Premises, database_kind: str) -> None:
    """Format, time, version, kind, installation and how many tombstones; the same moment on both."""
    with premises.memory() as memory:
        memory.run(memory.rooms.keyring.destroy, "a" * 32, ["x.1"], tombstone=True, at=memory.now())
        now = memory.run(memory.rooms.keyring.checkpoint)
        memory.run(_note, memory, now)
    at, name = premises.clock().isoformat().replace("+00:00", "Z"), now.installation

    folder = premises.back_up()

    data, keyring = (Manifest.read(folder, half, database_kind) for half in (DATA, KEYRING))
    assert {(one.format, one.at, one.kind, one.installation, one.tombstones) for one in (data, keyring)} == {
        (FORMAT, at, database_kind, name, 1)
    }
    assert (data.schema, keyring.schema) == (migrations.head(), "1")
    assert {data.file, keyring.file} == {path.name for path in folder.glob("*/*")} - {"manifest.json"}


def _note(memory: Memory, now: Checkpoint) -> None:
    """Have the data know how far the keyring has come, as the end of an erasure does."""
    with memory.rooms.engine.begin() as connection:
        checkpoints.note(connection, now)


def test_a_backup_is_noted_in_the_audit(premises: Premises) -> None:
    """So that one knows which copies there are when an epoch is retired."""
    premises.back_up()

    with premises.memory() as memory:
        assert memory.count(audit, action="backed_up", actor="command") == 1


def test_a_backup_is_of_one_moment(premises: Premises) -> None:
    """S10: taken while people talk; a second one is independent of the first."""
    with premises.memory() as memory:
        visitor = Visitor(memory)
        visitor.sends()
        first = premises.back_up("first")
        visitor.says("more")
        second = premises.back_up("second")

    for folder in (second, first):
        premises.restore(folder)
        with premises.memory() as memory:
            assert memory.count(leads, subject=visitor.subject) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_folder_that_is_there_is_left_alone(premises: Premises, tmp_path: Path) -> None:
    """An empty one may be named; anything else is refused, and stays as it was."""
    with premises.storage():
        pass
    (tmp_path / "letter").write_text("Dear desk", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()

    for name in ("letter", "full"):
        assert "name a new folder" in premises.terminal.refusal("backup", str(tmp_path / name))
    code, told, _ = premises.terminal.run("backup", str(tmp_path / "empty"))

    assert code == 0
    assert f"{tmp_path / 'empty' / 'data'}\n{tmp_path / 'empty' / 'keyring'}\n" in told
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["var", "var/keys", "var/keys/backup", "keys"])
def test_a_backup_never_lies_with_the_kek(premises: Premises, tmp_path: Path, name: str) -> None:
    """Neither in its folder, nor around it, nor through a link: whoever takes the one would have the other."""
    with premises.storage():
        pass
    (tmp_path / "keys").symlink_to(tmp_path / "var" / "keys")

    assert "KEK_URL" in premises.terminal.refusal("backup", str(tmp_path / name))


def test_a_kek_that_is_held_elsewhere_is_in_no_folder(tmp_path: Path) -> None:
    """Nothing to keep apart from."""
    backup._refuse_kek("vault://keys.example.com/desk", tmp_path)

    with pytest.raises(BackupRefused):
        backup._refuse_kek(f"file://{tmp_path}/kek.json", tmp_path)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_keyring_in_the_data_cannot_be_kept_apart(premises: Premises, tmp_path: Path) -> None:
    """One file would be in both halves."""
    premises.keyring_url = premises.data_url
    with premises.storage():
        pass

    assert "KEYRING_URL" in premises.terminal.refusal("backup", str(tmp_path / "backup"))


def test_what_fails_leaves_nothing(
    premises: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder of that name, and no draft of it, when the second half cannot be taken."""
    with premises.storage() as storage:
        copy = backup._copy

        def full(half: str, *given: object) -> None:
            if half == KEYRING:
                raise OSError(28, "No space left on device")
            copy(half, *given)  # type: ignore[arg-type]  # handed on

        monkeypatch.setattr(backup, "_copy", full)
        there = {path.name for path in tmp_path.iterdir()}
        with pytest.raises(OSError, match="No space"):
            storage.thread.submit(
                lambda: take(premises.places, storage, tmp_path / "b", premises.clock(), writer="w")
            ).result()
        assert {path.name for path in tmp_path.iterdir()} == there


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_postgresqls_programs_must_be_there(premises: Premises, tmp_path: Path) -> None:
    """One line with what to install, for the backup and for the restore."""
    folder = premises.back_up()
    path, premises.path = premises.path, str(tmp_path)

    refusals = [
        premises.terminal.refusal("backup", str(tmp_path / "b")),
        premises.terminal.refusal("restore", str(folder)),
    ]

    assert ["pg_dump" in refusals[0], "pg_restore" in refusals[1]] == [True, True]
    assert all("client programs of PostgreSQL" in line for line in refusals)
    premises.path = path
    assert premises.restore(folder).people == 0


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_a_program_says_is_passed_on(premises: Premises, tmp_path: Path) -> None:
    """Its first line, without the password of the address."""
    url = premises.data_url.replace("postgres@", "postgres:secret-word@") + "-missing?connect_timeout=3"

    with pytest.raises(BackupRefused, match="does not exist") as refusal:
        postgres_programs.dump(url, tmp_path / "d", ["audit"], "1-1-1", premises.environment)

    assert "secret-word" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_program_that_says_nothing_is_named(tmp_path: Path) -> None:
    """And the code with which it ended."""
    (tmp_path / "pg_restore").write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    (tmp_path / "pg_restore").chmod(0o700)

    with pytest.raises(RestoreRefused, match="pg_restore; it ended with 3"):
        postgres_programs.load("postgresql://db.invalid/desk", tmp_path / "dump", {"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        ("postgres://desk@db1/desk", "postgresql://desk@db1/desk", ""),
        (
            "postgresql://desk:p%40ss@db1:6/d?sslmode=require",
            "postgresql://desk@db1:6/d?sslmode=require",
            "p@ss",
        ),
        ("postgresql://db1,db2/d?password=x&user=desk", "postgresql://db1,db2/d?user=desk", "x"),
        ("postgresql:///desk", "postgresql:///desk", ""),
    ],
)
def test_no_program_is_told_a_password_where_others_see_it(url: str, address: str, password: str) -> None:
    """Arguments can be read by everybody on the machine; the environment cannot."""
    assert postgres_programs._without_password(url) == (
        address,
        {"PGPASSWORD": password} if password else {},
    )
