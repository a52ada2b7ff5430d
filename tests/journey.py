"""Journeys read and held: the same plain text over every channel (tests/journeys/README.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

FOLDER = Path(__file__).parent / "journeys"
PHRASES: Mapping[str, Mapping[str, str]] = tomllib.loads(
    (FOLDER / "phrases.toml").read_text(encoding="utf-8")
)

# What is wrong with an answer, by the field that is asked, and the code that says so.
# What is blank cannot be typed on Telegram.
WRONG: Mapping[str, tuple[tuple[str, str], ...]] = {
    "name": (
        ("   ", "name.empty"),
        ("12345", "name.has_digits"),
        ("Li\u202eNa", "name.hidden_characters"),
        ("x" * 500, "name.too_long"),
        ("Li <b>", "name.has_symbols"),
        ("---", "name.no_letters"),
        ("11010519491231002X", "forbidden.id_number"),
    ),
    "company": (
        ("   ", "text.empty"),
        ("x" * 900, "text.too_long"),
        ("a\u202eb", "text.hidden_characters"),
        ("4111 1111 1111 1111", "forbidden.bank_card"),
    ),
    "phone": (
        ("   ", "phone.empty"),
        ("not a number", "phone.not_a_number"),
        ("li.na@example.com", "phone.email_next"),
        ("12", "phone.too_short"),
        ("+86 138 0000 0000 0000 0000", "phone.too_long"),
        ("+999 138 0000 0000", "phone.unknown_country"),
        ("138 0000 0000 / 138 0000 0001", "phone.several"),
        ("+86 571 8888 0000 ext 12", "phone.extension"),
        ("+1 000 000 0000", "phone.invalid"),
        ("+44 000 000", "phone.no_area_code"),
    ),
    "email": (
        ("   ", "email.empty"),
        ("li.na", "email.no_at"),
        ("li@na@example.com", "email.two_ats"),
        ("@example.com", "email.nothing_before_at"),
        ("li.na@", "email.nothing_after_at"),
        ("li na@example.com", "email.space"),
        ("li.na@localhost", "email.special_use"),
        ("x" * 300 + "@example.com", "email.too_long"),
        ("li..na@example.com", "email.invalid"),
        ("li.na@-example.com", "email.domain"),
        ("li\u202ena@example.com", "email.hidden_characters"),
    ),
}

# What each command answers before the open question is asked again; alternatives stand behind a bar. `+` picks.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "help": ("help",),
    "view": ("view|view.decided|view.nothing",),
    "correct": ("correct.nothing|correct.which", "+command:cancel", "cancel.aside"),
    "delete": ("delete.ask", "+delete:cancel", "delete.cancelled"),
    "withdraw": ("withdraw.nothing|withdraw.ask", "+command:cancel", "cancel.aside"),
    "export": ("export",),
    "policy": ("policy",),
    "receipts": ("receipts|receipts.nothing",),
    "verify": ("verify.nothing",),
    "language": ("language.ask", "+command:cancel", "cancel.aside"),
    "human": ("human|human.called",),
}
OPEN_AGAIN = {
    "followup.unanswered": "followup.ask",
    "greeting": "topic.ask",
    "sent": "free.ask",
    "consent.refused": "ended.ask",
}
OTHER = {"en": "zh-CN", "zh-CN": "en"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journey."""

    verb: str
    words: tuple[str, ...]
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Journey:
    """One consultation in plain text."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the visitor sees of one message of the desk. `expects` is None where the channel does not say it."""

    text: str
    expects: Mapping[str, Any] | None = None
    rejected: str = ""
    options: tuple[str, ...] = field(default=())


class Voice(Protocol):
    """A visitor on one channel."""

    channel: str  # "web" | "telegram"

    async def open(self, locale: str) -> None:
        """Open the chat."""

    async def say(self, text: str) -> None:
        """Type."""

    async def pick(self, value: str, purposes: tuple[str, ...]) -> None:
        """Choose an option."""

    async def again(self) -> None:
        """Send the last message once more, as a client does that saw no answer; check that nothing changed."""

    async def next(self) -> Shown:
        """Return the desk's next message that was not seen yet."""

    async def refused(self, code: str) -> None:
        """Check that the last message was refused."""

    async def erased(self) -> None:
        """Check that the person is gone, with a certificate."""

    async def restart(self) -> None:
        """Bring the desk down and up, and resume."""

    async def code(self) -> str:
        """Return the one-time code that was mailed last."""


class Browser(Voice, Protocol):
    """A visitor whose device can be remembered: on the web."""

    async def remember(self) -> None:
        """Have the desk remember this device."""

    async def come_back(self) -> None:
        """Leave the page, and come back to it by the cookie."""


def journeys() -> dict[str, Journey]:
    """Return every journey by name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.journey"))}


def read(path: Path) -> Journey:
    """Return the journey of a file; its first paragraph says what it is about."""
    lines = []
    for raw in path.read_text(encoding="utf-8").partition("\n\n")[2].splitlines():
        found = re.fullmatch(r"(?:\[(\w+)\] )?(\w+)(?: (.+))?", raw)
        assert found, f"{path.name}: {raw}"
        channel, verb, rest = found.groups()
        lines.append(Line(verb, tuple((rest or "").split()), channel or ""))
    return Journey(path.stem, tuple(lines))


class Telling:
    """Holds one journey with one voice."""

    def __init__(self, voice: Voice, locale: str, catalogues: Mapping[str, Mapping[str, str]]) -> None:
        """Speak `locale`; `catalogues` tell what the desk may answer."""
        self.voice, self.locale, self.catalogues = voice, locale, catalogues
        self.spoken = locale  # the language of the visitor's own phrases
        self.open: tuple[str, ...] = ()

    async def tell(self, journey: Journey) -> None:
        """Hold the journey from its first line to its last."""
        lines = [line for line in journey.lines if line.channel in ("", self.voice.channel)]
        if not lines:
            return
        await self.voice.open(self.locale)
        for line in lines:
            await getattr(self, f"_{line.verb}")(*line.words)

    async def _desk(self, *words: str) -> None:
        await self._expect(words)
        self.open = words

    async def _say(self, *words: str) -> None:
        text = " ".join(words)
        await self.voice.say(PHRASES[self.spoken][text[1:]] if text.startswith("@") else text)

    async def _pick(self, value: str, *purposes: str) -> None:
        await self.voice.pick(value, tuple(purpose.removeprefix("+") for purpose in purposes))

    async def _again(self) -> None:
        await self.voice.again()

    async def _refused(self, code: str) -> None:
        await self.voice.refused(code)

    async def _erased(self) -> None:
        await self.voice.erased()

    async def _restart(self) -> None:
        await self.voice.restart()

    async def _remember(self) -> None:
        await cast(Browser, self.voice).remember()

    async def _return(self) -> None:
        await cast(Browser, self.voice).come_back()

    async def _code(self, kind: str = "right") -> None:
        code = await self.voice.code()
        await self.voice.say(code if kind == "right" else f"{(int(code) + 1) % 10**6:06}")

    async def _language(self, _other: str) -> None:
        self.locale = OTHER[self.locale]

    async def _wrong(self, name: str) -> None:
        for text, code in WRONG[name]:
            if self.voice.channel == "telegram" and not text.strip():
                continue
            await self.voice.say(text)
            await self._expect((f"rejected.{code}", *self.open[1:], f"rejected={code}"))

    async def _commands(self) -> None:
        again = (OPEN_AGAIN.get(self.open[0], self.open[0]), *self.open[1:])
        for command, answers in COMMANDS.items():
            await self.voice.pick(f"command:{command}", ())
            for answer in answers:
                if answer.startswith("+"):
                    await self.voice.pick(answer[1:], ())
                    continue
                shown = await self.voice.next()
                assert any(self._is(key, shown) for key in answer.split("|")), (command, answer, shown)
                if self._is("correct.nothing", shown) or self._is("withdraw.nothing", shown):
                    break
            await self._expect(again)

    async def _expect(self, words: tuple[str, ...]) -> None:
        key, kind, *flags = words
        name = flags.pop(0) if flags and "=" not in flags[0] and flags[0] not in _FLAGS else ""
        shown = await self.voice.next()
        assert self._is(key, shown, name), (words, shown)
        if shown.expects is None:
            return
        assert (shown.expects["kind"], shown.expects.get("name", "")) == (
            kind,
            name or shown.expects.get("name", ""),
        )
        for flag in flags:
            assert _FLAGS[flag.partition("=")[0]](shown, flag.partition("=")[2]), (flag, shown)

    def _is(self, key: str, shown: Shown, name: str = "") -> bool:
        catalogue = self.catalogues[self.locale]
        template = catalogue.get(f"{key}.{name}", catalogue.get(key))
        assert template is not None, key
        pattern = ".*".join(re.escape(part) for part in re.split(r"\{\w+\}", template))
        return re.match(pattern, shown.text, re.DOTALL) is not None  # an example or a warning may follow


def _optional(shown: Shown, _: str) -> bool:
    return bool(shown.expects and shown.expects["optional"])


def _required(shown: Shown, _: str) -> bool:
    return not _optional(shown, "")


def _sensitive(shown: Shown, _: str) -> bool:
    return bool(shown.expects and shown.expects["sensitive"] and shown.expects["warning"])


def _rejected(shown: Shown, code: str) -> bool:
    return shown.rejected == code


def _masked(shown: Shown, _: str) -> bool:
    values = [one["value"] for one in shown.expects["fields"]] if shown.expects else []
    return bool(shown.expects and shown.expects["masked"]) and any("•" in value for value in values)


def _whole(shown: Shown, _: str) -> bool:
    return bool(shown.expects and not shown.expects["masked"])


_FLAGS = {
    "optional": _optional,
    "required": _required,
    "sensitive": _sensitive,
    "rejected": _rejected,
    "masked": _masked,
    "whole": _whole,
}
