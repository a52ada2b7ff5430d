"""What every provider of key-encryption keys promises: the file, Vault transit (OpenBao) and AWS KMS (moto)."""

import base64
import os
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import KekAway, KekRefused, OperatorMustAct
from storage.keys.kek import Provider, Wrapped
from storage.keys.kek_address import provider_for
from tests.documents import ROOT
from tests.key_holders import AWS, ROOT_TOKEN, sick_server
from tests.servers import free_port

SECRET = b"an epoch's secret of 32 bytes..."
ON_SERVERS = pytest.mark.parametrize("kind", ["vault", "aws-kms"], indirect=True)


@dataclass(frozen=True, slots=True)
class Holder:
    """Where KEKs are held: the address, and how the test's environment leads elsewhere."""

    kind: str
    url: str
    monkeypatch: pytest.MonkeyPatch

    def provider(self) -> Provider:
        """Return a provider as a process has it."""
        return provider_for(self.url, random=os.urandom)

    def at(self, place: str) -> Provider:
        """Return a provider whose server is looked for at another host and port."""
        self.monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://{place}")
        return provider_for(
            self.url if self.kind == "aws-kms" else f"vault://{place}/transit/askfirst?tls=0",
            random=os.urandom,
        )


@pytest.fixture(params=["file", "vault", "aws-kms"])
def kind(request: pytest.FixtureRequest) -> str:
    """Run a test with every provider."""
    kind: str = request.param
    return kind


@pytest.fixture
def holder(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Holder:
    """A place for KEKs that holds none yet."""
    own = f"test-{uuid.uuid4().hex}"
    for name in [name for name in os.environ if name.startswith(("AWS_", "VAULT_"))]:
        monkeypatch.delenv(name)  # whatever the machine has set: nothing of it reaches a test
    if kind == "file":
        return Holder(kind, f"file:{tmp_path}/keys/kek.json", monkeypatch)
    if kind == "vault":
        monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
        return Holder(kind, request.getfixturevalue("openbao").enable(own), monkeypatch)
    for name, value in request.getfixturevalue("kms").environment.items():
        monkeypatch.setenv(name, value)
    return Holder(kind, f"aws-kms://alias/{own}", monkeypatch)


@pytest.fixture
def provider(holder: Holder) -> Provider:
    """A provider that has wrapped nothing yet."""
    return holder.provider()


def test_a_wrapped_secret_opens_again(provider: Provider, holder: Holder) -> None:
    """What was wrapped under a name opens under it, also in another process, and is not there in plain."""
    wrapped = provider.wrap("epoch 1", SECRET)

    assert holder.provider().unwrap("epoch 1", wrapped) == SECRET
    assert SECRET not in wrapped.body


def test_two_wraps_of_one_secret_differ(provider: Provider) -> None:
    """Every wrap has a nonce of its own, and all are of one key."""
    first, second = provider.wrap("epoch 1", SECRET), provider.wrap("epoch 1", SECRET)

    assert first.kek == second.kek
    assert first.body != second.body


@pytest.mark.parametrize("part", ["name", "bit", "nothing", "no text"])
def test_a_wrap_opens_under_its_own_name_alone(provider: Provider, part: str) -> None:
    """S10: a wrap that was moved to another epoch, damaged or emptied does not open."""
    kek, body = provider.wrap("epoch 1", SECRET)
    name = "epoch 2" if part == "name" else "epoch 1"
    harmed = body[:-3] + bytes([body[-3] ^ 1]) + body[-2:]  # the last signs of base64 hold less than a byte
    body = {"name": body, "bit": harmed, "nothing": b"", "no text": b"\xff" * 80}[part]

    with pytest.raises(KekRefused, match=f"^{name}: its wrap is damaged"):
        provider.unwrap(name, Wrapped(kek, body))


def test_a_wrap_opens_with_its_own_key_alone(provider: Provider) -> None:
    """A row that was made to name another key does not open."""
    old = provider.wrap("epoch 1", SECRET)
    kek = provider.renew()

    with pytest.raises(KekRefused):
        provider.unwrap("epoch 1", Wrapped(kek, old.body))


def test_a_new_key_wraps_and_the_old_one_still_opens(provider: Provider, holder: Holder) -> None:
    """After `renew` the new one wraps in every process, and each opens what it has wrapped."""
    old = provider.wrap("epoch 1", SECRET)

    kek = provider.renew()

    new = holder.provider().wrap("epoch 2", SECRET)
    assert provider.wrap("epoch 2", SECRET).kek == new.kek == kek != old.kek
    assert provider.unwrap("epoch 1", old) == provider.unwrap("epoch 2", new) == SECRET


def test_a_destroyed_key_is_gone(provider: Provider, kind: str) -> None:
    """At once, or after the seven days of KMS; what other keys have wrapped opens as before."""
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()
    new = provider.wrap("epoch 2", SECRET)

    gone_at = provider.destroy(old.kek)

    if kind == "aws-kms":  # moto opens it all the same: tests/test_kek_kms.py looks at the state of the key
        assert gone_at is not None
        assert provider.delay == timedelta(days=7)
        assert abs(gone_at - datetime.now(UTC) - provider.delay) < timedelta(minutes=5)
    else:
        assert gone_at is None
        assert not provider.delay
        with pytest.raises(KekRefused, match=f"lacks KEK {old.kek}, which wraps epoch 1"):
            provider.unwrap("epoch 1", old)
    assert provider.unwrap("epoch 2", new) == SECRET


def test_the_current_key_is_not_destroyed(provider: Provider) -> None:
    """Nothing could be wrapped any more: the message says what comes first."""
    wrapped = provider.wrap("epoch 1", SECRET)

    with pytest.raises(KekRefused, match=f"KEK {wrapped.kek} is the current one: rotate first"):
        provider.destroy(wrapped.kek)
    assert provider.unwrap("epoch 1", wrapped) == SECRET


def test_destroying_again_does_no_harm(provider: Provider) -> None:
    """Whoever crashed after destroying asks once more and gets the same answer."""
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()

    assert provider.destroy(old.kek) == provider.destroy(old.kek)


def test_a_key_of_another_place_is_named(provider: Provider) -> None:
    """KEK_URL names another holder than the one that wrapped: the message says which key is missing, and for what."""
    wrapped = provider.wrap("epoch 1", SECRET)

    with pytest.raises(
        KekRefused, match="lacks KEK 0011aabb, which wraps epoch 1: does KEK_URL name another"
    ):
        provider.unwrap("epoch 1", Wrapped("0011aabb", wrapped.body))
    assert provider.destroy("0011aabb") is None


@ON_SERVERS
def test_a_server_that_is_down_is_waited_for(holder: Holder) -> None:
    """Nothing answers there: that is not a refusal, and whoever can wait tries again."""
    away = holder.at(f"127.0.0.1:{free_port()}")

    for ask in _everything(away):
        with pytest.raises(KekAway, match="cannot be reached"):
            ask()


@ON_SERVERS
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_is_not_well_is_waited_for(holder: Holder, status: int) -> None:
    """A gateway whose server is away answers in its place."""
    with sick_server(status, "<h1>Sorry</h1>") as place:
        sick = holder.at(place)

        with pytest.raises(KekAway, match="does not serve at this moment"):
            sick.unwrap("epoch 1", Wrapped("askfirst-1", b"vault:v1:AAAA"))


def _everything(provider: Provider) -> list[Callable[[], object]]:
    """All that may be asked of a provider."""
    wrapped = Wrapped("askfirst-1", b"vault:v1:AAAA")
    return [
        lambda: provider.wrap("epoch 1", SECRET),
        lambda: provider.unwrap("epoch 1", wrapped),
        provider.renew,
        lambda: provider.destroy("askfirst-1"),
    ]


@ON_SERVERS
def test_no_fault_tells_a_secret(holder: Holder) -> None:
    """Whatever goes wrong, neither what was to be wrapped nor what opens the server stands in the message."""
    told = []
    for status in (400, 403, 500):
        with sick_server(status, '{"errors": ["no"], "__type": "No"}', "application/json") as place:
            for ask in _everything(holder.at(place)):
                with pytest.raises(OperatorMustAct) as refused:
                    ask()
                told.append("".join(traceback.format_exception(refused.value)))

    secrets = [SECRET.decode(), base64.b64encode(SECRET).decode(), ROOT_TOKEN, AWS["AWS_SECRET_ACCESS_KEY"]]
    assert not [secret for secret in secrets if secret in "".join(told)]
    assert len(told) == 12


@ON_SERVERS
def test_no_log_tells_a_secret(holder: Holder) -> None:
    """S10: at DEBUG the libraries would print whole requests; the desk's own logs have them quiet."""
    script = """if True:
        import os, sys
        from bot import logs
        from storage.keys.kek_address import provider_for
        logs.set_up("DEBUG", "console")
        provider = provider_for(sys.argv[1], random=os.urandom)
        sys.stdout.buffer.write(provider.unwrap("epoch 1", provider.wrap("epoch 1", sys.argv[2].encode())))
    """
    done = subprocess.run(
        [sys.executable, "-c", script, holder.url, SECRET], cwd=ROOT, check=True, capture_output=True
    )

    assert done.stdout == SECRET
    for secret in (
        SECRET,
        base64.b64encode(SECRET),
        ROOT_TOKEN.encode(),
        AWS["AWS_SECRET_ACCESS_KEY"].encode(),
    ):
        assert secret not in done.stderr


@pytest.mark.usefixtures("holder")
def test_no_key_shows_in_a_repr(provider: Provider) -> None:
    """Printing a provider tells where the keys are held, not more."""
    provider.wrap("epoch 1", SECRET)

    assert ROOT_TOKEN not in repr(provider)
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in repr(provider)
