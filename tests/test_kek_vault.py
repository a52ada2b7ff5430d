"""Key-encryption keys in Vault transit: a real OpenBao server, its policies, its certificates, its troubles."""

import base64
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hvac import Client

from storage.errors import KekAway, KekRefused
from storage.keys.kek import Wrapped
from storage.keys.kek_vault import VaultProvider
from tests.documents import ROOT, page
from tests.key_holders import ROOT_TOKEN, OpenBao, running_openbao, sick_server
from tests.servers import free_port

SECRET = b"an epoch's secret of 32 bytes..."


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk's environment holds a token that may do everything."""
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)


@pytest.fixture
def client(openbao: OpenBao) -> Iterator[Client]:
    """The administrator's own client."""
    client = openbao.client
    yield client
    client.adapter.close()


@pytest.fixture
def mount() -> str:
    """A mount of this test's own."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def provider(openbao: OpenBao, mount: str) -> VaultProvider:
    """A provider on an engine that holds no key yet."""
    return VaultProvider.at(openbao.enable(mount))


def token_of(client: Client, policy: str) -> str:
    """Return a token that may do what a policy allows and no more."""
    name = f"policy-{uuid.uuid4().hex}"
    client.sys.create_or_update_policy(name, policy)
    return str(client.auth.token.create(policies=[name], no_default_policy=True)["auth"]["client_token"])


def documented(mount: str) -> tuple[str, str]:
    """Return the two policies of docs/operations.md, for another mount."""
    desk, keys = re.findall(r"```hcl\n(.*?)```", page("operations.md"), re.DOTALL)
    return desk.replace("transit/", f"{mount}/"), keys.replace("transit/", f"{mount}/")


def test_every_key_has_a_number_and_a_name_of_its_own(
    provider: VaultProvider, client: Client, mount: str
) -> None:
    """What else lies in the engine, however it is called, is neither counted nor touched."""
    for other in ("askfirst", "askfirst-09", "askfirst-7-old", "other-12"):
        client.secrets.transit.create_key(other, mount_point=mount)

    made = [provider.wrap("epoch 1", SECRET).kek, provider.renew(), provider.renew()]
    provider.destroy("askfirst-2")

    keys = client.secrets.transit.list_keys(mount_point=mount)["data"]["keys"]
    assert made == ["askfirst-1", "askfirst-2", "askfirst-3"]
    assert {*keys} == {
        "askfirst",
        "askfirst-09",
        "askfirst-7-old",
        "other-12",
        "askfirst-1",
        "askfirst-3",
    }


def test_a_tenth_key_is_newer_than_a_ninth(provider: VaultProvider) -> None:
    """Numbers are compared, not letters."""
    made = [provider.renew() for _ in range(10)]

    assert provider.wrap("epoch 10", SECRET).kek == made[-1] == "askfirst-10"


def test_a_key_never_leaves_the_engine(provider: VaultProvider, client: Client, mount: str) -> None:
    """AES-256-GCM, not exportable, in no plaintext backup, and not to be deleted by accident."""
    kek = provider.renew()

    key = client.secrets.transit.read_key(kek, mount_point=mount)["data"]
    assert key["type"] == "aes256-gcm96"
    assert not any(key[right] for right in ("exportable", "allow_plaintext_backup", "deletion_allowed"))


def test_a_wrap_is_what_the_page_says(provider: VaultProvider, client: Client, mount: str) -> None:
    """Another program opens it with the associated data of docs/sealing.md, and the name in it."""
    kek, body = provider.wrap("epoch 1", SECRET)

    parts = [b"askfirst kek wrap 1", kek.encode(), b"epoch 1"]
    bound = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    opened = client.secrets.transit.decrypt_data(
        kek, body.decode(), associated_data=base64.b64encode(bound).decode(), mount_point=mount
    )
    assert base64.b64decode(opened["data"]["plaintext"]) == SECRET


def test_the_documented_policy_of_the_desk_opens_and_does_nothing_else(
    provider: VaultProvider, client: Client, mount: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes over a process that serves can make no key and destroy none."""
    wrapped = provider.wrap("epoch 1", SECRET)
    provider.renew()
    monkeypatch.setenv("VAULT_TOKEN", token_of(client, documented(mount)[0]))

    assert provider.unwrap("epoch 1", wrapped) == SECRET
    for ask in (
        lambda: provider.wrap("epoch 2", SECRET),
        provider.renew,
        lambda: provider.destroy(wrapped.kek),
    ):
        with pytest.raises(KekRefused, match="denies it: VAULT_TOKEN is missing or expired, or its policy"):
            ask()


def test_the_documented_policy_of_the_keys_is_enough(
    provider: VaultProvider, client: Client, mount: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laying out, rotating and retiring need nothing that the page does not name."""
    monkeypatch.setenv("VAULT_TOKEN", token_of(client, documented(mount)[1]))

    old = provider.wrap("epoch 1", SECRET)
    provider.renew()

    assert provider.unwrap("epoch 1", old) == SECRET
    provider.destroy(old.kek)
    with pytest.raises(KekRefused, match="lacks KEK askfirst-1"):
        provider.unwrap("epoch 1", old)


@pytest.mark.parametrize("token", ["", "s.unknown", "no token\nat all"])
def test_a_wrong_token_is_refused(
    provider: VaultProvider,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Without one, with an unknown one, with one that cannot be sent: one line names the variable, not its value."""
    monkeypatch.setenv("VAULT_TOKEN", token)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))

    with pytest.raises(KekRefused, match="VAULT_TOKEN") as refused:
        provider.renew()
    assert token not in str(refused.value) or not token


def test_the_token_may_lie_in_the_home_of_the_user(
    provider: VaultProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `vault login` and agents put it; a file that cannot be read is one line."""
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vault-token").write_text(f"{ROOT_TOKEN}\n", encoding="ascii")

    assert provider.renew() == "askfirst-1"

    (tmp_path / ".vault-token").unlink()
    (tmp_path / ".vault-token").mkdir()
    with pytest.raises(KekRefused, match="check VAULT_CACERT and VAULT_TOKEN"):
        provider.renew()


def test_a_namespace_is_a_place_of_its_own(openbao: OpenBao, client: Client, mount: str) -> None:
    """The address leads to the engine that is mounted there."""
    client.adapter.post(f"/v1/sys/namespaces/{mount}")
    inside = Client(openbao.url, token=ROOT_TOKEN, namespace=mount)
    inside.sys.enable_secrets_engine("transit", path="transit")
    provider = VaultProvider.at(f"{openbao.kek_url('transit')}&namespace={mount}")

    wrapped = provider.wrap("epoch 1", SECRET)

    assert provider.unwrap("epoch 1", wrapped) == SECRET
    assert inside.secrets.transit.list_keys()["data"]["keys"] == ["askfirst-1"]
    inside.adapter.close()


def test_a_mount_that_is_no_transit_engine_is_refused(openbao: OpenBao) -> None:
    """Nothing is mounted there, or something else: the operator must act."""
    for mount in ("nowhere", "secret"):
        provider = VaultProvider.at(openbao.kek_url(mount))
        with pytest.raises(KekRefused, match="check that KEK_URL names a transit engine"):
            provider.wrap("epoch 1", SECRET)


def test_a_key_of_another_kind_is_refused(provider: VaultProvider, client: Client, mount: str) -> None:
    """A key that cannot bind a wrap to its name wraps nothing."""
    client.secrets.transit.create_key("askfirst-1", key_type="rsa-2048", mount_point=mount)

    with pytest.raises(KekRefused, match="refuses"):
        provider.wrap("epoch 1", SECRET)


@pytest.mark.parametrize("answer", ["<h1>Welcome</h1>", '{"data": {}}', '{"data": {"plaintext": "!"}}'])
def test_something_else_at_the_address_is_refused(answer: str) -> None:
    """A web server that knows nothing of transit says 200 to everything."""
    with sick_server(200, answer, "application/json") as place:
        provider = VaultProvider.at(f"vault://{place}/transit/askfirst?tls=0")
        with pytest.raises(KekRefused, match="does not answer like Vault"):
            provider.unwrap("epoch 1", Wrapped("askfirst-1", b"vault:v1:AAAA"))


def test_a_sealed_vault_is_waited_for() -> None:
    """It answers and opens nothing, until its keepers unseal it."""
    with running_openbao() as server:
        provider = VaultProvider.at(server.enable("transit"))
        wrapped = provider.wrap("epoch 1", SECRET)
        server.seal()

        with pytest.raises(KekAway, match="does not serve at this moment"):
            provider.unwrap("epoch 1", wrapped)
        server.unseal()
        assert provider.unwrap("epoch 1", wrapped) == SECRET


def test_only_a_vault_whose_certificate_is_trusted_is_spoken_to(tmp_path: Path) -> None:
    """Without `VAULT_CACERT` the line names it; with it the wrap opens; with a file that is missing it is named."""
    script = """if True:
        import sys
        from storage.keys.kek_vault import VaultProvider
        provider = VaultProvider.at(sys.argv[1])
        sys.exit(provider.unwrap("epoch 1", provider.wrap("epoch 1", b"a secret")) != b"a secret")
    """

    def said(**more: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VAULT_")}
        environment |= {"VAULT_TOKEN": ROOT_TOKEN, "HOME": str(tmp_path)} | more
        done = subprocess.run(
            [sys.executable, "-c", script, url], cwd=ROOT, env=environment, capture_output=True, check=False
        )
        return done.stderr.decode()

    with running_openbao(tls=True) as server:
        url = server.enable("transit")
        assert "is not trusted; set VAULT_CACERT" in said()
        assert said(VAULT_CACERT=str(server.authority)) == ""
        assert "check VAULT_CACERT" in said(VAULT_CACERT=f"{tmp_path}/missing.pem")


def test_no_proxy_stands_between_a_desk_and_its_own_machine(
    provider: VaultProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names is for other machines."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    assert provider.renew() == "askfirst-1"
