"""docs/sealing.md has everything that another program needs: a second one, written from it, agrees in every byte."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.keys.epochs import Epoch
from storage.keys.kek_file import FileProvider
from storage.keys.sealing import DataKey, Place, framed, seal, unseal
from storage.keys.signatures import verify
from tests import second_sealing as second
from tests.documents import codes, page, rows, section
from tests.envelopes import SEALED
from tests.remembering import DETAILS, NEED, remembering
from tests.sealed_people import CHAT, CORRECTED, TOLD, populate

PAGE = page("sealing.md")
PAGE_FILE = PAGE.partition("```json\n")[2].partition("```")[0]
LATER = datetime(2026, 11, 1, tzinfo=UTC)


class Vectors(dict[str, str]):
    """Every line of the vectors of the page, by its name."""

    def raw(self, name: str) -> bytes:
        """Return a line of hexadecimal digits as bytes."""
        return bytes.fromhex(self[name])


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """What the page shows."""
    lines = [
        line.partition("=")
        for block in re.findall(r"```vector\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]
    names = [name.strip() for name, _, _ in lines]
    assert len(names) == len(set(names))
    return Vectors({name.strip(): value.strip() for name, _, value in lines})


def test_the_second_implementation_knows_the_standard() -> None:
    """Test case 16 of the GCM specification (McGrew and Viega, 2005): AES-256, 60 bytes, 20 authenticated with them."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    more = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    text = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )

    assert second.gcm_encrypt(key, nonce, text, more) == sealed
    assert second.gcm_decrypt(key, nonce, sealed, more) == text
    with pytest.raises(second.WrongTag):
        second.gcm_decrypt(key, nonce, sealed[:-1] + b"\0", more)


def test_the_published_envelope_follows_from_the_page(vectors: Vectors) -> None:
    """Padding, what is authenticated, and the envelope: the page, the second implementation and the code agree."""
    words = (vectors["subject"], vectors["table"], vectors["column"], vectors["row"])
    version, revision = int(vectors["version"]), int(vectors["revision"])
    value, nonce, envelope = vectors["value"].encode(), vectors.raw("nonce"), vectors.raw("envelope")
    place, key = Place(*words, revision), DataKey.of(version, vectors.raw("data key"))
    bound = second.bound(*words, version, revision)

    assert vectors.raw("padded") == second.padded(value)
    assert vectors.raw("with it") == bound == framed("AF", 1, *words, version, revision)
    assert second.sealed(vectors.raw("data key"), version, nonce, vectors.raw("padded"), bound) == envelope
    assert seal(key, place, value, nonce) == envelope
    assert (
        unseal({version: key}, place, envelope)
        == value
        == second.opened(vectors.raw("data key"), envelope, bound)
    )


def test_the_published_message_follows_from_the_page(vectors: Vectors) -> None:
    """The same of a message, which is padded to a power of two."""
    words = (vectors["subject"], "messages", "sealed_body", vectors["message row"])
    value, nonce, envelope = (
        vectors["message"].encode(),
        vectors.raw("message nonce"),
        vectors.raw("message envelope"),
    )
    place, key = Place(*words, 0), DataKey.of(2, vectors.raw("data key"))
    bound, padded = second.bound(*words, 2, 0), second.padded(value, powers_of_two=True)

    assert len(padded) == 256 != len(second.padded(value)) == 192
    assert vectors.raw("message with it") == bound
    assert second.sealed(vectors.raw("data key"), 2, nonce, padded, bound) == envelope
    assert seal(key, place, value, nonce, powers_of_two=True) == envelope
    assert (
        unseal({2: key}, place, envelope) == value == second.opened(vectors.raw("data key"), envelope, bound)
    )


@pytest.mark.parametrize("length", [0, 1, 62, 63, 64, 127, 128, 191, 192, 255, 256, 4_000])
def test_every_length_is_padded_as_the_page_says(length: int) -> None:
    """Steps of 64 bytes and powers of two, at each edge, by both implementations; each opens what the other sealed."""
    key, nonce, place = bytes(range(32)), bytes(12), Place("s", "t", "c", "r", 1)
    bound, value = second.bound("s", "t", "c", "r", 1, 1), b"x" * length
    for powers in (False, True):
        padded = second.padded(value, powers_of_two=powers)
        envelope = seal(DataKey.of(1, key), place, value, nonce, powers_of_two=powers)

        assert envelope == second.sealed(key, 1, nonce, padded, bound)
        assert second.opened(key, envelope, bound) == value


def test_the_published_keys_of_an_epoch_follow_from_the_page(vectors: Vectors) -> None:
    """Wrap key, index key, wrapped data key and look-up: the page, the second implementation and the code agree."""
    secret, nonce, key = vectors.raw("epoch secret"), vectors.raw("nonce"), vectors.raw("data key")
    owner = (vectors["subject"], vectors["scope"])
    wrap, index = second.hkdf(secret, b"askfirst wrap 1"), second.hkdf(secret, b"askfirst index 1")
    bound = second.framed(
        b"askfirst data key 1",
        second.number(1),
        b"default",
        *(word.encode() for word in owner),
        second.number(int(vectors["version"])),
        second.number(int(vectors["epoch"])),
    )
    wrapped = nonce + second.gcm_encrypt(wrap, nonce, key, bound)
    looked_up = vectors["field"], vectors["normalised"]
    epoch = Epoch.of(int(vectors["epoch"]), LATER, secret)

    assert (wrap, index) == (vectors.raw("wrap key"), vectors.raw("index key"))
    assert vectors.raw("wrapped with") == bound
    assert wrapped == vectors.raw("wrapped data key") == epoch.wrap(*owner, 2, key, nonce)
    assert vectors.raw("framed") == second.framed(*(word.encode() for word in looked_up))
    assert second.mac(index, *looked_up) == vectors.raw("mac") == epoch.mac(*looked_up)
    place = Place(vectors["subject"], vectors["table"], vectors["column"], vectors["row"], 3)
    assert unseal({2: epoch.unwrap(*owner, 2, wrapped)}, place, vectors.raw("envelope"))


def test_the_published_wrap_of_a_secret_follows_from_the_page(vectors: Vectors, tmp_path: Path) -> None:
    """What a KEK wraps, by the second implementation and the code; and the file of the page opens it."""
    nonce, secret = vectors.raw("nonce"), vectors.raw("epoch secret")
    bound = second.framed(b"askfirst kek wrap 1", vectors["kek id"].encode(), b"epoch 1")
    tmp_path.chmod(0o700)
    file = tmp_path / "kek.json"
    file.write_text(
        PAGE_FILE.replace("<32 bytes, base64>", base64.b64encode(vectors.raw("kek")).decode()),
        encoding="utf-8",
    )
    file.chmod(0o600)

    wrapped = FileProvider(file, lambda size: nonce[:size]).wrap("epoch 1", secret)

    assert vectors.raw("wrapped secret with") == bound
    assert nonce + second.gcm_encrypt(vectors.raw("kek"), nonce, secret, bound) == vectors.raw(
        "wrapped epoch secret"
    )
    assert wrapped == (vectors["kek id"], vectors.raw("wrapped epoch secret"))


def test_the_published_signature_is_checked_by_anyone(vectors: Vectors) -> None:
    """The signature follows from the page, and a single changed part of it does not verify (L14)."""
    domain, payload = vectors["domain"], vectors["payload"].encode()
    public, signature = vectors.raw("public key"), vectors.raw("signature")
    private = Ed25519PrivateKey.from_private_bytes(vectors.raw("private key"))

    assert private.sign(second.framed(domain.encode(), payload)) == signature
    assert verify(public, domain, payload, signature)
    assert not verify(public, "askfirst certificate", payload, signature)
    assert not verify(public, domain, b"{} ", signature)


def standing() -> Mapping[tuple[str, str], list[str]]:
    """Return what the page says of each sealed column: its place, whose key, which row, which revision."""
    found: dict[tuple[str, str], list[str]] = {}
    for column, *cells in rows(section(PAGE, "## Where each envelope stands")):
        named = [code.split(".") for code in codes(column)]
        found[named[0][0], named[0][1]] = [*named[-1], *(codes(cell)[0] for cell in cells[:4])]
    return found


def test_the_page_knows_every_sealed_column() -> None:
    """Every column that holds envelopes has its line, and each line its column."""
    assert standing().keys() == SEALED.keys()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_another_program_opens_a_whole_desk(data_url: str, keyring_url: str, tmp_path: Path) -> None:
    """With the two databases, the file of keys and what the page says, every single value comes out."""
    with remembering(data_url, keyring_url, tmp_path) as memory:
        populate(memory)
    found = list(_everything(tmp_path / "desk.db", _data_keys(tmp_path)))
    words = b"\n".join(value for _, value in found).decode(errors="replace")

    assert {name for name, _ in found} == SEALED.keys()
    assert all(value in words for value in (*DETAILS.values(), NEED, CORRECTED, str(CHAT), TOLD[0][1]))


def _data_keys(folder: Path) -> Mapping[tuple[str, str, int], bytes]:
    keks = json.loads((folder / "keys" / "kek.json").read_bytes())["keys"]
    keys = {}
    with closing(sqlite3.connect(folder / "keyring.db")) as keyring:
        wrap_keys = {}
        for epoch, kek, wrapped in keyring.execute("SELECT epoch, kek, wrapped FROM epochs"):
            bound = second.framed(b"askfirst kek wrap 1", kek.encode(), f"epoch {epoch}".encode())
            secret = second.gcm_decrypt(base64.b64decode(keks[kek]), wrapped[:12], wrapped[12:], bound)
            wrap_keys[epoch] = second.hkdf(secret, b"askfirst wrap 1")
        named = keyring.execute("SELECT subject, scope, version, epoch, wrapped FROM scope_keys")
        for subject, scope, version, epoch, wrapped in named:
            owner = [
                b"default",
                subject.encode(),
                scope.encode(),
                second.number(version),
                second.number(epoch),
            ]
            bound = second.framed(b"askfirst data key 1", second.number(1), *owner)
            key = second.gcm_decrypt(wrap_keys[epoch], wrapped[:12], wrapped[12:], bound)
            keys[subject, scope, version] = key
    return keys


def _everything(
    data: Path, keys: Mapping[tuple[str, str, int], bytes]
) -> Iterator[tuple[tuple[str, str], bytes]]:
    with closing(sqlite3.connect(data)) as connection:
        connection.row_factory = sqlite3.Row
        profiles = {row["subject"]: row["profile"] for row in connection.execute("SELECT * FROM subjects")}
        for (table, column), (at_table, at_column, *given) in standing().items():
            for row in connection.execute(f"SELECT * FROM {table} WHERE length({column}) > 0"):
                named: dict[str, Any] = {**dict(row), "profile": profiles.get(dict(row).get("subject"))}
                subject, scope, name, revision = (text.format(**named) for text in given)
                envelope = row[column]
                version = int.from_bytes(envelope[3:7])
                bound = second.bound(subject, at_table, at_column, name, version, int(revision))
                yield (table, column), second.opened(keys[subject, scope, version], envelope, bound)
