"""A frame as a Telegram message: HTML with everything escaped, buttons, or the share-contact keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

from telegram import InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup

from bot.telegram.buttons import keyboard
from bot.wording import Wording
from config.load import spelt_list
from intake.outcomes import Reply
from storage.records import Message

TEXT_MAX = 4096  # characters after entities are parsed; Bot API, sendMessage
CAPTION_MAX = 1024  # characters after entities are parsed; Bot API, sendDocument
Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is sent for one message of the transcript."""

    html: str = field(repr=False)
    title: str = field(repr=False)  # its first words, where the rest must go in a file
    markup: InlineKeyboardMarkup | ReplyKeyboardMarkup | None = None

    @property
    def plain(self) -> str:
        """The text without its HTML, as the person reads it."""
        return unescape(re.sub(r"<[^<>]+>", "", self.html))

    @property
    def fits(self) -> bool:
        """Tell whether it fits in one message. Telegram counts UTF-16 code units."""
        return len(self.plain.encode("utf-16-le")) // 2 <= TEXT_MAX


def draw(wording: Wording, conversation: str, message: Message, frame: Frame, *, live: bool) -> Drawn:
    """Return a frame as it is sent. Only the `live` question gets buttons: no other one can be answered."""
    drawn: Frame = frame.get("expects", {"kind": "none"})
    name = f"<b>{escape(frame['name'])}</b>: " if frame.get("name") else ""
    parts = [
        name + escape(frame["text"]),
        *_MORE.get(drawn["kind"], _question)(wording, message.locale, drawn),
    ]
    markup = _markup(wording, conversation, message, drawn) if live else None
    return Drawn(
        html="\n\n".join(filter(None, parts)), title=escape(frame["text"][: CAPTION_MAX // 2]), markup=markup
    )


def _markup(
    wording: Wording, conversation: str, message: Message, drawn: Frame
) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | None:
    if not isinstance(message.body, Reply):
        return None
    if drawn["kind"] != "tel":
        return keyboard(conversation, message.seq, message.body.expects, drawn)
    share = wording.say("telegram.share_contact", message.locale)
    rows = [[KeyboardButton(share, request_contact=True)]]
    # Typed words, as only this kind of keyboard can share a contact: the desk knows its own labels when it hears them.
    rows += [[KeyboardButton(option["label"])] for option in drawn["options"]]
    return ReplyKeyboardMarkup(rows, resize_keyboard=True, one_time_keyboard=True)


def _question(wording: Wording, locale: str, drawn: Frame) -> Iterator[str]:
    """A sensitive question shows its warning before anything can be answered (S7), every one its reason."""
    if "warning" in drawn:
        yield f"⚠️ <b>{escape(drawn['warning'])}</b>"
    about = [escape(drawn["why"])] if "why" in drawn else []
    if "progress" in drawn:
        about.append(f"{drawn['progress']['step']} / {drawn['progress']['of']}")
    if about:
        yield f"<i>{' · '.join(about)}</i>"


def _consent(wording: Wording, locale: str, drawn: Frame) -> Iterator[str]:
    if "changed" in drawn["policy"]:
        changed = drawn["policy"]["changed"]
        title = wording.say("policy.changes", locale, policy=changed["since"])
        yield "\n".join(
            [_bold(title), *(f"• {escape(one)}" for one in changed["changes"]), escape(changed["url"])]
        )
    for purpose in drawn["purposes"]:
        mark = "•" if purpose["required"] else "☐"
        warned = "⚠️ " if purpose["sensitive"] else ""
        fields = warned + _labels(wording, locale, purpose["fields"])
        about = _noted(wording, locale, purpose["text"], fields) if purpose["fields"] else purpose["text"]
        yield f"{mark} " + _pair(wording, locale, _bold(purpose["label"]), escape(about))
    # Latin marks in every language: a full-width one would become a part of the link.
    yield f"{escape(drawn['policy']['url'])} ({escape(drawn['policy']['version'])})"


def _review(wording: Wording, locale: str, drawn: Frame) -> Iterator[str]:
    yield "\n".join(
        _pair(wording, locale, _bold(one["label"]), escape(one["value"])) for one in drawn["fields"]
    )


def _record(wording: Wording, locale: str, drawn: Frame) -> Iterator[str]:
    """Everything that is kept, values behind spoilers (a courtesy to a person in company, no access control)."""
    lines = {
        "record.fields": [_kept(wording, locale, one) for one in drawn["fields"]],
        "record.consents": [_decided(wording, locale, one) for one in drawn["consents"]],
        "record.recipients": [_told(wording, locale, one["name"], one) for one in drawn["recipients"]],
        "record.opened_by": [_opened(wording, locale, one) for one in drawn["opened_by"]],
    }
    if not drawn["fields"] and not drawn["consents"]:
        return
    nobody = escape(wording.say("record.none", locale))
    for title, said in lines.items():
        if title in ("record.fields", "record.consents") and not said:
            continue
        yield "\n".join([f"<b>{escape(wording.say(title, locale))}</b>", *(said or [nobody])])
    if drawn["unusable"]:
        yield escape(drawn["unusable"])
    if drawn["keeps_until"]:
        yield "\n".join(escape(line) for line in _ends(wording, locale, drawn))


def _ends(wording: Wording, locale: str, drawn: Frame) -> Iterator[str]:
    yield wording.say("record.keeps_until", locale, at=drawn["keeps_until"])
    visit = [one["keeps_until"] for one in drawn["fields"] if "keeps_until" in one]
    if visit:
        yield wording.say("record.visit_until", locale, at=visit[0])


def _kept(wording: Wording, locale: str, kept: Frame) -> str:
    key = "record.given" if kept["policy"] else "record.given.before"
    given = wording.say(key, locale, at=kept["given_at"], policy=kept["policy"])
    value = f"<tg-spoiler>{escape(kept['value'])}</tg-spoiler>"
    return _pair(
        wording, locale, escape(kept["label"]), _noted(wording, locale, value, f"<i>{escape(given)}</i>")
    )


def _decided(wording: Wording, locale: str, row: Frame) -> str:
    decision = "given" if row["decision"] == "agreed" else row["decision"]
    said = wording.say(f"decision.{decision}", locale)
    when = spelt_list([row["policy"], _moment(row["at"])], locale)
    return escape(_pair(wording, locale, row["label"], _noted(wording, locale, said, when)))


def _told(wording: Wording, locale: str, whom: str, row: Frame) -> str:
    fields = _labels(wording, locale, row["fields"])
    return escape(_pair(wording, locale, whom, _noted(wording, locale, fields, _moment(row["at"]))))


def _opened(wording: Wording, locale: str, row: Frame) -> str:
    return escape(_pair(wording, locale, row["name"], spelt_list([row["about"], _moment(row["at"])], locale)))


def _labels(wording: Wording, locale: str, names: Sequence[str]) -> str:
    return spelt_list([wording.label(name, locale) for name in names], locale)


def _bold(text: str) -> str:
    return f"<b>{escape(text)}</b>"


def _pair(wording: Wording, locale: str, label: str, text: str) -> str:
    """Return a label and what belongs to it, with the marks of the language."""
    return wording.say("pair", locale, label=label, text=text)


def _noted(wording: Wording, locale: str, text: str, note: str) -> str:
    return wording.say("noted", locale, text=text, note=note)


def _moment(at: str) -> str:
    """Return an RFC 3339 moment in a form that every language reads: 2026-11-22 19:40 UTC."""
    return f"{at[:16].replace('T', ' ')} UTC"


_MORE: Mapping[str, Callable[[Wording, str, Frame], Iterator[str]]] = {
    "consent": _consent,
    "review": _review,
    "record": _record,
}
