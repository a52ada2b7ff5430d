"""The command line: exit codes, one clear line with the remedy, never a traceback for an operator's mistake."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from bot.__main__ import main, parser
from bot.commands.office import Office
from tests.documents import parsers
from tests.house import CONFIG


@dataclass
class Terminal:
    """A terminal with an environment of its own: `run` returns exit code, output and errors."""

    environment: dict[str, str]

    def run(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Run one command."""
        out, errors = StringIO(), StringIO()
        code = main(arguments, Office(self.environment, out, StringIO(typed)), errors)
        return code, out.getvalue(), errors.getvalue()

    def refusal(self, *arguments: str) -> str:
        """Return the line with which a command is refused."""
        code, out, errors = self.run(*arguments)
        assert (code, out) == (1, "")
        assert errors.count("\n") == 1
        return errors


PRODUCTION = {
    "PUBLIC_URL": "https://desk.example.com",
    "DATABASE_URL": "postgresql://desk@db.example.com/desk",
    "KEYRING_URL": "postgresql://desk@keys.example.com/keyring",
    "KEK_URL": "file:/etc/askfirst/kek.json",
}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal whose desk lives in an empty folder."""
    return Terminal({"ASKFIRST_VAR": str(tmp_path / "var"), "ASKFIRST_CONFIG": str(CONFIG)})


def test_the_shipped_configuration_has_no_fault(terminal: Terminal) -> None:
    """`askfirst check` says so and leaves with 0."""
    code, out, errors = terminal.run("check")

    assert (code, errors) == (0, "")
    assert "no fault" in out


def test_every_fault_of_the_configuration_is_named_at_once(terminal: Terminal, tmp_path: Path) -> None:
    """File, key and remedy, one line a fault."""
    shutil.copytree(CONFIG, tmp_path / "config")
    text = (tmp_path / "config" / "intake.toml").read_text(encoding="utf-8")
    broken = text.replace('kind = "tel"', 'kind = "telephone"').replace('zone = "Asia/', 'zone = "Asien/')
    (tmp_path / "config" / "intake.toml").write_text(broken, encoding="utf-8")
    terminal.environment["ASKFIRST_CONFIG"] = str(tmp_path / "config")

    code, _, errors = terminal.run("check")

    assert code == 1
    assert "intake.toml: fields[phone].kind" in errors
    assert "intake.toml: hours.zone" in errors


def test_a_misspelt_key_and_a_missing_one_are_told_in_plain_words(terminal: Terminal, tmp_path: Path) -> None:
    """No fault follows from another, and no word is a programmer's."""
    shutil.copytree(CONFIG, tmp_path / "config")
    file = tmp_path / "config" / "intake.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('name = "position"', 'nmae = "position"'), "utf-8"
    )
    terminal.environment["ASKFIRST_CONFIG"] = str(tmp_path / "config")

    code, _, errors = terminal.run("check")

    assert code == 1
    assert ".nmae: nothing has this name; remove it, or correct its spelling" in errors
    assert ".name: missing; add it" in errors
    assert "None" not in errors


def test_a_placeholder_that_differs_is_shown_as_both_languages_have_it(
    terminal: Terminal, tmp_path: Path
) -> None:
    """So that whoever renamed it sees which of the two is wrong."""
    shutil.copytree(CONFIG, tmp_path / "config")
    file = tmp_path / "config" / "wording" / "en" / "LC_MESSAGES" / "askfirst.po"
    file.write_text(file.read_text(encoding="utf-8").replace("{reference}", "{number}"), "utf-8")
    terminal.environment["ASKFIRST_CONFIG"] = str(tmp_path / "config")

    code, _, errors = terminal.run("check")

    assert code == 1
    assert "{reference}, but {number} in the first language; use the same placeholders in both" in errors


def test_the_invented_company_is_warned_of_in_production(terminal: Terminal) -> None:
    """`check` tells whoever goes live with the sample's address that nobody reads it."""
    terminal.environment |= {"ASKFIRST_ENV": "production"} | PRODUCTION

    code, out, _ = terminal.run("check")

    assert code == 0
    assert "intake.toml: company: warning: the invented company of the sample" in out


RECIPIENTS = """
[[recipients]]
id = "crm"
kind = "webhook"
address = "https://crm.example.com/hooks"
purpose = "contact"
fields = ["name"]
agreement = "DPA 2026-11"
country = "CN"
secret_env = "CRM_SECRET"
name = { en = "CRM", "zh-CN" = "客户系统" }

[[recipients]]
id = "sales"
kind = "mail"
address = "sales@example.com"
purpose = "contact"
fields = []
agreement = "own staff"
country = "CN"
name = { en = "Sales", "zh-CN" = "销售" }
"""


def test_what_the_configuration_needs_of_the_environment_is_checked(
    terminal: Terminal, tmp_path: Path
) -> None:
    """S16: a webhook without its secret, mail without a server, Telegram's webhook without https; then all is well."""
    shutil.copytree(CONFIG, tmp_path / "config")
    with (tmp_path / "config" / "intake.toml").open("a", encoding="utf-8") as file:
        file.write(RECIPIENTS)
    terminal.environment |= {"ASKFIRST_CONFIG": str(tmp_path / "config"), "TELEGRAM_WEBHOOK": "1"}

    code, out, errors = terminal.run("check")
    terminal.environment |= {
        "CRM_SECRET": "whsec_canary",
        "SMTP_URL": "smtp://mail.example.com",
        "PUBLIC_URL": "https://desk.example.com",
    }
    mended = terminal.run("check")

    assert (code, out) == (1, "")
    for line, (name, remedy) in zip(
        errors.splitlines(),
        [("CRM_SECRET", "whsec_"), ("SMTP_URL", "smtp://"), ("PUBLIC_URL", "TELEGRAM_WEBHOOK=0")],
        strict=True,
    ):
        assert line.startswith(f"askfirst: environment: {name}: ")
        assert remedy in line
    assert (mended[0], mended[2]) == (0, "")
    assert "canary" not in mended[1]


@pytest.mark.parametrize("url", ["vault://vault.example.com/desk", "aws-kms://desk", "file:"])
def test_an_address_of_no_key_holder_is_named(terminal: Terminal, url: str) -> None:
    """`check` says what to give, before any start does."""
    terminal.environment["KEK_URL"] = url

    refusal = terminal.refusal("check")

    assert refusal.startswith("askfirst: environment: KEK_URL: ")
    assert f"give {url.partition(':')[0]}:" in refusal


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_role_refuses_a_database_without_tables(terminal: Terminal, role: str) -> None:
    """Only `serve` migrates by itself; the others name the command that does."""
    assert "askfirst db upgrade" in terminal.refusal(role)


def test_migrating_brings_the_database_up_to_this_version(terminal: Terminal) -> None:
    """`db upgrade`, then `db current` says the version."""
    assert "askfirst db upgrade" in terminal.refusal("db", "current")

    assert terminal.run("db", "upgrade")[0] == 0

    assert terminal.run("db", "current")[1].strip().isdigit()


@pytest.mark.parametrize("arguments", [("retention", "run"), ("retention", "run", "--dry-run")])
def test_a_sweep_of_an_empty_desk_finds_nothing(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """S12: a sweep now, or only what it would do."""
    terminal.run("db", "upgrade")

    code, out, _ = terminal.run(*arguments)

    assert (code, out[:2]) == (0, "0 ")


def test_telegram_without_a_token_says_where_to_get_one(terminal: Terminal) -> None:
    """The remedy stands in the line."""
    assert "@BotFather" in terminal.refusal("telegram")


def test_a_bad_variable_is_named(terminal: Terminal) -> None:
    """Every command refuses an environment that it cannot read."""
    terminal.environment["PORT"] = "eighty"

    assert "PORT" in terminal.refusal("check")


def test_an_unreachable_database_is_one_line(terminal: Terminal, free_port: int) -> None:
    """Nothing listens there: which variable to look at, and no password of it."""
    terminal.environment["DATABASE_URL"] = f"postgresql://desk:secret-word@127.0.0.1:{free_port}/desk"

    refusal = terminal.refusal("db", "current")

    assert "DATABASE_URL" in refusal
    assert "secret-word" not in refusal


def test_a_file_that_is_no_database_is_one_line(terminal: Terminal, tmp_path: Path) -> None:
    """A wrong path is an operator's mistake too."""
    (tmp_path / "letter.txt").write_text("Dear desk, this is no database.\n" * 50, encoding="utf-8")
    terminal.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/letter.txt"

    assert "DATABASE_URL" in terminal.refusal("db", "current")


def test_keys_that_others_could_read_are_refused(terminal: Terminal, tmp_path: Path) -> None:
    """The line names the file and the command that mends it."""
    terminal.run("db", "upgrade")
    (tmp_path / "var" / "keys" / "kek.json").chmod(0o644)

    assert "chmod 600" in terminal.refusal("db", "current")


@pytest.mark.parametrize("arguments", [(), ("dance",), ("staff", "add"), ("leads", "export"), ("db",)])
def test_wrong_usage_leaves_with_two(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """As the shell expects it."""
    with pytest.raises(SystemExit) as left:
        terminal.run(*arguments)

    assert left.value.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("serve",),
        ("web",),
        ("check",),
        ("db", "upgrade"),
        ("retention", "run"),
        ("staff", "add"),
        ("leads",),
    ],
)
def test_help_is_everywhere(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """`--help` leaves with 0."""
    with pytest.raises(SystemExit) as left:
        terminal.run(*arguments, "--help")

    assert left.value.code == 0


@pytest.mark.parametrize(("command", "its"), [*parsers(parser())])
def test_every_help_says_what_it_is_for(command: str, its: argparse.ArgumentParser) -> None:
    """What a command does stands in its own help, in a sentence, and each argument and option says what it is."""
    assert len((its.description or "").split()) > 5, command
    for one in its._actions:
        assert one.help, (command, one.dest)
