"""The file of key-encryption keys: for the desk's own user alone, and never replaced by a new one."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from storage.errors import KekRefused
from storage.keys.kek import Provider, Wrapped
from storage.keys.kek_address import provider_for
from storage.keys.kek_file import FileProvider

SECRET = b"an epoch's secret of 32 bytes..."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes: a folder that does not exist yet."""
    return tmp_path / "var" / "keys" / "kek.json"


@pytest.fixture
def provider(path: Path) -> Provider:
    """A provider that has made its file."""
    made = provider_for(f"file:{path}", random=os.urandom)
    made.wrap("epoch 0", SECRET)
    return made


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk runs as a user who owns nothing here."""
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)


def modes(*paths: Path) -> list[int]:
    """The permissions of files."""
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]


def test_a_second_provider_opens_what_the_first_has_wrapped(provider: Provider, path: Path) -> None:
    """The key outlives the process; both ways to write the address lead to it."""
    wrapped = provider.wrap("epoch 1", SECRET)

    assert provider_for(f"file://{path}", random=os.urandom).unwrap("epoch 1", wrapped) == SECRET


def test_nothing_is_made_before_something_is_wrapped(path: Path) -> None:
    """Building a provider touches no file."""
    provider_for(f"file:{path}", random=os.urandom)

    assert not path.parent.parent.exists()


def test_the_file_is_for_its_owner_alone(provider: Provider, path: Path) -> None:
    """0600 in folders 0700, whatever the umask, and no draft is left behind."""
    assert modes(path, path.parent, path.parent.parent) == [0o600, 0o700, 0o700]
    assert [file.name for file in path.parent.iterdir()] == ["kek.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o666, 0o610])
def test_a_file_open_to_others_is_refused(provider: Provider, path: Path, mode: int) -> None:
    """One clear line names the file, its mode and the remedy."""
    path.chmod(mode)

    with pytest.raises(KekRefused, match=rf"^{path} is open to others \(mode {mode:o}\): chmod 600 {path}$"):
        provider.wrap("epoch 1", SECRET)


def test_a_folder_open_to_others_is_refused(provider: Provider, path: Path) -> None:
    """Who may write to the folder could replace the file."""
    path.parent.chmod(0o755)

    with pytest.raises(KekRefused, match="in a folder of its own, mode 700"):
        provider.wrap("epoch 1", SECRET)


def test_no_key_is_made_in_a_folder_open_to_others(tmp_path: Path) -> None:
    """It is refused before anything is written there."""
    tmp_path.chmod(0o755)

    with pytest.raises(KekRefused, match="open to others"):
        provider_for(f"file:{tmp_path}/kek.json", random=os.urandom).wrap("epoch 1", SECRET)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("another_user")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    """The desk's key belongs to the desk's user."""
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text("{}", encoding="utf-8")

    with pytest.raises(KekRefused, match="belongs to user"):
        FileProvider(path, os.urandom).wrap("epoch 1", SECRET)


def test_a_missing_file_is_not_replaced_when_something_is_wrapped_by_it(
    provider: Provider, path: Path
) -> None:
    """A new key would hide that the old one is lost: opening says what to put back, and makes nothing."""
    wrapped = provider.wrap("epoch 1", SECRET)
    path.unlink()

    with pytest.raises(KekRefused, match="is missing: put it back"):
        provider.unwrap("epoch 1", wrapped)
    assert not path.exists()


def test_another_file_in_its_place_is_named(provider: Provider, path: Path) -> None:
    """A file of another installation lacks the key: the message names the key and what it wraps."""
    wrapped = provider.wrap("epoch 1", SECRET)
    path.unlink()
    provider.wrap("epoch 0", SECRET)

    with pytest.raises(KekRefused, match=f"lacks KEK {wrapped.kek}, which wraps epoch 1"):
        provider.unwrap("epoch 1", wrapped)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"format": "askfirst-kek-1", "current": "a", "keys": []}',
        b'{"format": "askfirst-kek-1", "current": "a", "keys": {"a": 1}}',
        b'{"format": "askfirst-kek-1", "current": "a", "keys": {"a": "c2hvcnQ="}}',
        b'{"format": "askfirst-kek-1", "current": "b", "keys": {"a": "' + b"A" * 43 + b'="}}',
        b'{"format": "askfirst-kek-9", "current": "a", "keys": {"a": "' + b"A" * 43 + b'="}}',
    ],
)
def test_a_file_of_something_else_is_refused(path: Path, content: bytes) -> None:
    """Whatever stands in the file, the answer is one clear line."""
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(KekRefused, match=f"^{path} is not a KEK file"):
        FileProvider(path, os.urandom).wrap("epoch 1", SECRET)


def test_older_keys_still_open_after_a_new_one_became_current(provider: Provider, path: Path) -> None:
    """The file may hold several keys: the current one wraps, every one opens."""
    old = provider.wrap("epoch 1", SECRET)
    held = json.loads(path.read_text(encoding="utf-8"))
    held["keys"]["newer"] = "A" * 43 + "="
    path.write_text(json.dumps(held | {"current": "newer"}), encoding="utf-8")

    new = provider.wrap("epoch 2", SECRET)

    assert (old.kek, new.kek) == (held["current"], "newer")
    assert provider.unwrap("epoch 1", old) == provider.unwrap("epoch 2", new) == SECRET


def test_of_processes_that_start_together_one_makes_the_key(path: Path) -> None:
    """Whoever comes second uses the key of the first: nothing is wrapped by a key that is gone."""
    start = threading.Barrier(8)
    wraps: list[Wrapped] = []

    def begin() -> None:
        provider = FileProvider(path, os.urandom)
        start.wait()
        wraps.append(provider.wrap("epoch 1", SECRET))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({wrapped.kek for wrapped in wraps}) == 1
    assert len(wraps) == 8
    assert [file.name for file in path.parent.iterdir()] == ["kek.json"]


def test_the_file_that_came_first_stays(path: Path) -> None:
    """A file that appears between the look and the link is never overwritten."""
    first = FileProvider(path, os.urandom)

    def random(size: int) -> bytes:
        if not path.exists():
            first.wrap("epoch 0", SECRET)  # another process, at the worst moment
        return os.urandom(size)

    wrapped = FileProvider(path, random).wrap("epoch 1", SECRET)

    assert first.unwrap("epoch 1", wrapped) == SECRET


def test_a_place_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    """A file where a folder should be, or a folder where the file should be, is no traceback."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir(mode=0o700)

    with pytest.raises(KekRefused, match="name a place that the desk's user may write"):
        FileProvider(tmp_path / "file" / "keys" / "kek.json", os.urandom).wrap("epoch 1", SECRET)
    with pytest.raises(KekRefused, match="must be able to read it"):
        FileProvider(tmp_path / "folder", os.urandom).wrap("epoch 1", SECRET)


def test_the_bytes_of_a_destroyed_key_are_overwritten(provider: Provider, path: Path) -> None:
    """Who holds the old file open, or found its blocks on the disk, reads zeros."""
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()

    with path.open("rb") as before:
        provider.destroy(old.kek)
        assert set(before.read()) == {0}


@pytest.mark.parametrize("change", ["renew", "destroy"])
def test_a_lost_file_is_not_replaced_by_a_change(provider: Provider, path: Path, change: str) -> None:
    """A new file would hide that every older key is lost."""
    path.unlink()

    with pytest.raises(KekRefused, match="is missing: put it back"):
        provider.renew() if change == "renew" else provider.destroy("any")
    assert not path.exists()


def test_a_file_reached_by_a_link_is_changed_where_it_is(
    provider: Provider, path: Path, tmp_path: Path
) -> None:
    """The link stays a link; the file behind it gets the new key."""
    link = tmp_path / "kek.json"
    link.symlink_to(path)

    kek = FileProvider(link, os.urandom).renew()

    assert link.is_symlink()
    assert provider.wrap("epoch 2", SECRET).kek == kek


def test_processes_that_renew_together_lose_no_key(provider: Provider, path: Path) -> None:
    """Changes wait for each other, and readers never meet a file that is half there."""
    wrapped = provider.wrap("epoch 1", SECRET)
    start = threading.Barrier(8)
    made: list[str] = []

    def begin() -> None:
        mine = FileProvider(path, os.urandom)
        start.wait()
        for _ in range(5):
            made.append(mine.renew())
            assert mine.unwrap("epoch 1", wrapped) == SECRET

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = json.loads(path.read_text(encoding="utf-8"))
    assert held["keys"].keys() == {*made, wrapped.kek}
    assert held["current"] in made
    assert len(made) == 40
    assert [file.name for file in path.parent.iterdir()] == ["kek.json"]


def test_no_key_shows_in_a_repr(provider: Provider, path: Path) -> None:
    """Neither the provider nor what it parses prints a key."""
    key = next(iter(json.loads(path.read_text(encoding="utf-8"))["keys"].values()))

    assert key not in repr(provider)
    assert "secrets" not in repr(provider._read())  # type: ignore[attr-defined]  # the one place that holds them
