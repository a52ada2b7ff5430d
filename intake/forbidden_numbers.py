"""Where Chinese resident IDs and bank cards stand in a text: never asked for, never kept (obligations S17).

The checksums are python-stdnum's. Both are looked for with their checksum, their place or issuer and the grouping
people use, so that part numbers, prices, registers, article and order numbers are not hit.
"""

from __future__ import annotations

import re

from stdnum import ean, luhn, numdb
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from intake.digit_groups import BETWEEN, Span, Window, letters_after, letters_before, spot

DIGITS_MIN = 12  # digits; the shortest card issued (Maestro; ISO/IEC 7812-1 allows 8 to 19)
_CARD_LENGTHS = range(DIGITS_MIN, 20)
_ID_LENGTHS = range(17, 19)  # digits; GB 11643-1999: eighteen characters, the last may be an X

_CHECK_X = re.compile(BETWEEN + r"{0,3}[xX](?![A-Za-z0-9])")
_BIRTH_CENTURIES = ("18", "19", "20")


def id_numbers(plain: str) -> list[Span]:
    """Return where resident IDs stand: place, birth date and checksum valid. Any grouping, any word in front."""
    return spot(plain, "id_number", _ID_LENGTHS, _id_end)


def _id_end(plain: str, window: Window) -> int:
    if len(window.digits) in _ID_LENGTHS[1:]:
        return window.end if _is_resident_id(window.digits) else 0
    check = _CHECK_X.match(plain, window.end)
    return check.end() if check and _is_resident_id(window.digits + "X") else 0


def _is_resident_id(number: str) -> bool:
    """Return whether checksum, birth date and county hold.

    Not `ric.is_valid`: it refuses a person born before their county was founded, and takes a year 12 for a year.
    """
    if number[6:8] not in _BIRTH_CENTURIES or number[-1] != ric.calc_check_digit(number):
        return False
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return any("county" in place for _, place in numdb.get("cn/loc").info(number[:6]))


# Issuer prefixes and lengths (ISO/IEC 7812-1, as the schemes publish theirs).
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|09|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}"  # Discover
    r"|62\d{14,17}"  # UnionPay
    r"|(?:9558|9559|6013)\d{12,15}"  # Chinese debit cards older than the prefix 62
    r"|(?:5018|5019|5020|5038|5893|6304|6759|676[1-3]|6799)\d{8,15}"  # Maestro, Dankort
    r"|220[0-4]\d{12,15}"  # Mir
)
_ARTICLE_LENGTHS = (12, 13, 14)  # digits; GTIN-12, GTIN-13, GTIN-14
_PRINTED = frozenset({(4, 6, 5), (4, 6, 4), (6, 13), (6, 12), (6, 11), (6, 10)})  # digits in each group
_CARD_LABEL = re.compile(
    r"(?:visa|mastercard|mc|amex|jcb|unionpay|cc|(?:visa|bank|credit|debit)?card)?(?:no|nr|number|account|acct)?"
)


def bank_cards(plain: str) -> list[Span]:
    """Return where bank cards stand: Luhn-valid, an issuer's prefix, grouped as cards are, no part number."""
    return spot(plain, "bank_card", _CARD_LENGTHS, _card_end)


def _card_end(plain: str, window: Window) -> int:
    number = window.digits
    if not _ISSUED.fullmatch(number) or not luhn.is_valid(number):
        return 0
    if len(number) in _ARTICLE_LENGTHS and ean.is_valid(number):
        return 0
    if not _grouped_like_a_card(window) or letters_after(plain, window.end):
        return 0
    return window.end if _CARD_LABEL.fullmatch(letters_before(plain, window.start)) else 0


def _grouped_like_a_card(window: Window) -> bool:
    """Return whether a card may be typed in these groups; a list of quantities or registers is not."""
    *others, last = sizes = window.sizes
    if tuple(sizes) in _PRINTED or all(size % 4 == 0 for size in others):
        return True
    return window.whole and len(set(others)) == 1 and last <= others[0]
