"""Key-encryption keys in the transit engine of HashiCorp Vault or OpenBao, which they never leave.

Every KEK is a transit key of its own: `askfirst-1`, `askfirst-2` and so on; the highest number is the current one.
Versions of one transit key would not do: Vault destroys those from the oldest on only, and all below a number at once.
Deleting a whole key ends exactly one KEK.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from storage.errors import KekAway, KekRefused, UrlRefused
from storage.keys.kek import Wrapped, damaged, lacking
from storage.keys.sealing import framed

if TYPE_CHECKING:
    from hvac.exceptions import VaultError

FORM = "vault://HOST:8200/transit/askfirst (mount, name of the keys); the token stands in VAULT_TOKEN"
PORT = 8_200  # IANA: none; the default of Vault and OpenBao
TIMEOUT = 5.0  # seconds for connecting, and for each answer; transit takes milliseconds
# as in the file: keeps these wraps apart from everything else the engine encrypts
MARK = "askfirst kek wrap 1"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_WAITING = frozenset(
    {"BadGateway", "InternalServerError", "RateLimitExceeded", "VaultDown", "VaultNotInitialized"}
)


@dataclass(frozen=True, slots=True)
class VaultProvider:
    """KEKs in a transit engine. The token and whom to trust are found by the library, where Vault's own tools look."""

    url: str  # of the server: scheme, host, port
    mount: str
    key: str
    loopback: bool  # then no proxy stands in between
    namespace: str | None = None

    @classmethod
    def at(cls, kek_url: str) -> VaultProvider:
        """Return the provider of a `vault://` address. Raises UrlRefused."""
        try:
            parts = urlsplit(kek_url)
            host, port, options = parts.hostname or "", parts.port or PORT, dict(parse_qsl(parts.query))
        except ValueError:  # no port number, or brackets that hold no address
            raise UrlRefused(f"KEK_URL: give {FORM}") from None
        path, namespace = parts.path.strip("/"), options.pop("namespace", "").strip("/")
        mount, _, key = path.rpartition("/")
        names = f"{path}/{namespace}" if namespace else path
        fits = (
            host
            and mount
            and all(map(_NAME.fullmatch, names.split("/")))
            and options.get("tls", "1") in ("0", "1")
        )
        if not fits or options.keys() - {"tls"} or parts.username is not None or parts.fragment:
            raise UrlRefused(f"KEK_URL: give {FORM}")
        plain, loopback = options.get("tls") == "0", _is_loopback(host)
        if plain and not loopback:
            raise UrlRefused("KEK_URL: Vault on another machine is spoken to by https only: leave tls=0 out")
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(f"{'http' if plain else 'https'}://{place}", mount, key, loopback, namespace or None)

    @property
    def delay(self) -> timedelta:
        """Return none: a deleted key is gone."""
        return timedelta(0)

    def wrap(self, name: str, secret: bytes) -> Wrapped:
        """Return the secret wrapped by the newest key; the first wrap of all makes the first key."""
        numbers = self._numbers()
        kek = f"{self.key}-{max(numbers)}" if numbers else self.renew()
        with self._asked() as transit:
            answer = transit.encrypt_data(
                kek, _text(secret), associated_data=_bound(kek, name), mount_point=self.mount
            )
            return Wrapped(kek, answer["data"]["ciphertext"].encode())

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the secret. Raises KekRefused when the key is gone, or the wrap is not of this name; KekAway."""
        from hvac.exceptions import InvalidRequest

        if not self._number(wrapped.kek):
            raise lacking(self._place, wrapped.kek, name)
        with self._asked() as transit:
            try:
                answer = transit.decrypt_data(
                    wrapped.kek,
                    wrapped.body.decode("ascii", "replace"),
                    associated_data=_bound(wrapped.kek, name),
                    mount_point=self.mount,
                )
            except InvalidRequest as fault:
                if "encryption key not found" in fault.errors:
                    raise lacking(self._place, wrapped.kek, name) from None
                raise damaged(name) from None
            return base64.b64decode(answer["data"]["plaintext"], validate=True)

    def renew(self) -> str:
        """Make the key with the next number and return its name. Who comes second at this moment gets the same."""
        kek = f"{self.key}-{max(self._numbers(), default=0) + 1}"
        with self._asked() as transit:
            transit.create_key(kek, key_type="aes256-gcm96", mount_point=self.mount)
        return kek

    def destroy(self, kek: str) -> None:
        """Delete a key: gone at once; snapshots of Vault's own storage may still hold it.

        Raises: KekRefused, also when it is the current one; KekAway.
        """
        numbers = self._numbers()
        if self._number(kek) not in numbers:
            return
        if self._number(kek) == max(numbers):
            raise KekRefused(f"KEK {kek} is the current one: rotate first (`askfirst keys rotate`)")
        with self._asked() as transit:
            transit.update_key_configuration(kek, deletion_allowed=True, mount_point=self.mount)
            transit.delete_key(kek, mount_point=self.mount)

    @property
    def _place(self) -> str:
        return f"{self.url}/v1/{self.mount}"

    def _number(self, kek: str) -> int:
        """Return the number of one of our keys, 0 of any other."""
        found = re.fullmatch(re.escape(self.key) + r"-([1-9][0-9]*)", kek)
        return int(found[1]) if found else 0

    def _numbers(self) -> list[int]:
        from hvac.exceptions import InvalidPath

        with self._asked() as transit:
            try:
                keys = transit.list_keys(mount_point=self.mount)["data"]["keys"]
            except InvalidPath as fault:
                if fault.errors != []:  # with words: there is no such engine; without: it holds no key yet
                    raise
                keys = []
            return [number for key in keys if (number := self._number(key))]

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """Yield the transit API, and turn every fault into one line: libraries' own words may quote the request."""
        from hvac import Client
        from hvac.exceptions import VaultError
        from requests import exceptions as cannot

        client: Client | None = None
        try:
            client = Client(self.url, namespace=self.namespace, timeout=TIMEOUT)
            client.adapter.session.trust_env = not self.loopback  # no proxy on the way to this machine itself
            yield client.secrets.transit
        except VaultError as fault:
            raise self._refusal(fault) from None
        except (cannot.ChunkedEncodingError, cannot.ConnectionError, cannot.Timeout) as fault:
            if "CERTIFICATE_VERIFY_FAILED" in str(fault):
                raise KekRefused(
                    f"{self.url}: its certificate is not trusted; set VAULT_CACERT to the authority's file"
                ) from None
            raise KekAway(f"{self.url} cannot be reached ({type(fault).__name__})") from None
        except OSError as fault:  # a certificate's file that is missing, a token that is none
            raise KekRefused(
                f"{self.url} cannot be asked ({type(fault).__name__}); check VAULT_CACERT and VAULT_TOKEN"
            ) from None
        except (KeyError, TypeError, ValueError):
            raise KekRefused(f"{self._place} does not answer like Vault; check KEK_URL") from None
        finally:
            if client:
                client.adapter.close()

    def _refusal(self, fault: VaultError) -> KekAway | KekRefused:
        kind = type(fault).__name__
        # a gateway, not Vault itself
        if kind in _WAITING or (kind == "UnexpectedError" and not fault.errors):
            return KekAway(f"{self.url} does not serve at this moment ({kind})")
        if kind in {"Forbidden", "Unauthorized"}:
            return KekRefused(
                f"{self._place} denies it: VAULT_TOKEN is missing or expired, or its policy lacks a right"
            )
        return KekRefused(f"{self._place} refuses ({kind}): check that KEK_URL names a transit engine")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bound(kek: str, name: str) -> str:
    return _text(framed(MARK, kek, name))
