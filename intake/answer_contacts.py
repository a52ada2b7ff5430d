"""Answers by which a person is reached: phone numbers of any country, kept as E.164, and e-mail addresses."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from intake.answer_words import has_hidden_characters
from intake.rejection import Asked, Rejected, reject

# Invented, as the numbers of films are; elsewhere the example number of the country's plan is shown.
_EXAMPLES = {"CN": "+86 138 0000 0000", "US": "+1 202-555-0143"}

_SEVERAL = re.compile(r"[/,、;|]|\bor\b|\band\b|或|和", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(?:ext(?:n|ension)?[.=]?|x|#|转接?|轉接?|分机|分機|内线)[ :.]*\d{1,7}\D*$", re.IGNORECASE
)
_LETTER_AFTER_DIGIT = re.compile(r"\d.*[^\W\d_]", re.DOTALL)
_NUMBER_DIGITS_MIN = 7  # digits; fewer are no second number but a part of the first, and no number of anybody

_PARSE_FAULTS = {
    NumberParseException.INVALID_COUNTRY_CODE: "phone.unknown_country",
    NumberParseException.NOT_A_NUMBER: "phone.not_a_number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "phone.too_short",
    NumberParseException.TOO_SHORT_NSN: "phone.too_short",
    NumberParseException.TOO_LONG: "phone.too_long",
}
_LENGTH_FAULTS = {
    ValidationResult.INVALID_COUNTRY_CODE: "phone.unknown_country",
    ValidationResult.TOO_SHORT: "phone.too_short",
    ValidationResult.TOO_LONG: "phone.too_long",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone.no_area_code",
}


def parse_phone(text: str, asked: Asked) -> str | Rejected:
    """Return the number as E.164, or what is wrong with it. Numbers without a country code are of `asked.region`."""
    # Contact lists wrap copied numbers in invisible direction marks: they are dropped, not refused.
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf").strip()
    parsed = _number_or_fault(plain, asked.region)
    return reject(parsed, example_phone(asked.region)) if isinstance(parsed, str) else e164(parsed)


def _number_or_fault(plain: str, region: str) -> phonenumbers.PhoneNumber | str:
    if not plain:
        return "phone.empty"
    if sum(_count_digits(piece) >= _NUMBER_DIGITS_MIN for piece in _SEVERAL.split(plain)) > 1:
        return "phone.several"
    if _count_digits(plain) and _EXTENSION.search(plain):
        return "phone.extension"
    if _LETTER_AFTER_DIGIT.search(plain):
        return "phone.not_a_number"
    try:
        number = phonenumbers.parse(plain, region)
    except NumberParseException as fault:
        return _PARSE_FAULTS[fault.error_type]
    if phonenumbers.is_valid_number(number):
        return number
    code = _LENGTH_FAULTS.get(phonenumbers.is_possible_number_with_reason(number), "phone.invalid")
    too_few = code == "phone.no_area_code" and _count_digits(plain) < _NUMBER_DIGITS_MIN
    return "phone.too_short" if too_few else code


def _count_digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def example_phone(region: str) -> str:
    """Return a number as people of `region` would give it to the world, belonging to nobody we know."""
    if region in _EXAMPLES:
        return _EXAMPLES[region]
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return international(number) if number else _EXAMPLES["US"]


def e164(number: phonenumbers.PhoneNumber) -> str:
    """Return the form that is kept and compared."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def international(number: phonenumbers.PhoneNumber) -> str:
    """Return the form that people read."""
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def kept_phone(value: str) -> phonenumbers.PhoneNumber | None:
    """Return the number that a value with its country code stands for, or None."""
    try:
        return phonenumbers.parse(value, None)
    except NumberParseException:
        return None


# E-mail -----------------------------------------------------------------------------------------------------------

_FULL_WIDTH = {0xFF01 + n: 0x21 + n for n in range(94)} | {0x3000: 0x20}  # Chinese keyboards' forms of ASCII
_ADDRESS_MAX = 254  # characters; RFC 5321 §4.5.3.1.3, errata 1690
_LOCAL_MAX = 64  # characters; RFC 5321 §4.5.3.1.1


def parse_email(text: str, asked: Asked) -> str | Rejected:
    """Return the address, local part NFC and domain in lower case, or what is wrong with it. Asks no name server."""
    plain = _bare(text)
    if fault := _shape_fault(plain, min(asked.max_length, _ADDRESS_MAX)):
        return reject(fault)
    address = _valid(plain)
    return address.normalized if address else reject(_syntax_fault(plain.rpartition("@")[2]))


def _bare(text: str) -> str:
    """Return an address without what people copy along with it."""
    plain = text.translate(_FULL_WIDTH).strip()
    return plain[7:].strip() if plain[:7].lower() == "mailto:" else plain


def _shape_fault(plain: str, max_length: int) -> str:
    """Return what a glance tells to be wrong, or nothing."""
    local, _, domain = plain.partition("@")
    faults = {
        "email.empty": not plain,
        "email.hidden_characters": has_hidden_characters(plain),
        "email.space": any(map(str.isspace, plain)),
        "email.no_at": "@" not in plain,
        "email.two_ats": plain.count("@") > 1,
        "email.nothing_before_at": not local,
        "email.nothing_after_at": not domain,
        "email.too_long": len(plain) > max_length or len(local) > _LOCAL_MAX,
    }
    return next((code for code, is_so in faults.items() if is_so), "")


def _syntax_fault(domain: str) -> str:
    if domain.lower().rpartition(".")[2] in SPECIAL_USE_DOMAIN_NAMES:
        return "email.special_use"
    return "email.invalid" if _valid(f"a@{domain}") else "email.domain"


def mailable(value: str) -> str:
    """Return a kept address as mail servers take it: a domain in other letters goes by its ASCII name (IDNA)."""
    local, at, domain = value.rpartition("@")
    return f"{local}{at}{validate_email(f'a@{domain}', check_deliverability=False).ascii_domain}"


def comparable_email(value: str) -> str:
    """Return the form in which two spellings of one address are the same: NFKC, casefolded, IDNA.

    A spelling that can be kept has the form of what is kept of it: else whoever spells one address anew each time
    would pass for somebody who asks for many.
    """
    plain = _bare(value)
    address = _valid(plain)
    kept = address.normalized if address else plain
    folded = unicodedata.normalize("NFKC", kept).strip().casefold()
    if folded != kept:  # seldom, and reading is slow
        address = _valid(folded)
    return f"{address.local_part}@{address.ascii_domain}" if address else folded


def _valid(address: str) -> ValidatedEmail | None:
    try:
        return validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None
