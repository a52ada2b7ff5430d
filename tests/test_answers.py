"""Answers are judged kindly and exactly: what is kept is normalised, what is refused says why and shows a good one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import rejection
from intake.answer_contacts import mailable
from intake.answers import KINDS, REJECTION_CODES, Rejected, normalised, parse, shown
from intake.masking import MASK, masked

CHOICES = (("energy", ("Energy", "能源")), ("water", ("Water & waste", "水务")))
ID_NUMBER = "11010519491231002X"  # the specimen of GB 11643
BANK_CARD = "6222 0200 0000 1237"  # invented; its check digit holds

# (kind, answer, what is kept) with region CN
KEPT = [
    ("tel", "138 0000 0000", "+8613800000000"),
    ("tel", "13800000000", "+8613800000000"),
    ("tel", "138-0000-0000", "+8613800000000"),
    ("tel", "１３８００００００００", "+8613800000000"),
    ("tel", "（+86）138 0000 0000", "+8613800000000"),
    ("tel", "+٨٦ ١٣٨ ٠٠٠٠ ٠٠٠٠", "+8613800000000"),
    ("tel", "tel:+86-138-0000-0000", "+8613800000000"),
    ("tel", "my number is 13800000000", "+8613800000000"),
    ("tel", "电话：13800000000", "+8613800000000"),
    ("tel", "\u202a+86 138 0000 0000\u202c", "+8613800000000"),
    ("tel", "0086 138 0000 0000", "+8613800000000"),
    ("tel", "010 5555 0199", "+861055550199"),
    ("tel", "+1 (202) 555-0143", "+12025550143"),
    ("tel", "+44 20 7946 0958", "+442079460958"),
    ("tel", "+39 06 6982 0000", "+390669820000"),
    ("email", "Li.Hua@EXAMPLE.com", "Li.Hua@example.com"),
    ("email", "  li@example.com ", "li@example.com"),
    ("email", "mailto:li@example.com", "li@example.com"),
    ("email", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
    ("email", "li@例子。公司", "li@例子.公司"),
    ("email", "jose\u0301@example.com", "jos\u00e9@example.com"),
    ("email", "o'neill+desk@mail.example.co.uk", "o'neill+desk@mail.example.co.uk"),
    ("name", "  Li   Hua ", "Li Hua"),
    ("name", "李华", "李华"),
    ("name", "阿卜杜拉·买买提", "阿卜杜拉·买买提"),
    ("name", "张〇", "张〇"),
    ("name", "O’Brien-Smith, Jr.", "O’Brien-Smith, Jr."),
    ("name", "Jose\u0301", "José"),
    ("name", "अनुराधा", "अनुराधा"),
    ("name", "علي حسن", "علي حسن"),
    ("name", "Ｌｉ　Ｈｕａ", "Li Hua"),
    ("text", "3M China 4.0\n(Shanghai)", "3M China 4.0 (Shanghai)"),
    ("text", "上海示例科技有限公司", "上海示例科技有限公司"),
    ("text", "We \u2764\ufe0f gateways", "We \u2764\ufe0f gateways"),
    ("address", "1 Example Road,\r\n\tShanghai　200000", "1 Example Road, Shanghai 200000"),
    ("choice", "energy", "energy"),
    ("choice", " ENERGY ", "energy"),
    ("choice", "水务", "water"),
    ("choice", "water  ＆ waste", "water"),
    ("uscc", "91310000MA0000000Y", "91310000MA0000000Y"),
    ("uscc", " 9131 0000 ma00 0000 0y ", "91310000MA0000000Y"),
    ("uscc", "９１３１００００ＭＡ０００００００Ｙ", "91310000MA0000000Y"),
]

# (kind, answer, code) with region CN and at most 60 characters
REFUSED = [
    ("tel", "", "phone.empty"),
    ("tel", " \u200b ", "phone.empty"),
    ("tel", "none", "phone.not_a_number"),
    ("tel", "+", "phone.not_a_number"),
    ("tel", "1-800-FLOWERS", "phone.not_a_number"),
    ("tel", "13800000000 (WeChat)", "phone.not_a_number"),
    ("tel", "138\x0000000000", "phone.not_a_number"),
    ("tel", "138\ud80000000000", "phone.not_a_number"),
    ("tel", "13800000000 / 13900001234", "phone.several"),
    ("tel", "13800000000或13900001234", "phone.several"),
    ("tel", "010 5555 0199 ext. 12", "phone.extension"),
    ("tel", "010 5555 0199 x12", "phone.extension"),
    ("tel", "010 5555 0199 转 12", "phone.extension"),
    ("tel", "010 5555 0199分机12", "phone.extension"),
    ("tel", "tel:+86-10-5555-0199;ext=12", "phone.extension"),
    ("tel", "+999 123 4567", "phone.unknown_country"),
    ("tel", "+1 555 0100", "phone.no_area_code"),
    ("tel", "138", "phone.too_short"),
    ("tel", "12345", "phone.too_short"),
    ("tel", "+86 1", "phone.too_short"),
    ("tel", "00", "phone.too_short"),
    ("tel", "138000000001234567", "phone.too_long"),
    ("tel", "1" * 300, "phone.too_long"),
    ("tel", "1380000000", "phone.invalid"),
    ("tel", "+1 000 000 0000", "phone.invalid"),
    ("email", "", "email.empty"),
    ("email", "mailto:", "email.empty"),
    ("email", "li\u202e@example.com", "email.hidden_characters"),
    ("email", "li\x00@example.com", "email.hidden_characters"),
    ("email", "li\ud800@example.com", "email.hidden_characters"),
    ("email", "li hua@example.com", "email.space"),
    ("email", "li.example.com", "email.no_at"),
    ("email", "li@@example.com", "email.two_ats"),
    ("email", "li@example.com,wang@example.com", "email.two_ats"),
    ("email", "@example.com", "email.nothing_before_at"),
    ("email", "li@", "email.nothing_after_at"),
    ("email", f"{'x' * 60}@example.com", "email.too_long"),
    ("email", "li@gateway.test", "email.special_use"),
    ("email", "li@LOCALHOST", "email.special_use"),
    ("email", "li@example", "email.domain"),
    ("email", "li@-example.com", "email.domain"),
    ("email", "li@exa_mple.com", "email.domain"),
    ("email", "li..hua@example.com", "email.invalid"),
    ("email", "(li)@example.com", "email.invalid"),
    ("name", " \t\n ", "name.empty"),
    ("name", "x" * 61, "name.too_long"),
    ("name", "Li\u202eHua", "name.hidden_characters"),
    ("name", "Li\u200bHua", "name.hidden_characters"),
    ("name", "Li\x00Hua", "name.hidden_characters"),
    ("name", "Li\ud800", "name.hidden_characters"),
    ("name", "Li\u3164Hua", "name.hidden_characters"),
    ("name", "R2D2", "name.has_digits"),
    ("name", "王二٢", "name.has_digits"),
    ("name", "138 0000 0000", "name.has_digits"),
    ("name", "li@example.com", "name.has_symbols"),
    ("name", "<b>Li</b>", "name.has_symbols"),
    ("name", "Li 😀", "name.has_symbols"),
    ("name", "-.-", "name.no_letters"),
    ("text", "", "text.empty"),
    ("text", "x" * 61, "text.too_long"),
    ("text", "\ufdfa" * 4, "text.too_long"),
    ("text", "Example\u2066 Ltd.", "text.hidden_characters"),
    ("text", "Example\u200e Ltd.", "text.hidden_characters"),
    ("text", "Example\u061c Ltd.", "text.hidden_characters"),
    ("text", "Example\ue000 Ltd.", "text.hidden_characters"),
    ("text", "Example\u0378 Ltd.", "text.hidden_characters"),
    ("address", "\u3000", "address.empty"),
    ("address", "x" * 61, "address.too_long"),
    ("address", "1 Example\u2069 Road", "address.hidden_characters"),
    ("choice", "", "choice.unknown"),
    ("choice", "steel", "choice.unknown"),
    ("uscc", " - ", "uscc.empty"),
    ("uscc", "91310000MA0000000", "uscc.length"),
    ("uscc", "91310000MA0000000I", "uscc.characters"),
    ("uscc", "A1310000MA0000000Y", "uscc.characters"),
    ("uscc", "91310000MA00000005", "uscc.checksum"),
    ("name", f"Li {ID_NUMBER}", "forbidden.id_number"),
    ("text", f"Li, {ID_NUMBER}", "forbidden.id_number"),
    ("text", f"card {BANK_CARD}", "forbidden.bank_card"),
    ("address", f"{BANK_CARD} Example Road", "forbidden.bank_card"),
]


def _parse(kind: str, text: str, *, region: str = "CN", max_length: int = 60) -> str | Rejected:
    return parse(kind, text, region=region, max_length=max_length, choices=CHOICES)


@pytest.mark.parametrize(("kind", "text", "value"), KEPT)
def test_a_good_answer_is_kept_in_one_form(kind: str, text: str, value: str) -> None:
    """However it is spelt, an answer is kept in its one normal form (S4)."""
    assert _parse(kind, text) == value


@pytest.mark.parametrize(("kind", "text", "code"), REFUSED)
def test_a_wrong_answer_names_its_fault(kind: str, text: str, code: str) -> None:
    """Each fault has a code of its own and an example that owes nothing to what was typed (S17: forbidden numbers)."""
    ours = "+86 138 0000 0000" if kind == "tel" else ""

    assert _parse(kind, text) == rejection.reject(code, ours)


def test_every_code_is_reachable_and_none_is_unknown() -> None:
    """The list of codes, against which wording is checked, is exactly what answers can get."""
    assert {code for _, _, code in REFUSED} == REJECTION_CODES


def test_every_example_is_a_good_answer() -> None:
    """What is shown as an example would itself be accepted, in every region."""
    assert _parse("text", rejection.TEXT_EXAMPLE) == rejection.TEXT_EXAMPLE
    assert _parse("address", rejection.ADDRESS_EXAMPLE) == rejection.ADDRESS_EXAMPLE
    assert _parse("email", rejection.EMAIL_EXAMPLE) == rejection.EMAIL_EXAMPLE
    assert _parse("uscc", rejection.USCC_EXAMPLE) == rejection.USCC_EXAMPLE
    assert all(isinstance(_parse("name", name), str) for name in rejection.NAME_EXAMPLE.split(" / "))
    for region in ("CN", "US", "DE", "HK", "IN", "ZZ"):
        rejected = _parse("tel", "", region=region)
        assert isinstance(rejected, Rejected)
        assert isinstance(_parse("tel", rejected.example, region=region), str)


def test_an_invented_code_is_our_mistake() -> None:
    """A code without wording cannot be returned."""
    with pytest.raises(KeyError):
        rejection.reject("phone.unlucky")


def test_the_region_is_where_local_numbers_are_dialled() -> None:
    """The same digits are another number in another country; a country code is stronger than the region."""
    assert _parse("tel", "202-555-0143", region="US") == "+12025550143"
    assert _parse("tel", "030 23125 123", region="DE") == "+493023125123"
    assert _parse("tel", "+86 138 0000 0000", region="US") == "+8613800000000"
    assert _parse("tel", "138 0000 0000", region="ZZ") == Rejected("phone.unknown_country", "+1 202-555-0143")


def test_an_unknown_kind_is_an_operators_mistake() -> None:
    """The kinds are seven; any other raises."""
    assert set(KINDS) == {"text", "name", "tel", "email", "choice", "uscc", "address"}
    with pytest.raises(KeyError):
        _parse("passport", "x")


@pytest.mark.parametrize(
    ("kind", "value", "seen", "hidden"),
    [
        ("tel", "+8613800000000", "+86 138 0000 0000", "+86 ••• •••• 0000"),
        ("tel", "+12025550143", "+1 202-555-0143", "+1 •••-•••-0143"),
        ("tel", "+6561234567", "+65 6123 4567", "+65 •••• ••67"),
        ("tel", "unreadable", "unreadable", "•••"),
        ("email", "li.hua@example.com", "li.hua@example.com", "l•••@e•••.com"),
        ("email", "李@例子.公司", "李@例子.公司", "李•••@例•••.公司"),
        ("email", "unreadable", "unreadable", "•••"),
        ("name", "李华", "李华", "李•••"),
        ("name", "", "", "•••"),
        ("text", "Example Ltd.", "Example Ltd.", "•••"),
        ("choice", "energy", "energy", "•••"),
        ("uscc", "91310000MA0000000Y", "91310000MA0000000Y", "•••"),
        ("address", "1 Example Road", "1 Example Road", "•••"),
    ],
)
def test_values_are_shown_whole_or_masked(kind: str, value: str, seen: str, hidden: str) -> None:
    """A phone is read in its international form; masked values tell just enough to know one's own (S11)."""
    assert shown(kind, value) == seen
    assert masked(kind, value) == hidden


@pytest.mark.parametrize(
    ("kind", "spelling", "value"),
    [
        ("tel", "+86 138 0000 0000", "+8613800000000"),
        ("tel", "+８６ 138-0000-0000", "+8613800000000"),
        ("tel", " １３８ ", "138"),
        ("email", " Li.Hua@EXAMPLE.com ", "li.hua@example.com"),
        ("email", "ＬＩ@BÜCHER.example", "li@xn--bcher-kva.example"),
        ("email", "STRASSE@example.com", "strasse@example.com"),
        ("email", "straße@example.com", "strasse@example.com"),
        ("email", "Unreadable", "unreadable"),
        ("name", " ＬＩ Hua ", "li hua"),
    ],
)
def test_two_spellings_of_one_value_compare_equal(kind: str, spelling: str, value: str) -> None:
    """The blind index is made of E.164 phones and NFKC, casefolded, IDNA e-mails."""
    assert normalised(kind, spelling) == value
    assert normalised(kind, value) == value


_TYPED = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "Cf", "Cc", "Co", "Nd", "Zs", "Pd"])),
    st.text(alphabet="+0123456789 -()x#/.;=e", max_size=24),
    st.text(alphabet="ab.@-_+é例。xn\u0301ß", max_size=24),
    st.sampled_from([text for _, text, _ in KEPT] + [text for _, text, _ in REFUSED]),
)


@given(kind=st.sampled_from(sorted(KINDS)), text=_TYPED, region=st.sampled_from(["CN", "US", "IT", "ZZ", ""]))
def test_whatever_is_typed_is_kept_or_refused(kind: str, text: str, region: str) -> None:
    """Nothing raises; a kept value parses to itself, can be shown, masked and compared; a refusal has wording."""
    value = _parse(kind, text, region=region)

    if isinstance(value, Rejected):
        assert value.code in REJECTION_CODES
    else:
        assert _parse(kind, value, region=region) == value
        assert shown(kind, value)
        assert masked(kind, value) != value
        assert normalised(kind, normalised(kind, value)) == normalised(kind, value)


@given(kind=st.sampled_from(["text", "name", "address"]), text=_TYPED)
def test_what_is_kept_can_be_read_by_everyone(kind: str, text: str) -> None:
    """A kept line is NFKC, one line, within its length, and holds nothing that cannot be seen."""
    value = _parse(kind, text, max_length=12)

    if not isinstance(value, Rejected):
        assert value == unicodedata.normalize("NFKC", value).strip()
        assert 0 < len(value) <= 12
        assert {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}.isdisjoint(map(unicodedata.category, value))


@given(kind=st.sampled_from(sorted(KINDS)), value=st.text())
def test_masks_never_raise(kind: str, value: str) -> None:
    """Showing, masking and comparing take any value, also one kept under older rules."""
    assert isinstance(shown(kind, value), str)
    assert MASK[0] in masked(kind, value)
    assert isinstance(normalised(kind, value), str)


def test_a_mail_server_gets_a_domain_by_its_ascii_name() -> None:
    """IDNA: an address with a domain in other letters can be mailed to; what stands before the @ stays."""
    assert mailable("li.na@bücher.example.com") == "li.na@xn--bcher-kva.example.com"
    assert mailable("Li.Na@example.com") == "Li.Na@example.com"
