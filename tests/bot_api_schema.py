"""The published Bot API schema as a judge: is this call, or this answer, what the Bot API takes or gives?

`telegram_schema.json` holds the part in use; whatever it does not name is refused, so that a method or
parameter which is new to the channel is first taken into the file.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("telegram_schema.json")
TAGS = {  # HTML style of the Bot API -> MessageEntity.type; "Formatting options"
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "s": "strikethrough",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "a": "text_link", "tg-spoiler": "spoiler",
}  # fmt: skip
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "Integer": int, "Float": (int, float), "String": str, "Boolean": bool, "True": bool,
}  # fmt: skip
# every other key of an inline button is its one action
BUTTON_LOOKS = {"text", "style", "icon_custom_emoji_id"}
PATTERNS = {  # said in prose only in the published descriptions
    "BotCommand.command": re.compile(r"[a-z0-9_]+"),
    "setWebhook.secret_token": re.compile(r"[A-Za-z0-9_-]+"),
    "setMyCommands.language_code": re.compile(r"([a-z]{2})?"),
}


class NotInSchema(Exception):
    """A call or an object that the published schema does not allow; the message says where."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a multipart request."""

    name: str
    body: bytes = field(repr=False)


class Schema:
    """The methods and types of `telegram_schema.json`."""

    def __init__(self, path: Path = SCHEMA) -> None:
        """Read the file."""
        read = json.loads(path.read_text("utf-8"))
        self.methods: Mapping[str, Any] = read["methods"]
        self.types: Mapping[str, Any] = read["types"]

    def call(self, method: str, form: Mapping[str, str | Upload]) -> dict[str, Any]:
        """Return the parameters of a call, decoded and checked. Raises NotInSchema."""
        if method not in self.methods:
            raise NotInSchema(f"no method {method}")
        fields = self.methods[method]["fields"]
        decoded = {}
        for name, raw in form.items():
            if name not in fields:
                raise NotInSchema(f"{method} has no parameter {name}")
            decoded[name] = _decode(fields[name]["types"], raw, f"{method}.{name}")
        self._fields(method, fields, decoded)
        return decoded

    def answer(self, method: str, result: object) -> None:
        """Check what a method returns. Raises NotInSchema."""
        self.value(self.methods[method]["returns"], result, f"{method} ->")

    def value(self, types: Sequence[str], value: object, where: str) -> None:
        """Check a value against the types that are allowed there. Raises NotInSchema."""
        faults = []
        for kind in types:
            try:
                self._one(kind, value, where)
            except NotInSchema as fault:
                faults.append(str(fault))
            else:
                return
        raise NotInSchema("; ".join(faults))

    def _one(self, kind: str, value: object, where: str) -> None:
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                raise NotInSchema(f"{where} is no array")
            for index, item in enumerate(value):
                self._one(kind.removeprefix("Array of "), item, f"{where}[{index}]")
        elif kind in KINDS:
            wrong_boolean = isinstance(value, bool) is not (KINDS[kind] is bool)
            if wrong_boolean or not isinstance(value, KINDS[kind]) or (kind == "True" and value is not True):
                raise NotInSchema(f"{where} is no {kind}")
        elif kind == "InputFile":
            if not isinstance(value, Upload):
                raise NotInSchema(f"{where} is no file")
        else:
            self._object(kind, value, where)

    def _object(self, kind: str, value: object, where: str) -> None:
        if kind not in self.types:
            raise NotInSchema(f"{where}: {kind} is not in the kept part of the schema")
        if subtypes := self.types[kind].get("subtypes"):
            return self.value(subtypes, value, where)
        if not isinstance(value, dict):
            raise NotInSchema(f"{where} is no {kind}")
        self._fields(kind, self.types[kind]["fields"], value)
        if kind == "InlineKeyboardButton" and len(value.keys() - BUTTON_LOOKS) != 1:
            raise NotInSchema(f"{where}: a button does exactly one thing")
        return None

    def _fields(self, owner: str, fields: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        if unknown := values.keys() - fields.keys():
            raise NotInSchema(f"{owner} has no {', '.join(sorted(unknown))}")
        for name, rule in fields.items():
            where = f"{owner}.{name}"
            if name not in values:
                if rule["required"]:
                    raise NotInSchema(f"{where} is missing")
                continue
            self.value(rule["types"], values[name], where)
            if "limits" in rule:
                _within(rule["limits"], values, name, where)
            if where in PATTERNS and not PATTERNS[where].fullmatch(values[name]):
                raise NotInSchema(f"{where} has characters that are not allowed")


def _decode(types: Sequence[str], raw: str | Upload, where: str) -> Any:
    """Undo the form encoding: anything but a string or a file is JSON there."""
    if isinstance(raw, Upload) or types == ["String"]:
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        if "String" in types:
            return raw
        raise NotInSchema(f"{where} is no JSON") from None


def _within(limits: Sequence[Any], values: Mapping[str, Any], name: str, where: str) -> None:
    least, most, unit = limits
    value = values[name]
    if unit == "characters" and values.get("parse_mode") == "HTML":
        size = len(plain(value)[0])  # "after entities parsing"
    elif unit == "characters" or unit == "items":
        size = len(value)
    else:
        size = len(value.encode()) if unit == "bytes" else value
    if not least <= size <= most:
        raise NotInSchema(f"{where}: {size} {unit}, allowed are {least} to {most}")


def plain(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text without its HTML, and the message entities. Raises NotInSchema for HTML that is refused."""
    if re.search(r"<(?!/?[a-z])", text):
        raise NotInSchema("can't parse entities: a < that is not written &lt;")
    reader = _Html()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise NotInSchema(f"can't parse entities: <{reader.open[-1][0]}> is not closed")
    return reader.text, reader.entities


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self.open: list[tuple[str, int, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise NotInSchema(f"can't parse entities: <{tag}>")
        link = {"url": dict(attrs)["href"]} if tag == "a" else {}
        self.open.append((tag, _utf16(self.text), {"type": TAGS[tag], **link}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise NotInSchema(f"can't parse entities: </{tag}> closes nothing")
        _, start, entity = self.open.pop()
        self.entities.append({**entity, "offset": start, "length": _utf16(self.text) - start})

    def handle_data(self, data: str) -> None:
        self.text += data


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
