"""The pages that everybody may read: demo site, policy with its history, my data, and what programs look for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from babel.dates import format_date

from bot.web.appkeys import DESK
from bot.web.assets import SOON, read_assets, widget_of
from bot.web.my_data_words import script_words
from bot.web.page_words import words_for
from bot.web.policy_reading import Policies
from intake.asking import NEED
from intake.policy import coming, in_force, outdated
from intake.rules import CONTACT, PolicyVersion, Rules

if TYPE_CHECKING:
    from bot.desk import Desk

HERE = Path(__file__).parent
# Nothing but our own files, no inline script or style; data: is the page's icon.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CONTACT_VALID = timedelta(days=180)  # RFC 9116 §2.5.5 recommends less than a year
LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "zh-CN": "中文"}


def add_routes(app: web.Application) -> None:
    """Add the pages to an application that carries its desk."""
    pages, widget = Pages(app[DESK]), widget_of(HERE.parent / "widget")
    app.middlewares.append(pages.lead_home)
    app.add_routes(
        [
            web.get("/", pages.demo),
            web.get("/policy", pages.policy),
            web.get("/policy/{version}", pages.policy),
            web.get("/policy/diff/{a}/{b}", pages.diff),
            web.get("/my-data", pages.my_data),
            web.get("/static/{name}", pages.static),
            web.get("/widget.js", widget.loader),
            web.get("/widget/{version}/{name}", widget.part),
            web.get("/.well-known/gpc.json", pages.gpc),
            web.get("/.well-known/security.txt", pages.security),
        ]
    )


class Pages:
    """Draws the pages of one desk. Knows no visitor: nothing here reads a cookie or a token."""

    def __init__(self, desk: Desk) -> None:
        """Read templates, styles and policy texts once."""
        self._desk, self._policies = desk, Policies(desk.loaded)
        self._static = read_assets(HERE / "static")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @web.middleware
    async def lead_home(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Show whoever reads pages one with the way home where there is none; programs get the problem document."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if request.path.startswith("/api/") or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
                raise
        # not the path asked for: who knows where it leads
        answer = self._page(request, "unknown.html", path="/")
        answer.set_status(404)
        answer.headers[hdrs.VARY] = "Accept, Accept-Language"
        return answer

    async def demo(self, request: web.Request) -> web.Response:
        """`GET /`: the site of an invented maker, with the chat on it."""
        locale, rules = self._locale(request), self._desk.rules
        topics = [(topic.id, topic.label[locale]) for topic in rules.topics.values()]
        return self._page(
            request,
            "demo.html",
            topics=topics,
            calls=_calls(rules),
            public_url=self._desk.settings.public_url,
        )

    async def my_data(self, request: web.Request) -> web.Response:
        """`GET /my-data`: every right with a code to one's address, and the way into the chat."""
        rules = self._desk.rules
        inputs = {NEED: "text"} | {name: one.kind for name, one in rules.fields.items() if one.asked}
        return self._page(
            request,
            "my_data.html",
            inputs=inputs,
            outdated={"purpose": CONTACT, "versions": self._outdated(), "contact": rules.company.email},
            script_words=script_words(self._locale(request)),
        )

    def _outdated(self) -> dict[str, bool]:
        """Return under which versions a consent is outdated; "": under one that is configured no more."""
        rules, now = self._desk.rules, self._desk.clock()
        return {version: outdated(rules, version, now) for version in (*rules.policies, "")}

    async def policy(self, request: web.Request) -> web.Response:
        """`GET /policy` and `/policy/{version}`: a version with its dates; `?format=md`: its very text."""
        today, locale = self._today(), self._locale(request)
        current = in_force(self._desk.rules, self._desk.clock())
        shown = self._find(request, "version") if "version" in request.match_info else current
        if request.query.get("format") == "md":
            text = self._policies.text(shown.version, locale)
            return web.Response(text=text, content_type="text/markdown", headers={"Content-Language": locale})
        answer = self._page(
            request,
            "policy.html",
            shown=shown,
            current=current,
            before=self._policies.before(shown, today),
            text=self._policies.html(shown.version, locale),
            sha256=shown.notice_sha256[locale],
        )
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"  # the consent card shows it in place
        return answer

    async def diff(self, request: web.Request) -> web.Response:
        """`GET /policy/diff/{a}/{b}`: what changed between two versions, the older one first, whatever was asked."""
        pair = sorted((self._find(request, "a"), self._find(request, "b")), key=lambda one: one.effective_on)
        older, newer = pair[0].version, pair[1].version
        paragraphs = self._policies.compared(older, newer, self._locale(request))
        changed = any(paragraph.kind != "same" for paragraph in paragraphs)
        return self._page(
            request, "policy_diff.html", older=older, newer=newer, paragraphs=paragraphs, changed=changed
        )

    async def static(self, request: web.Request) -> web.Response:
        """`GET /static/{name}`: styles and the one script of these pages."""
        asset = self._static.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return asset.answer(request, SOON)

    async def gpc(self, request: web.Request) -> web.Response:
        """`GET /.well-known/gpc.json`: Global Privacy Control is honoured (L13)."""
        since = in_force(self._desk.rules, self._desk.clock()).effective_on
        return web.json_response(
            {"gpc": True, "lastUpdate": since.isoformat()}, headers={"Cache-Control": SOON}
        )

    async def security(self, request: web.Request) -> web.Response:
        """`GET /.well-known/security.txt`: whom to tell about a hole (RFC 9116)."""
        public, now = self._desk.settings.public_url, self._desk.clock()
        expires = (now + CONTACT_VALID).replace(hour=0, minute=0, second=0, microsecond=0)
        lines = (
            f"Contact: mailto:{self._desk.rules.company.email}",
            f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
            f"Preferred-Languages: {', '.join(self._desk.rules.locales)}",
            f"Canonical: {public}/.well-known/security.txt",
            f"Policy: {public}/policy",
        )
        return web.Response(text="\n".join(lines) + "\n", charset="utf-8", headers={"Cache-Control": SOON})

    def _find(self, request: web.Request, name: str) -> PolicyVersion:
        found = self._policies.find(request.match_info[name], self._today())
        if found is None:
            raise web.HTTPNotFound
        return found

    def _today(self) -> date:
        """Return the date in the company's zone: that is where versions are published and take effect."""
        return self._desk.clock().astimezone(self._desk.rules.hours.zone).date()

    def _locale(self, request: web.Request) -> str:
        wanted = request.query.get("lang")
        return self._desk.wording.locale_for(wanted, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))

    def _page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        locale, rules, today = self._locale(request), self._desk.rules, self._today()
        company = {
            "name": rules.company.name[locale],
            "address": rules.company.address[locale],
            "officer": rules.company.officer[locale],
            "email": rules.company.email,
            "phone": rules.company.phone,
        }
        shared = {
            "locale": locale,
            "locales": {one: LANGUAGE_NAMES.get(one, one) for one in rules.locales},
            "path": request.path,
            "company": company,
            "site": next(iter(rules.sites)),
            "today": today,
            "versions": self._policies.published(today),
            "upcoming": coming(rules, self._desk.clock()),
            "w": words_for(locale),
            "day": partial(format_date, format="long", locale=locale.replace("-", "_")),
        }
        text = self._templates.get_template(template).render(shared | values)
        headers = {
            "Content-Security-Policy": CSP,
            "Content-Language": locale,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Language",
        }
        return web.Response(text=text, content_type="text/html", headers=headers)


def _calls(rules: Rules) -> list[tuple[str, str, str]]:
    """Return what the playground calls: the function, its argument as one writes it, and that as JSON."""
    topic = next(iter(rules.topics))
    return [
        *((name, "", "") for name in ("open", "close", "toggle")),
        ("start", f'{{topic: "{topic}"}}', orjson.dumps({"topic": topic}).decode()),
        *(("setLocale", given, given) for given in (f'"{locale}"' for locale in rules.locales)),
        ("reset", "", ""),
    ]
