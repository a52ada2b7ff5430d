"""Those around the visitors: a colleague who opens leads, the operator's commands, strangers who speak no HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from tests.canaries import CHINESE, DETAILS, LATIN
from tests.canary_desk import CanaryDesk, Terminal
from tests.canary_walks import LATER_PHONE, PATIENCE

PEOPLE = 6  # who sent a lead
BACKUP = "backup"  # where the operator puts it


async def colleague_opens_all_leads(desk: CanaryDesk, terminal: Terminal) -> list[str]:
    """Let the operator add a colleague, who opens every lead whole and answers; return the secrets of the way in."""
    address = f"sales.{LATIN.lower()}@example.com"
    printed = await terminal.run("staff", "add", "-", "--role", "sales", typed=address)
    link = printed.strip().partition("#")[2]
    assert LATIN.lower() in await terminal.run("staff", "list")
    async with ClientSession(desk.url, cookie_jar=CookieJar(unsafe=True)) as browser:
        async with browser.post("/staff/enter", data={"link": link}) as entered:
            assert entered.status == 200
        async with browser.get("/api/v1/staff/leads") as listed:
            csrf, leads = {"X-CSRF-Token": listed.headers["X-CSRF-Token"]}, (await listed.json())["leads"]
        for query in (DETAILS["en"]["email"], LATER_PHONE, LATIN):
            async with browser.get("/api/v1/staff/leads", params={"q": query}) as found:
                assert found.status == 200
            async with browser.get(f"/api/v1/staff/leads/{query}") as unknown:
                assert unknown.status == 404
            for odd in ("status", "cursor"):
                async with browser.get("/api/v1/staff/leads", params={odd: query}) as refused:
                    assert refused.status == 400
        for lead in leads:
            await _opens_and_answers(browser, f"/staff/leads/{lead['reference']}", csrf)
        cookies = [cookie.value for cookie in browser.cookie_jar]
    assert len(leads) == PEOPLE
    return [link, *cookies]


async def _opens_and_answers(browser: ClientSession, path: str, csrf: dict[str, str]) -> None:
    asked = {"purpose": "call_back", "fields": ["name", "company", "phone", "email", "need"]}
    async with browser.post(f"/api/v1{path}/open", json=asked, headers=csrf) as opened:
        assert LATIN.lower() in (await opened.text()).lower()
    async with browser.post(f"/api/v1{path}/reply", json={"text": f"Dear {LATIN}"}, headers=csrf) as replied:
        assert replied.status == 201
    async with browser.get(path) as shown:
        assert shown.status == 200


async def operator_and_officer_work(terminal: Terminal, folder: Path) -> None:
    """Let the operator export leads, rotate keys and take a backup, the officer look somebody up, read and correct."""
    for form in ("csv", "jsonl", "vcard"):
        assert LATIN in await terminal.run("leads", "export", "--purpose", "contact", "--format", form)
    found = await terminal.run("subject", "find", "--email", "-", typed=DETAILS["en"]["email"])
    assert await terminal.run("subject", "find", "--phone", "-", typed=LATER_PHONE)
    someone = found.split()[0]
    exported = await terminal.run("subject", "export", someone)
    assert LATIN in exported
    receipts = folder / "receipts.json"
    receipts.write_text(json.dumps(json.loads(exported)["receipts"]), "utf-8")
    assert "holds" in await terminal.run("receipt", "verify", str(receipts))
    await terminal.run("subject", "correct", someone, "company", "-", typed=DETAILS["zh-CN"]["company"])
    await terminal.run("keys", "rotate")
    await terminal.run("audit", "export", "--since", "2020-01-01")
    await terminal.run("audit", "verify")
    await terminal.run("backup", str(folder / BACKUP))
    await terminal.run("retention", "run", "--dry-run")


async def officer_erases(terminal: Terminal) -> None:
    """Let the officer erase the last one who gave this address."""
    [someone] = (await terminal.run("subject", "find", "--email", "-", typed=DETAILS["en"]["email"])).split()
    await terminal.run("subject", "erase", someone, "--reason", "letter 7/2026")


async def strangers_speak_no_http(desk: CanaryDesk) -> None:
    """Send what a broken proxy or an attacker sends, full of canaries, to whoever reads requests."""
    long = f"{LATIN}{CHINESE}" * 2_000
    for raw in (
        f"{LATIN} /{CHINESE} HTTP/9.9\r\n\r\n",
        f"GET /{long} HTTP/1.1\r\nHost: desk\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: desk\r\nX {LATIN} : {CHINESE}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: desk\r\nX-Name: {LATIN}\0{CHINESE}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: desk\r\nX-Name: {long}\r\n\r\n",
        f"POST /api/v1/sessions HTTP/1.1\r\nHost: desk\r\nContent-Length: {LATIN}\r\n\r\n{LATIN}",
        f"POST /api/v1/sessions HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n\r\n{LATIN}\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        writer.write(raw.encode())
        refused = await asyncio.wait_for(reader.readline(), PATIENCE)
        assert not refused or refused.split()[1].startswith(b"4"), refused
        writer.close()
        await writer.wait_closed()
