"""The file of key-encryption keys: for the desk's own user alone, and never replaced by a new one."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from storage.errors import KekRefused, UrlRefused
from storage.kek import FileProvider, Provider, Wrapped, provider_for

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


def test_a_wrapped_secret_opens_again(provider: Provider) -> None:
    """What was wrapped under a name opens under it, and is not there in plain."""
    wrapped = provider.wrap("epoch 1", SECRET)

    assert provider.unwrap("epoch 1", wrapped) == SECRET
    assert SECRET not in wrapped.body


def test_two_wraps_of_one_secret_differ(provider: Provider) -> None:
    """Every wrap has a nonce of its own."""
    assert provider.wrap("epoch 1", SECRET).body != provider.wrap("epoch 1", SECRET).body


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


@pytest.mark.parametrize("part", ["name", "bit", "nothing"])
def test_a_wrap_opens_under_its_own_name_alone(provider: Provider, part: str) -> None:
    """A wrap that was moved to another epoch, damaged or emptied does not open."""
    kek, body = provider.wrap("epoch 1", SECRET)
    name = "epoch 2" if part == "name" else "epoch 1"
    body = {"name": body, "bit": body[:-1] + bytes([body[-1] ^ 1]), "nothing": b""}[part]

    with pytest.raises(KekRefused, match="its wrap is damaged"):
        provider.unwrap(name, Wrapped(kek, body))


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


@pytest.mark.parametrize(
    "url", ["", "file:", "file://", "file://host/kek.json", "kek.json", "https://example.com/kek"]
)
def test_an_address_that_is_no_file_is_refused(url: str) -> None:
    """The message says what to give."""
    with pytest.raises(UrlRefused, match="KEK_URL: give file:PATH"):
        provider_for(url, random=os.urandom)


def test_an_address_with_a_secret_is_not_repeated() -> None:
    """Whatever was given by mistake, a password in it stays out of the message."""
    with pytest.raises(UrlRefused) as refused:
        provider_for("https://desk:pass-word@example.com/kek", random=os.urandom)
    assert "pass-word" not in str(refused.value)


@pytest.mark.parametrize("url", ["vault://vault.example.com/transit/askfirst", "aws-kms://alias/askfirst"])
def test_a_provider_to_come_is_said_to_be_missing(url: str) -> None:
    """Vault and KMS are not taken for mistakes: they are not supported yet."""
    with pytest.raises(UrlRefused, match="is not supported yet; give file:PATH"):
        provider_for(url, random=os.urandom)


def test_no_key_shows_in_a_repr(provider: Provider, path: Path) -> None:
    """Neither the provider nor what it parses prints a key."""
    key = next(iter(json.loads(path.read_text(encoding="utf-8"))["keys"].values()))

    assert key not in repr(provider)
    assert "secrets" not in repr(provider._read())  # type: ignore[attr-defined]  # the one place that holds them
