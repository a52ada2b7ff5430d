"""Key-encryption keys in AWS KMS: what is scheduled, what the alias names, whose policy allows it, its troubles."""

import json
import re
import uuid
from typing import Any

import pytest
import requests

from storage.errors import KekAway, KekRefused
from storage.keys.kek import Wrapped
from storage.keys.kek_kms import KmsProvider
from tests.documents import page
from tests.key_holders import Kms, running_openbao, sick_server

SECRET = b"an epoch's secret of 32 bytes..."
SOME = Wrapped("0011aabb", b"wrapped")


@pytest.fixture(autouse=True)
def environment(kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk's environment leads to the KMS of the tests."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in kms.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def alias() -> str:
    """An alias of this test's own."""
    return f"alias/test-{uuid.uuid4().hex}"


@pytest.fixture
def provider(alias: str) -> KmsProvider:
    """A provider whose alias names no key yet."""
    return KmsProvider.at(f"aws-kms://{alias}")


def test_a_key_by_its_full_name_opens_nothing(provider: KmsProvider, kms: Kms) -> None:
    """It could be a key of another account, put there by somebody who may write to the keyring alone."""
    kek, body = provider.wrap("epoch 1", SECRET)
    full = kms.client.describe_key(KeyId=kek)["KeyMetadata"]["Arn"]

    with pytest.raises(KekRefused, match="lacks KEK arn:aws:kms:"):
        provider.unwrap("epoch 1", Wrapped(full, body))


def test_a_key_waits_seven_days_for_its_deletion(provider: KmsProvider, kms: Kms) -> None:
    """It is scheduled at KMS; asking again schedules nothing anew."""
    old = provider.wrap("epoch 1", SECRET).kek
    provider.renew()

    gone_at = provider.destroy(old)

    key = kms.client.describe_key(KeyId=old)["KeyMetadata"]
    assert (key["KeyState"], key["DeletionDate"]) == ("PendingDeletion", gone_at)
    assert provider.destroy(old) == gone_at


def test_the_alias_names_the_newest_key(provider: KmsProvider, kms: Kms, alias: str) -> None:
    """Each key carries the tag by which policies know it."""
    first, second = provider.wrap("epoch 1", SECRET).kek, provider.renew()

    assert kms.client.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == second
    for kek in (first, second):
        assert kms.client.list_resource_tags(KeyId=kek)["Tags"] == [{"TagKey": "askfirst", "TagValue": alias}]


def test_an_alias_that_still_shows_the_key_before_misleads_nobody(
    provider: KmsProvider, kms: Kms, alias: str
) -> None:
    """KMS settles in minutes: who has renewed wraps by the new key at once."""
    old = provider.wrap("epoch 1", SECRET).kek
    new = provider.renew()
    kms.client.update_alias(AliasName=alias, TargetKeyId=old)

    assert provider.wrap("epoch 2", SECRET).kek == new
    with pytest.raises(KekRefused, match="is the current one"):
        provider.destroy(new)


def test_a_key_that_another_process_made_is_the_current_one(provider: KmsProvider, alias: str) -> None:
    """What this process has made before does not count any more."""
    provider.renew()
    newest = KmsProvider.at(f"aws-kms://{alias}").renew()

    assert provider.wrap("epoch 2", SECRET).kek == newest


def test_the_documented_policies_name_what_is_asked(provider: KmsProvider) -> None:
    """Each call has its action in the second policy; opening has it in the first."""
    asked: set[str] = set()

    def note(model: Any, **more: Any) -> None:
        asked.add(f"kms:{model.name}")

    provider._client.meta.events.register("before-call.kms", note)
    old = provider.wrap("epoch 1", SECRET)
    provider.renew()
    provider.unwrap("epoch 1", old)
    provider.destroy(old.kek)

    policies = [
        json.loads(text) for text in re.findall(r"```json\n(\{\"Version.*?)```", page("operations.md"), re.S)
    ]
    desk, keys = [
        {action for one in policy["Statement"] for action in _list(one["Action"])} for policy in policies
    ]
    assert desk == {"kms:Decrypt"}
    assert keys == asked | {"kms:TagResource"}


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_credentials_that_nobody_knows_are_refused(provider: KmsProvider, kms: Kms) -> None:
    """The code of KMS stands in the line, the credentials do not."""
    requests.post(f"{kms.url}/moto-api/reset-auth", data="0", timeout=5)  # from now on moto checks them
    try:
        with pytest.raises(KekRefused, match=r"refuses \(\w+\): check credentials, region and policy$"):
            provider.renew()
    finally:
        requests.post(f"{kms.url}/moto-api/reset-auth", data="inf", timeout=5)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("AWS_ACCESS_KEY_ID", "", "Credentials"),
        ("AWS_DEFAULT_REGION", "", "NoRegionError"),
        ("AWS_PROFILE", "nobody", "ProfileNotFound"),
        ("AWS_ENDPOINT_URL_KMS", "nonsense", "ValueError"),
    ],
)
def test_what_the_environment_lacks_is_named(
    provider: KmsProvider, name: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials, no region, no such profile, no address: nothing to wait for."""
    monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)

    with pytest.raises(
        KekRefused, match=f"cannot be asked .*{named}.*: check credentials, region and endpoint"
    ):
        provider.renew()


def test_the_region_may_stand_in_the_address(kms: Kms, alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names none."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    kek = KmsProvider.at(f"aws-kms://{alias}?region=eu-central-1").renew()

    assert kms.client.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == kek


@pytest.mark.parametrize(
    ("code", "fault", "line"),
    [
        ("ThrottlingException", KekAway, "does not serve at this moment"),
        ("KMSInvalidStateException", KekRefused, "a key is disabled or waits for its deletion"),
        ("DisabledException", KekRefused, "a key is disabled or waits for its deletion"),
        ("IncorrectKeyException", KekRefused, "its wrap is damaged"),
        ("AccessDeniedException", KekRefused, "refuses .AccessDeniedException.: check credentials"),
    ],
)
def test_what_kms_says_is_told_apart(
    provider: KmsProvider, code: str, fault: type[Exception], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many calls pass by themselves; the rest is for the operator."""
    with sick_server(400, json.dumps({"__type": code}), "application/x-amz-json-1.1") as place:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://{place}")

        with pytest.raises(fault, match=line):
            provider.unwrap("epoch 1", SOME)


def test_only_a_certificate_that_is_trusted_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody in between is no server to wait for."""
    with running_openbao(tls=True) as stranger:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", stranger.url)

        for bundle in (None, "missing.pem"):
            if bundle:
                monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
            with pytest.raises(KekRefused, match="is not trusted; check AWS_CA_BUNDLE"):
                KmsProvider.at("aws-kms://alias/askfirst").unwrap("epoch 1", SOME)
