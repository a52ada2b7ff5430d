"""Settings: the contract's environment, its defaults, its faults, and what production refuses."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from config.settings import PRIVATE, Settings, SettingsInvalid

PRODUCTION = {
    "ASKFIRST_ENV": "production",
    "PUBLIC_URL": "https://desk.example.com",
    "DATABASE_URL": "postgresql://desk:hidden@db.example.com/desk",
    "KEYRING_URL": "postgresql://desk:hidden@keys.example.com/keyring",
    "KEK_URL": "file:/etc/askfirst/kek.json",
}


def faults(**environment: str) -> dict[str, str]:
    """Return the remedy of each faulty variable."""
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment(environment)
    return {fault.key: fault.remedy for fault in refused.value.faults}


def test_an_empty_environment_gives_the_contract_s_defaults() -> None:
    """Everything embedded lives in `var/`, and the desk listens on loopback."""
    settings = Settings.from_environment({})

    assert settings == Settings(
        var=Path("var"),
        database_url="sqlite:///var/desk.db",
        keyring_url="sqlite:///var/keys/keyring.db",
        kek_url="file:var/keys/kek.json",
        redis_url="",
        host="127.0.0.1",
        port=8080,
        trusted_proxies="private",
        public_url="http://127.0.0.1:8080",
        telegram_bot_token="",
        telegram_api_url="https://api.telegram.org",
        telegram_webhook=False,
        smtp_url="",
        audit_sink="",
        config_dir=Path("config"),
        env="development",
        log_level="INFO",
        log_format="console",
    )


def test_every_default_follows_the_folder() -> None:
    """With another `ASKFIRST_VAR` data, keyring and key file move there."""
    settings = Settings.from_environment({"ASKFIRST_VAR": "/srv/desk"})

    assert settings.database_url == "sqlite:////srv/desk/desk.db"
    assert settings.keyring_url == "sqlite:////srv/desk/keys/keyring.db"
    assert settings.kek_url == "file:/srv/desk/keys/kek.json"


def test_what_is_set_counts() -> None:
    """Values of the environment replace the defaults; spaces around them and empty ones do not count."""
    settings = Settings.from_environment(
        {
            "DATABASE_URL": "postgres://desk@db.example.com/desk",
            "PUBLIC_URL": " https://desk.example.com/ ",
            "TELEGRAM_API_URL": "http://127.0.0.1:8081/",
            "TELEGRAM_WEBHOOK": "1",
            "LOG_LEVEL": "debug",
            "PORT": "0",
            "SMTP_URL": "",
        }
    )

    assert settings.database_url == "postgres://desk@db.example.com/desk"
    assert settings.public_url == "https://desk.example.com"
    assert settings.telegram_api_url == "http://127.0.0.1:8081"
    assert settings.telegram_webhook
    assert (settings.log_level, settings.port, settings.smtp_url) == ("DEBUG", 0, "")


@pytest.mark.parametrize(
    ("host", "public_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 -- an address to translate, nothing is bound
        ("::", "http://[::1]:8080"),
        ("desk.test", "http://desk.test:8080"),
    ],
)
def test_the_address_to_visit_is_one_that_a_browser_can_open(host: str, public_url: str) -> None:
    """Listening everywhere still prints an address of this machine."""
    assert Settings.from_environment({"HOST": host}).public_url == public_url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KEYRING_URL", "mysql://h:99999/x"),
        ("DATABASE_URL", "mysql://[::"),
        ("PUBLIC_URL", "ftp://[::"),
        ("AUDIT_SINK", "ftp://[::"),
        ("KEK_URL", "ftp://h:99999"),
    ],
)
def test_an_address_of_another_kind_is_one_line_in_production(variable: str, value: str) -> None:
    """What follows its beginning is not even read: one line with what to begin it with."""
    (remedy,) = faults(**PRODUCTION | {variable: value}).values()

    assert remedy.startswith("begin it with ")


def test_all_faults_are_told_together() -> None:
    """Each wrong variable is named with its remedy, in one go."""
    found = faults(
        PORT="80800", ASKFIRST_ENV="staging", DATABASE_URL="mysql://db", LOG_FORMAT="xml", KEK_URL="kek.json"
    )

    assert found == {
        "PORT": "use a number from 0 to 65535",
        "ASKFIRST_ENV": "use one of development, production",
        "DATABASE_URL": "begin it with sqlite or postgresql or postgres",
        "LOG_FORMAT": "use one of console, json",
        "KEK_URL": "begin it with file or vault or aws-kms",
    }


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SMTP_URL", "smtp:"),
        ("SMTP_URL", "smtp://h:99999"),
        ("SMTP_URL", "smtps://desk:canary@:465"),
        ("PUBLIC_URL", "https:"),
        ("PUBLIC_URL", "https://desk.example.com:web"),
        ("TELEGRAM_API_URL", "http://[::1"),
        ("DATABASE_URL", "postgresql://desk:canary@db.example.com:99999/desk"),
    ],
)
def test_an_address_that_leads_nowhere_is_a_fault(variable: str, value: str) -> None:
    """A missing host or an impossible port is one line with its remedy, without the value; not a later traceback."""
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({variable: value})

    (fault,) = refused.value.faults
    assert (fault.key, fault.remedy) == (variable, f"write {value.partition(':')[0]}://host:port")
    assert "canary" not in str(fault)
    assert "write" in faults(**PRODUCTION | {variable: value})[variable]


@pytest.mark.parametrize("url", ["postgresql:///desk?host=/run/postgresql", "sqlite:///var/desk.db"])
def test_a_database_may_lie_on_this_machine(url: str) -> None:
    """A file and a socket have no host, and need none."""
    assert Settings.from_environment({"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    "url", ["file:kek.json", "vault://vault.example.com/transit/desk", "aws-kms://alias/desk"]
)
def test_key_encryption_keys_have_three_holders(url: str) -> None:
    """A file, Vault and KMS; `askfirst check` looks at the rest of the address."""
    assert Settings.from_environment({"KEK_URL": url}).kek_url == url


@pytest.mark.parametrize(
    ("url", "completed"),
    [
        ("file:kek.json", "file:kek.json"),
        ("vault://v.example.com/transit/desk", "vault://v.example.com/transit/desk?namespace=a%2Fb"),
        ("vault://localhost/transit/desk?tls=0", "vault://localhost/transit/desk?tls=0&namespace=a%2Fb"),
        ("vault://localhost/transit/desk?namespace=c", "vault://localhost/transit/desk?namespace=c"),
        ("aws-kms://alias/desk", "aws-kms://alias/desk?region=eu-central-1"),
        ("aws-kms://alias/desk?region=eu-west-1", "aws-kms://alias/desk?region=eu-west-1"),
    ],
)
def test_the_holder_of_keys_is_found_as_its_own_tools_find_it(url: str, completed: str) -> None:
    """`VAULT_NAMESPACE` and `AWS_REGION` count unless the address says otherwise; the libraries read the rest."""
    environment = {"KEK_URL": url, "VAULT_NAMESPACE": "a/b", "AWS_REGION": "eu-central-1"}

    assert Settings.from_environment(environment).kek_url == completed


@pytest.mark.parametrize(
    ("sink", "remedy"),
    [
        ("ftp://logs.example.com", "begin it with file or https or http or syslog or syslog+tcp"),
        ("file:", "write file:PATH"),
        ("http://logs.example.com/heads", "begin it with https"),
        ("syslog:logs.example.com", "write syslog://host:port"),
        ("syslog+tcp://logs.example.com:99999", "write syslog+tcp://host:port"),
    ],
)
def test_a_sink_that_cannot_be_used_is_a_fault(sink: str, remedy: str) -> None:
    """Heads of the audit go to a file, an https address or syslog; anything else is named at the start."""
    assert faults(AUDIT_SINK=sink) == {"AUDIT_SINK": remedy}


@pytest.mark.parametrize(
    "sink",
    [
        "",
        "file:/mnt/far/heads.jsonl",
        "https://logs.example.com/heads",
        "http://127.0.0.1:9000/heads",
        "syslog://logs.example.com",
        "syslog+tcp://logs.example.com:601",
    ],
)
def test_a_sink_may_be_of_three_kinds(sink: str) -> None:
    """A file, a webhook (http on this machine only), syslog by datagram or stream; or there is none."""
    assert Settings.from_environment({"AUDIT_SINK": sink}).audit_sink == sink


def test_production_starts_when_all_is_named() -> None:
    """With https, two databases and a key file production is accepted, and logs are for machines."""
    settings = Settings.from_environment(PRODUCTION)

    assert settings.production
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("PUBLIC_URL", "", "https"),
        ("PUBLIC_URL", "http://desk.example.com", "https"),
        ("DATABASE_URL", "", "postgresql://"),
        ("KEYRING_URL", "", "apart from the data"),
        ("KEK_URL", "", "file:/path/kek.json"),
        ("KEYRING_URL", "postgres://other:x@db.example.com:5432/desk?sslmode=require", "database of its own"),
    ],
)
def test_production_refuses_with_the_remedy(variable: str, value: str, remedy: str) -> None:
    """No https, a keyring inside the data database, and development defaults are refused, naming the remedy (S10)."""
    found = faults(**(PRODUCTION | {variable: value}))

    assert remedy in found[variable]


def test_production_sees_through_two_spellings_of_one_file() -> None:
    """A keyring in the SQLite file of the data is found out whichever way the path is written (S10)."""
    here = Path.cwd()
    found = faults(
        **PRODUCTION | {"DATABASE_URL": "sqlite:///var/a.db", "KEYRING_URL": f"sqlite:///{here}/var/a.db"}
    )

    assert "database of its own" in found["KEYRING_URL"]


def test_secrets_do_not_show() -> None:
    """Neither the printed settings nor the faults hold a token or a URL that may carry a password."""
    shown = repr(Settings.from_environment(PRODUCTION | {"TELEGRAM_BOT_TOKEN": "123:canary"}))
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({"DATABASE_URL": "mysql://desk:canary@db"})

    assert "canary" not in shown
    assert "hidden" not in shown
    assert "canary" not in str(refused.value)


def test_proxies_are_addresses_or_networks() -> None:
    """S1: those that are named take the place of the private networks; anything else is a fault."""
    named = Settings.from_environment({"TRUSTED_PROXIES": "10.0.0.5, 2001:db8:7::/48"}).proxies
    more = Settings.from_environment({"TRUSTED_PROXIES": "private,198.51.100.7"}).proxies

    assert named == (ip_network("10.0.0.5/32"), ip_network("2001:db8:7::/48"))
    assert more == (*map(ip_network, PRIVATE), ip_network("198.51.100.7/32"))
    for wrong in ("proxy.example.com", "10.0.0.5/8", "10.0.0.5,", "2"):
        assert faults(TRUSTED_PROXIES=wrong).keys() == {"TRUSTED_PROXIES"}


@pytest.mark.parametrize(
    "url", ["smtp://mail.example.com", "smtp://mail.example.com?starttls=0", "smtp://a:b@10.0.0.5:25"]
)
def test_production_sends_no_mail_over_an_open_line(url: str) -> None:
    """S1: mails carry one-time codes; TLS is asked for by name, or the server stands on this machine."""
    assert faults(**PRODUCTION, SMTP_URL=url).keys() == {"SMTP_URL"}
    assert "starttls=1" in faults(**PRODUCTION, SMTP_URL=url)["SMTP_URL"]


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.com?starttls=1",
        "smtps://mail.example.com",
        "smtp://127.0.0.1:25",
        "smtp://localhost",
    ],
)
def test_mail_over_tls_or_on_this_machine_is_fine_in_production(url: str) -> None:
    """A relay on the machine itself is spoken to as it is."""
    assert Settings.from_environment({**PRODUCTION, "SMTP_URL": url}).smtp_url == url
