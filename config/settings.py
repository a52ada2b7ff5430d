"""The environment as frozen settings (contract: Environment). Receives the mapping, never reads the process's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from intake.faults import Fault

FILE: Final = "environment"
ENVS: Final = ("development", "production")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS: Final = ("console", "json")
TELEGRAM_API: Final = "https://api.telegram.org"
PORT_MAX: Final = 65_535  # RFC 9293 §3.1; 0 lets the system choose

PRIVATE: Final = (  # RFC 1122, 1918, 6598, 3927; RFC 4291, 4193. Not `is_private`: it counts reserved public blocks too
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    *("::1/128", "fe80::/10", "fc00::/7"),
)

_DATABASES: Final = ("sqlite", "postgresql", "postgres")
_KEYS: Final = ("file", "vault", "aws-kms")
_TOLD_APART: Final = {"vault": ("VAULT_NAMESPACE", "namespace"), "aws-kms": ("AWS_REGION", "region")}
# the others may name a file, or a socket of this machine
_WITH_HOST: Final = ("http", "https", "smtp", "smtps", "syslog", "syslog+tcp")
_SINKS: Final = ("file", "https", "http", "syslog", "syslog+tcp")
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class SettingsInvalid(Exception):
    """The environment has faults; `faults` holds all of them. Its text never holds a value."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment decides. URLs may hold passwords, so they stay out of `repr`."""

    var: Path
    database_url: str = field(repr=False)
    keyring_url: str = field(repr=False)
    kek_url: str = field(repr=False)
    redis_url: str = field(repr=False)  # "" without one
    host: str
    port: int
    trusted_proxies: str  # addresses and networks whose X-Forwarded-For counts; `private` is all of PRIVATE
    public_url: str  # without a slash at the end
    telegram_bot_token: str = field(repr=False)  # "" without a bot
    telegram_api_url: str
    telegram_webhook: bool
    smtp_url: str = field(repr=False)  # "" without mail
    audit_sink: str = field(repr=False)  # where heads of the audit go off this host; "": nowhere
    config_dir: Path
    env: str  # "development" | "production"
    log_level: str
    log_format: str  # "console" | "json"

    @property
    def production(self) -> bool:
        """Tell whether the desk serves real people."""
        return self.env == "production"

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks whose X-Forwarded-For counts."""
        return _networks(self.trusted_proxies)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that `environment` describes. Raises SettingsInvalid with all faults together."""
        reading = _Reading(environment)
        settings = reading.settings()
        unfit = _production_faults(settings, environment) if settings.production else []
        told = {fault.key for fault in reading.faults}  # what cannot be read at all is told once
        faults = (*reading.faults, *(fault for fault in unfit if fault.key not in told))
        if faults:
            raise SettingsInvalid(faults)
        return settings


class _Reading:
    """Reads one variable after another and remembers what was wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.faults: list[Fault] = []
        self._given = {name: value.strip() for name, value in environment.items() if value.strip()}

    def settings(self) -> Settings:
        var = Path(self._text("ASKFIRST_VAR", "var"))
        env = self._one_of("ASKFIRST_ENV", ENVS)
        host, port = self._text("HOST", "127.0.0.1"), self._port()
        return Settings(
            var=var,
            database_url=self._url("DATABASE_URL", f"sqlite:///{var / 'desk.db'}", _DATABASES),
            keyring_url=self._url("KEYRING_URL", f"sqlite:///{var / 'keys' / 'keyring.db'}", _DATABASES),
            kek_url=self._complete(self._url("KEK_URL", f"file:{var / 'keys' / 'kek.json'}", _KEYS)),
            redis_url=self._url("REDIS_URL", "", ("redis", "rediss", "valkey", "valkeys", "unix")),
            host=host,
            port=port,
            trusted_proxies=self._proxies(),
            public_url=self._url("PUBLIC_URL", _local_url(host, port), ("http", "https")).rstrip("/"),
            telegram_bot_token=self._text("TELEGRAM_BOT_TOKEN", ""),
            telegram_api_url=self._url("TELEGRAM_API_URL", TELEGRAM_API, ("http", "https")).rstrip("/"),
            telegram_webhook=self._one_of("TELEGRAM_WEBHOOK", ("0", "1")) == "1",
            smtp_url=self._url("SMTP_URL", "", ("smtp", "smtps")),
            audit_sink=self._sink(),
            config_dir=Path(self._text("ASKFIRST_CONFIG", "config")),
            env=env,
            log_level=self._one_of("LOG_LEVEL", LEVELS, "INFO", capitals=True),
            log_format=self._one_of("LOG_FORMAT", FORMATS, "json" if env == "production" else "console"),
        )

    def _text(self, name: str, default: str) -> str:
        return self._given.get(name, default)

    def _port(self) -> int:
        given = self._text("PORT", "8080")
        if given.isascii() and given.isdigit() and len(given) <= 5 and int(given) <= PORT_MAX:
            return int(given)
        self._fault("PORT", "no port number", f"use a number from 0 to {PORT_MAX}")
        return 0

    def _one_of(
        self, name: str, allowed: tuple[str, ...], default: str = "", *, capitals: bool = False
    ) -> str:
        given = self._text(name, default or allowed[0])
        given = given.upper() if capitals else given.lower()
        if given in allowed:
            return given
        self._fault(name, "a value that is not known", f"use one of {', '.join(allowed)}")
        return allowed[0]

    def _url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        given = self._text(name, default)
        if given and given.partition(":")[0] not in schemes:
            self._fault(
                name, "a kind of address that is not supported", f"begin it with {' or '.join(schemes)}"
            )
            return default  # what nobody can read is looked at no further
        if given and not _reachable(given):
            scheme = given.partition(":")[0]
            self._fault(name, "an address without a host or a valid port", f"write {scheme}://host:port")
            return default
        return given

    def _proxies(self) -> str:
        given = self._text("TRUSTED_PROXIES", "private")
        try:
            _networks(given)
        except ValueError:
            remedy = "write addresses or networks with commas between: private, 198.51.100.7, 2001:db8:7::/48"
            self._fault("TRUSTED_PROXIES", "something that is no address and no network", remedy)
            return "private"
        return given

    def _complete(self, kek_url: str) -> str:
        """Return the address with what the holder's own tools take from the environment and its library does not."""
        name, option = _TOLD_APART.get(kek_url.partition(":")[0], ("", ""))
        if name not in self._given or f"{option}=" in kek_url:
            return kek_url
        return f"{kek_url}{'&' if '?' in kek_url else '?'}{urlencode({option: self._given[name]})}"

    def _sink(self) -> str:
        given = self._url("AUDIT_SINK", "", _SINKS)
        scheme, _, rest = given.partition(":")
        if scheme == "file" and not rest:
            self._fault("AUDIT_SINK", "a file without a name", "write file:PATH")
        if scheme == "http" and urlsplit(given).hostname not in LOOPBACK:
            self._fault("AUDIT_SINK", "http leaves this machine unprotected", "begin it with https")
        return given

    def _fault(self, name: str, fault: str, remedy: str) -> None:
        self.faults.append(Fault(FILE, name, fault, remedy))


def _networks(written: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that are written there. Raises ValueError."""
    named = (one.strip() for one in written.split(","))
    return tuple(ip_network(one) for name in named for one in (PRIVATE if name == "private" else (name,)))


def _reachable(url: str) -> bool:
    """Tell whether an address names where to go: a host for web and mail, and a port that is one wherever it stands."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or 0 <= parts.port <= PORT_MAX
    except ValueError:  # no port number, or brackets that hold no address
        return False
    return port_fits and (parts.scheme not in _WITH_HOST or bool(parts.hostname))


def _local_url(host: str, port: int) -> str:
    """Return where a browser on this machine finds the desk: an address to listen on is none to visit."""
    visited = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"http://{visited}:{port}"


def _production_faults(settings: Settings, environment: Mapping[str, str]) -> list[Fault]:
    """Return why these settings must not serve real people."""
    faults = []
    if urlsplit(settings.public_url).scheme != "https":
        remedy = "set it to the https address under which visitors reach the desk"
        faults.append(Fault(FILE, "PUBLIC_URL", "production needs https", remedy))
    if _place(settings.keyring_url) == _place(settings.database_url):
        remedy = "give the keyring a database of its own, with backups of its own"
        faults.append(Fault(FILE, "KEYRING_URL", "the keyring lies in the data database", remedy))
    if _is_open(settings.smtp_url):
        remedy = "end it with ?starttls=1, or begin it with smtps"
        faults.append(Fault(FILE, "SMTP_URL", "mail would leave this machine without TLS", remedy))
    for name, remedy in _NO_DEFAULTS.items():
        if not environment.get(name, "").strip():
            faults.append(Fault(FILE, name, "production does not run on the development default", remedy))
    return faults


def _is_open(smtp_url: str) -> bool:
    """Tell whether an address of a mail server off this machine asks for no encryption."""
    parts = urlsplit(smtp_url)
    off = parts.scheme == "smtp" and parts.hostname not in LOOPBACK
    return off and parse_qs(parts.query).get("starttls", ["0"])[-1] != "1"


_NO_DEFAULTS: Final = {
    "DATABASE_URL": "name the database of the data: postgresql://… or sqlite:////path/desk.db",
    "KEYRING_URL": "name the database of the wrapped keys, apart from the data",
    "KEK_URL": "name who holds the key-encryption keys, apart from both: file:/path/kek.json, vault://… or aws-kms://…",
}


def _place(url: str) -> tuple[str, ...]:
    """Return what two addresses of one database have in common, whatever user or options they name."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return ("sqlite", str(Path(url.partition("?")[0].removeprefix("sqlite:///")).absolute()))
    port = parts.port or 5_432  # IANA: postgresql
    return ("postgresql", parts.hostname or "", str(port), parts.path)
