"""The person's rights over HTTP, against a whole desk."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.published import fits
from tests.visiting import Visit, visiting

ME = "/api/v1/me"


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    """A desk that is open."""
    async with visiting(tmp_path) as opened:
        yield opened


async def record(visit: Visit, token: str) -> dict[str, Any]:
    """Return the record."""
    answer = await visit.call("GET", ME, token)
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


async def test_a_person_views_everything_that_is_kept(visit: Visit) -> None:
    """S21: every value with when and under which policy it was given; the decisions; who opened it."""
    token = await visit.consulted()

    shown = await record(visit, token)

    fits(shown, "record")
    values = {one["field"]: one["value"] for one in shown["fields"]}
    assert values["name"] == "Li Na"
    assert values["email"] == "li.na@example.com"
    assert {one["purpose"]: one["decision"] for one in shown["consents"]}["contact"] == "agreed"
    assert shown["masked"] is False


async def test_a_stranger_has_an_empty_record(visit: Visit) -> None:
    """S2: who never consented has nothing to view."""
    shown = await record(visit, await visit.token())

    fits(shown, "record")
    assert (shown["fields"], shown["consents"], shown["recipients"]) == ([], [], [])


async def test_a_person_corrects_values(visit: Visit) -> None:
    """S21: validated and normalised like the first time; the record shows the new value."""
    token = await visit.consulted()

    answer = await visit.call("PATCH", ME, token, json={"phone": "+86 139 0000 0000", "name": "Li Nana"})
    values = {one["field"]: one["value"] for one in (await answer.json())["fields"]}

    assert answer.status == 200
    assert values["phone"].replace(" ", "") == "+8613900000000"
    assert values["name"] == "Li Nana"


async def test_what_the_record_calls_correctable_is_taken(visit: Visit) -> None:
    """S21: each value, sent back as it was, before and after a withdrawal: the desk does as its record says."""
    token = await visit.consulted()

    for ends in (False, True):
        if ends:
            await visit.call("POST", f"{ME}/withdraw", token, json={"purposes": ["contact"]})
        for one in (await record(visit, token))["fields"]:
            answer = await visit.call("PATCH", ME, token, json={one["field"]: one["value"]})
            assert (answer.status == 200, one["field"]) == (one["correctable"], one["field"])


async def test_a_wrong_value_changes_nothing(visit: Visit) -> None:
    """All or none: 422 with field and code, and both values stay."""
    token = await visit.consulted()

    answer = await visit.call("PATCH", ME, token, json={"name": "Somebody Else", "email": "no address"})
    problem = await answer.json()

    assert (answer.status, problem["code"], problem["field"]) == (422, "rejected", "email")
    assert problem["rejected"]["name"] == "email"
    assert problem["rejected"]["code"].startswith("email.")
    assert "no address" not in await answer.text()
    assert {one["field"]: one["value"] for one in (await record(visit, token))["fields"]}["name"] == "Li Na"


async def test_nothing_personal_is_written_without_consent(visit: Visit) -> None:
    """S5: 403 consent_required, and nothing is kept."""
    token = await visit.token()

    answer = await visit.call("PATCH", ME, token, json={"phone": "+86 139 0000 0000"})

    assert (answer.status, (await answer.json())["code"]) == (403, "consent_required")
    assert (await record(visit, token))["fields"] == []


@pytest.mark.parametrize("body", [{}, {"phone": 5}, {"phone": None}, {"phone": "x" * 4_001}])
async def test_a_correction_is_an_object_of_texts(body: dict[str, Any], visit: Visit) -> None:
    """Wrong types are 400."""
    assert (await visit.call("PATCH", ME, await visit.token(), json=body)).status == 400


@pytest.mark.parametrize("name", ["shoe_size", "a/b", "/", ""])
async def test_an_unknown_field_cannot_be_written(name: str, visit: Visit) -> None:
    """The registry knows every field there is, whatever a client calls others."""
    answer = await visit.call("PATCH", ME, await visit.consulted(), json={name: "42"})

    rejected = (await answer.json())["rejected"]
    assert (answer.status, rejected) == (422, {"name": name, "code": "unknown_field"})


async def test_a_person_erases_everything(visit: Visit) -> None:
    """S24: the certificate is the answer; it names nobody, can be confirmed by its id, and the token is 410."""
    token = await visit.consulted()
    talker = await visit.talker(token)

    answer = await visit.call("DELETE", ME, token, json={"scope": "all"})
    certificate = await answer.json()
    confirmed = await visit.call("GET", f"/api/v1/certificates/{certificate['id']}")

    assert answer.status == 200
    fits(certificate, "certificate")
    assert "Li Na" not in await answer.text()
    assert await confirmed.json() == certificate
    assert await talker.closed() == 4410
    for method, path in (("GET", ME), ("PATCH", ME), ("GET", f"{ME}/export"), ("GET", f"{ME}/receipts")):
        assert (await visit.call(method, path, token, json={})).status == 410


async def test_a_person_erases_one_consultation(visit: Visit) -> None:
    """S23: the consultation goes, the session lives."""
    token = await visit.consulted()

    answer = await visit.call("DELETE", ME, token, json={"scope": "lead"})

    assert (await answer.json())["scope"] == "lead"
    assert "need" not in {one["field"] for one in (await record(visit, token))["fields"]}


async def test_a_scope_with_nothing_in_it_is_not_offered(visit: Visit) -> None:
    """There is no visit record to erase."""
    answer = await visit.call("DELETE", ME, await visit.token(), json={"scope": "visit"})

    assert (answer.status, (await answer.json())["code"]) == (422, "not_offered")


@pytest.mark.parametrize("body", [{}, {"scope": ""}, {"scope": "everything"}, {"scope": 1}])
async def test_an_unknown_scope_is_refused(body: dict[str, Any], visit: Visit) -> None:
    """400, and nothing is erased."""
    token = await visit.token()

    assert (await visit.call("DELETE", ME, token, json=body)).status == 400
    assert (await visit.call("GET", ME, token)).status == 200


async def test_withdrawing_acts_at_once(visit: Visit) -> None:
    """L3: one request; from then on the field cannot be written."""
    token = await visit.consulted()

    answer = await visit.call("POST", f"{ME}/withdraw", token, json={"purposes": ["contact"]})
    corrected = await visit.call("PATCH", ME, token, json={"name": "Li Nana"})

    assert answer.status == 200
    assert [one["decision"] for one in (await answer.json())["consents"] if one["purpose"] == "contact"][
        -1
    ] == ("withdrawn")
    assert corrected.status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"purposes": ["world_peace"]}, 422),
        ({"purposes": []}, 400),
        ({"purposes": "contact"}, 400),
        ({}, 400),
    ],
)
async def test_only_known_purposes_can_be_withdrawn(body: dict[str, Any], status: int, visit: Visit) -> None:
    """An unknown purpose is told from a withdrawn one."""
    answer = await visit.call("POST", f"{ME}/withdraw", await visit.consulted(), json=body)

    assert answer.status == status


async def test_decisions_come_with_receipts(visit: Visit) -> None:
    """L14: one signed receipt a decision."""
    token = await visit.consulted()

    answer = await (await visit.call("GET", f"{ME}/receipts", token)).json()

    fits(answer, "receipts")
    purposes = {purpose for one in answer["receipts"] for purpose in one["purposes"]}
    assert {"contact", "news"} <= purposes


async def test_an_export_fits_its_schema(visit: Visit) -> None:
    """S15: details, decisions, transcript and receipts, as an attachment that round-trips through its schema."""
    token = await visit.consulted()

    answer = await visit.call("GET", f"{ME}/export?format=json", token)
    copy = await answer.json()

    fits(copy, "export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "Li Na" in {message.get("text") for message in copy["transcript"]}
    assert copy["receipts"]
    assert copy["fields"] == (await record(visit, token))["fields"]


async def test_an_export_can_be_read(visit: Visit) -> None:
    """S15: the same as a page without scripts; what the person typed cannot become markup."""
    token = await visit.consulted(5)
    name = "Li <b>Na</b>"
    await visit.call("POST", "/api/v1/messages", token, json={"type": "say", "id": "n", "text": name})

    answer = await visit.call("GET", f"{ME}/export?format=html", token)
    page = await answer.text()

    assert answer.content_type == "text/html"
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Do your gateways speak Modbus?" in page
    assert "<b>Na</b>" not in page
    assert "<script" not in page


async def test_an_export_has_two_forms(visit: Visit) -> None:
    """Others are refused."""
    assert (await visit.call("GET", f"{ME}/export?format=pdf", await visit.token())).status == 400


async def test_proofs_can_be_checked_without_the_desk(visit: Visit) -> None:
    """L14: with the published keys and the contract alone a certificate and a receipt hold; a changed one does not."""
    token = await visit.consulted()
    (receipt, *_) = (await (await visit.call("GET", f"{ME}/receipts", token)).json())["receipts"]
    certificate = await (await visit.call("DELETE", ME, token, json={"scope": "all"})).json()

    published = await (await visit.call("GET", "/.well-known/askfirst-keys.json")).json()

    fits(published, "keys")
    assert {one["use"] for one in published["keys"]} == {"evidence", "audit"}
    assert holds("receipt", receipt, published)
    assert holds("certificate", certificate, published)
    assert not holds("receipt", certificate, published)
    assert not holds("certificate", {**certificate, "scope": "lead"}, published)


def holds(kind: str, proof: dict[str, Any], published: dict[str, Any]) -> bool:
    """Check a proof as docs/contract.md says, with nothing of the desk's own code."""
    (public,) = (one["public"] for one in published["keys"] if one["kid"] == proof["kid"])
    rest = {name: value for name, value in proof.items() if name not in ("kid", "signature")}
    plain = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signed = b"".join(struct.pack(">I", len(part)) + part for part in (kind.encode(), plain.encode()))
    try:
        Ed25519PublicKey.from_public_bytes(raw(public)).verify(raw(proof["signature"]), signed)
    except InvalidSignature:
        return False
    return True


def raw(text: str) -> bytes:
    """Return what base64url without padding stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("named", ["0" * 32, "nobody", "..%2f..%2fetc", "x" * 500, "%00"])
async def test_an_unknown_certificate_is_not_found(named: str, visit: Visit) -> None:
    """404 for whatever is no certificate."""
    assert (await visit.call("GET", f"/api/v1/certificates/{named}")).status == 404
