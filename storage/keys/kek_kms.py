"""Key-encryption keys in AWS KMS, which they never leave.

Every KEK is a KMS key of its own, and an alias names the current one: KMS deletes whole keys only, never one of the
materials that its own rotation adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from storage.errors import KekAway, KekRefused, UrlRefused
from storage.keys.kek import Wrapped, damaged, lacking

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

FORM = "aws-kms://alias/askfirst, with ?region=REGION where the environment names none"
PENDING_DAYS = 7  # days; the least that KMS allows (ScheduleKeyDeletion, PendingWindowInDays)
TIMEOUT = 5  # seconds for connecting, and for each answer; KMS takes milliseconds
ATTEMPTS = 1  # whoever can wait tries again, and says so
_ALIAS = re.compile(r"alias/(?!aws/)[\w/-]{1,250}", re.ASCII)  # CreateAlias, AliasName
_REGION = re.compile(r"[a-z0-9-]+")


class KmsProvider:
    """KEKs in KMS. Credentials, region and endpoint come from where every AWS tool takes them."""

    def __init__(self, alias: str, region: str | None) -> None:
        self._alias = alias
        self._region = region
        self._replaced: dict[str | None, str] = {}

    @classmethod
    def at(cls, kek_url: str) -> KmsProvider:
        """Return the provider of an `aws-kms://` address. Raises UrlRefused."""
        try:
            parts = urlsplit(kek_url)
        except ValueError:  # brackets that hold no address
            raise UrlRefused(f"KEK_URL: give {FORM}") from None
        options = parse_qs(parts.query, keep_blank_values=True)
        regions = options.pop("region", [])
        alias = parts.netloc + parts.path
        fits = _ALIAS.fullmatch(alias) and all(map(_REGION.fullmatch, regions)) and len(regions) <= 1
        if not fits or options or parts.fragment:
            raise UrlRefused(f"KEK_URL: give {FORM}")
        return cls(alias, regions[0] if regions else None)

    @property
    def delay(self) -> timedelta:
        """Return the days in which the deletion of a key can be cancelled."""
        return timedelta(days=PENDING_DAYS)

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Return the secret wrapped by the alias's key; the first wrap of all makes key and alias."""
        kek = self._current() or self.renew()
        with self._asked() as kms:
            answer = kms.encrypt(KeyId=kek, Plaintext=secret, EncryptionContext=_context(name))
            return Wrapped(kek, answer["CiphertextBlob"])

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the secret. Raises KekRefused when the key is gone, or the wrap is not of this name; KekAway."""
        # a full name could be a key of another account: whoever writes it there holds that
        if ":" in wrapped.kek:
            raise lacking(self._place, wrapped.kek, name)
        with self._asked() as kms:
            try:
                answer = kms.decrypt(
                    KeyId=wrapped.kek, CiphertextBlob=wrapped.body, EncryptionContext=_context(name)
                )
            except kms.exceptions.NotFoundException:
                raise lacking(self._place, wrapped.kek, name) from None
            except (kms.exceptions.InvalidCiphertextException, kms.exceptions.IncorrectKeyException):
                raise damaged(name) from None
            return bytes(answer["Plaintext"])

    def renew(self) -> str:
        """Make a key, let the alias name it, and return its id. One that a crash leaves between is never used."""
        before = self._current()
        with self._asked() as kms:
            made = kms.create_key(
                Description="Askfirst: wraps the secret of one epoch",
                # so that a policy can tell them apart
                Tags=[{"TagKey": "askfirst", "TagValue": self._alias}],
            )
            kek = str(made["KeyMetadata"]["KeyId"])
            try:
                kms.create_alias(AliasName=self._alias, TargetKeyId=kek)
            except kms.exceptions.AlreadyExistsException:
                kms.update_alias(AliasName=self._alias, TargetKeyId=kek)
        self._replaced[before] = kek
        return kek

    def destroy(self, kek: str) -> datetime | None:
        """Schedule the deletion of a key: it opens nothing from now on, and is gone after 7 days.

        Raises: KekRefused, also when it is the current one; KekAway.
        """
        if kek == self._current():
            raise KekRefused(f"KEK {kek} is the current one: rotate first (`askfirst keys rotate`)")
        with self._asked() as kms:
            try:
                key = kms.describe_key(KeyId=kek)["KeyMetadata"]
            except kms.exceptions.NotFoundException:
                return None
            if key["KeyState"] != "PendingDeletion":
                key = kms.schedule_key_deletion(KeyId=kek, PendingWindowInDays=PENDING_DAYS)
            return datetime.fromtimestamp(key["DeletionDate"].timestamp(), UTC)

    def _current(self) -> str | None:
        """Return the id of the alias's key. It may still show the one before our own last (KMS settles in minutes)."""
        shown: str | None = None
        with self._asked() as kms, suppress(kms.exceptions.NotFoundException):
            shown = str(kms.describe_key(KeyId=self._alias)["KeyMetadata"]["KeyId"])
        return self._replaced.get(shown, shown)

    @property
    def _place(self) -> str:
        return f"AWS KMS ({self._alias})"

    @cached_property
    def _client(self) -> Any:
        from botocore.config import Config
        from botocore.session import get_session

        patience = Config(
            connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": ATTEMPTS}
        )
        return get_session().create_client("kms", region_name=self._region, config=patience)

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """Yield the KMS API, and turn every fault into one line: libraries' own words may quote the request."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield self._client
        except ClientError as fault:
            raise self._refusal(fault) from None
        except (BotoCoreError, ValueError) as fault:  # the library's word for an endpoint that is no address
            raise self._failure(fault) from None

    def _refusal(self, fault: ClientError) -> KekAway | KekRefused:
        code, status = fault.response["Error"]["Code"], fault.response["ResponseMetadata"]["HTTPStatusCode"]
        if status >= 500 or code == "ThrottlingException":
            return KekAway(f"{self._place} does not serve at this moment ({code})")
        if code in {"DisabledException", "KMSInvalidStateException"}:
            return KekRefused(f"{self._place}: a key is disabled or waits for its deletion; enable it again")
        return KekRefused(f"{self._place} refuses ({code}): check credentials, region and policy")

    def _failure(self, fault: BotoCoreError | ValueError) -> KekAway | KekRefused:
        from botocore import exceptions as cannot

        kind = type(fault).__name__
        # that would be a broken connection
        if isinstance(fault, cannot.SSLError) and "EOF" not in str(fault):
            return KekRefused(f"{self._place}: its certificate is not trusted; check AWS_CA_BUNDLE")
        if isinstance(
            fault,
            cannot.ConnectionError
            | cannot.HTTPClientError
            | cannot.CredentialRetrievalError
            | cannot.MetadataRetrievalError,
        ):
            return KekAway(f"{self._place} cannot be reached ({kind})")
        return KekRefused(f"{self._place} cannot be asked ({kind}): check credentials, region and endpoint")


def _context(name: str) -> dict[str, str]:
    """Return what is authenticated with a wrap. It stands in CloudTrail: numbers of epochs, ids of keys."""
    return {"askfirst": name}
