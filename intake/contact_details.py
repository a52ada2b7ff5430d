"""Where phone numbers and e-mail addresses stand in a text.

phonenumbers knows every country's plan and email-validator the syntax of addresses. What is written here is what they
do not look for (Chinese mobiles glued to a word, "name at example dot com") and what only looks like a phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from intake.digit_groups import Span, Window, count_digits, letters_after, letters_before, spot

PHONE_DIGITS_MIN = 7  # digits; the shortest subscriber numbers in common use (ITU-T E.164 names no minimum)

_MOBILE_LENGTHS = range(11, 16)  # digits; Chinese numbering plan: eleven, with 86 or 0086 in front
_MOBILE = re.compile(r"(?:(?:00)?86)?1[3-9][0-9]{9}")
_LAYOUTS = frozenset({(11,), (3, 4, 4), (3, 8), (7, 4), (4, 4, 3), (4, 3, 4)})  # digits in each group
_LAYOUTS_ALONE = _LAYOUTS | {
    (3, 3, 5), (5, 6), (6, 5), (5, 3, 3), (2, 3, 3, 3), (3, 2, 2, 2, 2), (2, 2, 2, 2, 2, 1), (1,) * 11,
}  # fmt: skip
_PHONE_LABEL = re.compile(
    r"(?:tel|(?:tele|mobile|cell)?phone(?:no)?|mob|mobile|cell|call|we?chat|weixin|wx|vx|whatsapp|sms|fax|[tmp]|no|number"
    r"|contact|dial|ring)?"
)
_NUMERAL = "零〇○一幺二三四五六七八九"
_SPELT_MOBILE = re.compile(
    rf"(?<![{_NUMERAL}十百千万])[一幺][三四五六七八九](?:[ -]?[{_NUMERAL}]){{9}}(?![{_NUMERAL}十百千万])"
)
_DOTTED_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_TARIFF_NUMBER = re.compile(r"\d{4}\.\d{2}(?:\.\d{2,4})?")  # Harmonised System, 8517.62.0000
_REGISTERS = re.compile(r"[0-4]\d{4} ?- ?[0-4]\d{4}")  # Modbus, 00001 to 49999
_AMOUNT = re.compile(
    r"[.,]\d{1,2}(?!\d)| ?(?:元|块|万|美元|欧元|(?:RMB|CNY|USD|EUR|HKD|pcs|units|bytes|Hz|ms)\b)"
)
_NAMES_A_THING = re.compile(
    r"(?:\b(?:s/?n|p/?n|po|imei|ean|gtin|upc|sku|rma|iccid|serial|article|invoice|batch|firmware|barcode|timestamp|epoch)"
    r"|\b(?:order|part|item|ticket|lot|contract|quotation|case|tracking|build|model)[ .\-]?(?:#|no\b|number|code|id\b)"
    r"|序列号|料号|编号|单号|批号|货号|型号|合同号|发票号|物料|条码|机身号|出厂号|时间戳|税号)"
    r"(?:[ .:#\-]|(?:no|nos|number|numbers|code|id|is|was)\b|号码|码|是|为)*$",
    re.IGNORECASE,
)
_LABEL_MAX = 32  # characters before a number in which its label is looked for


def phones(plain: str, region: str) -> list[Span]:
    """Return where phones stand: any with a country code, those of `region`, and Chinese mobiles always."""
    spans = [Span(*match.span(), "phone") for match in _SPELT_MOBILE.finditer(plain)]
    if count_digits(plain) >= PHONE_DIGITS_MIN:
        spans += spot(plain, "phone", _MOBILE_LENGTHS, _mobile_end)
        matcher = phonenumbers.PhoneNumberMatcher(plain, region)
        spans += [Span(m.start, m.end, "phone") for m in matcher if not _only_looks_dialled(m.raw_string)]
    return _joined(span for span in spans if not _counts_or_names_a_thing(plain, span))


def _mobile_end(plain: str, window: Window) -> int:
    if not _MOBILE.fullmatch(window.digits) or letters_after(plain, window.end):
        return 0
    layout = _without_prefix(window.sizes, len(window.digits) - _MOBILE_LENGTHS.start)
    if layout not in (_LAYOUTS_ALONE if window.whole else _LAYOUTS):
        return 0
    return window.end if _PHONE_LABEL.fullmatch(letters_before(plain, window.start)) else 0


def _without_prefix(sizes: list[int], prefix: int) -> tuple[int, ...]:
    """Return the sizes of the groups once `prefix` digits are cut from the first ones."""
    left = []
    for size in sizes:
        cut = min(size, prefix)
        prefix -= cut
        left.append(size - cut)
    return tuple(filter(None, left))


def _only_looks_dialled(raw: str) -> bool:
    return any(written.fullmatch(raw) for written in (_DOTTED_QUAD, _TARIFF_NUMBER, _REGISTERS))


def _counts_or_names_a_thing(plain: str, span: Span) -> bool:
    if _AMOUNT.match(plain, span.end):
        return True
    return _NAMES_A_THING.search(plain, max(0, span.start - _LABEL_MAX), span.start) is not None


def _joined(spans: Iterator[Span]) -> list[Span]:
    """Return spans in order, those that overlap made one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start < joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return joined


# E-mail -----------------------------------------------------------------------------------------------------------

# besides letters and digits; RFC 5322 allows more, links use them too
_AROUND_AT = frozenset("._%+-'&!#$*^~")
_DOMAIN = re.compile(r"(?:[^\W_](?:[^\W_]|-)*\.)+(?:xn--[A-Za-z0-9-]+|[^\W\d_]{2,})")
_CHINESE_STOPS = re.compile(r"@[A-Za-z0-9-]+(?:[。｡][A-Za-z0-9-]+)+")
# logo@2x.png is a picture
_FILE_ENDINGS = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "zip"})
_OPEN, _SHUT = r" ?[\[({<]? ?", r" ?[\])}>]? ?"
_SPELT = re.compile(
    rf"(?<![A-Za-z0-9._%+-])([A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}})({_OPEN}\bat\b{_SHUT})"
    rf"((?:[A-Za-z0-9-]{{1,63}}(?:{_OPEN}\bdot\b{_SHUT}|\.)){{1,4}}[A-Za-z]{{2,63}})\b",
    re.IGNORECASE,
)
_DOT = re.compile(rf"{_OPEN}\bdot\b{_SHUT}", re.IGNORECASE)
_NO_NAME = re.compile(
    r"us|me|it|them|you|him|her|look(?:ing)?|available|hosted|(?:on)?line|(?:web)?site|page|docs|documentation|live|here|up"
    r"|found|is|are|was|more|out|find|store|shop|visit|see|read|meet(?:ing)?",
    re.IGNORECASE,
)


def emails(plain: str) -> list[Span]:
    """Return where e-mail addresses stand, also "name at example dot com" and "name@example。com"."""
    spans = list(_written(plain)) if "@" in plain else []
    spans += [Span(*match.span(), "email") for match in _SPELT.finditer(plain) if _is_spelt_address(match)]
    return _joined(iter(spans))


def _written(plain: str) -> Iterator[Span]:
    stopped = _CHINESE_STOPS.sub(lambda match: re.sub("[。｡]", ".", match[0]), plain)
    end = 0
    for sign in re.finditer("@", stopped):
        local = "".join(takewhile(_in_address, reversed(stopped[end : sign.start()])))[::-1]
        local = local.rpartition("..")[2].lstrip("".join(_AROUND_AT))
        domain = _DOMAIN.match("".join(takewhile(_in_address, stopped[sign.end() :])))
        if domain and _is_address(local, domain[0]):
            end = sign.end() + domain.end()
            yield Span(sign.start() - len(local), end, "email")


def _in_address(character: str) -> bool:
    return character in _AROUND_AT or (character.isalnum() and not "\u2e80" <= character <= "\uffff")


def _is_address(local: str, domain: str) -> bool:
    if domain.rpartition(".")[2].lower() in _FILE_ENDINGS:
        return False
    try:
        # Behind ".com" no domain is a special one: also what stands under .test is someone's address.
        validate_email(f"{local}@{domain}.com", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _is_spelt_address(match: re.Match[str]) -> bool:
    local, at, domain = match.groups()
    bracketed = any(bracket in at for bracket in "[({<")
    if not bracketed and (_NO_NAME.fullmatch(local) or not _DOT.search(domain)):
        return False
    return _is_address(local, _DOT.sub(".", domain))
