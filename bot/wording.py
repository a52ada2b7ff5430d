"""Messages in the reader's language: the contract's `message` frame, the same for every channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.drawing import Drawing, moment
from bot.record_words import worded
from bot.texts import Texts
from intake import masking
from intake.events import ColleagueSaid
from intake.outcomes import Heard, Reply
from intake.rules import PolicyVersion, Rules
from storage.records import Message, Record, Transcript, TurnDone

# answers that promise a copy, by the last part of its address under /api/v1/me
DOWNLOADS = ("export", "receipts")
NOTHING_KEPT = Record(fields=(), consents=(), recipients=(), opened_by=(), keeps_until=None, lead="")


class Wording:
    """Turns what was decided and heard into frames. Built once; knows no person."""

    def __init__(self, rules: Rules, catalogues: Mapping[str, Mapping[str, str]], public_url: str) -> None:
        """Speak the languages of `rules` with the texts of `catalogues`; `public_url` leads to the policy."""
        self._rules = rules
        self._texts = Texts(rules, catalogues, public_url)
        self._drawing = Drawing(self._texts)
        exact = {locale.casefold(): locale for locale in rules.locales}
        # The first locale of a language stands for those of its regions that are not configured.
        self._by_tag = {tag.partition("-")[0]: exact[tag] for tag in reversed(exact)} | exact

    def say(self, key: str, locale: str, **params: str) -> str:
        """Return the text of `key`; `params` as in `Texts.say`. Raises KeyError for an unknown key."""
        return self._texts.say(key, locale, **params)

    def policy_url(self, locale: str, version: str = "") -> str:
        """Return where the policy (of a version, or the one in force) is read."""
        return self._texts.policy_url(self._texts.known(locale), version)

    def policy_coming(self, version: PolicyVersion, locale: str) -> dict[str, str]:
        """Return what a client is told of a version that is published and not yet in force (S27)."""
        known = self._texts.known(locale)
        return {
            "version": version.version,
            "effective_on": version.effective_on.isoformat(),
            "changes": version.changes[known],
            "url": self._texts.policy_url(known, version.version),
        }

    def label(self, name: str, locale: str) -> str:
        """Return what a field, the question, an item of the visit record or a purpose is called."""
        return self._texts.purpose_label(name, self._texts.known(locale))

    def shown(self, name: str, value: str, locale: str, *, masked: bool = False) -> str:
        """Return how the value of the field `name` is read, masked where the reader may not see it."""
        return self._drawing.value(name, value, self._texts.known(locale), masked=masked)

    def record(self, record: Record, locale: str, *, masked: bool = False) -> dict[str, Any]:
        """Return the body of "view" and of `GET /me` (S21)."""
        known = self._texts.known(locale)
        return worded(self._drawing.record(record, known, masked=masked), self._texts, known)

    def locale_for(self, wanted: str | None, accept_language: str = "") -> str:
        """Return the configured language that fits best: the wanted one, else the browser's, else the default."""
        for tag in (wanted or "", *_preferred(accept_language)):
            language = tag.replace("_", "-").casefold()
            found = self._by_tag.get(language) or self._by_tag.get(language.partition("-")[0])
            if found:
                return found
        return self._rules.default_locale

    def frame(
        self, message: Message, *, values: Mapping[str, str], record: Record | None, masked: bool = False
    ) -> dict[str, Any]:
        """Return the contract's `message` frame. Parts of it are shared between calls: never change it.

        Args:
            message: What is in the transcript.
            values: The kept values of the fields that it refers to.
            record: What "view" shows, where the message is its answer.
            masked: Whether the reader may not see personal values (a remembered session).
        """
        body, locale, values = message.body, self._texts.known(message.locale), message.shown(values)
        if body is None:
            return {"type": "message", "seq": message.seq, "erased": True}
        frame: dict[str, Any] = {
            "type": "message",
            "seq": message.seq,
            "from": message.sender,
            "at": moment(message.at),
        }
        if isinstance(body, Heard):
            frame["text"] = self._heard(body, locale, values, masked=masked)
            if message.client_id:
                frame["id"] = message.client_id
        elif isinstance(body, ColleagueSaid):
            frame["text"] = self._drawing.screened(body.text) if masked else body.text
            frame["name"] = body.name
        else:
            self._reply(frame, body, locale, values, record, masked=masked)
        if masked and (not isinstance(body, Reply) or body.expects.kind in ("review", "record")):
            frame["masked"] = True
        return frame

    def frames(self, shown: TurnDone | Transcript, *, masked: bool = False) -> list[dict[str, Any]]:
        """Return the `message` frames of a turn or a transcript."""
        return [
            self.frame(one, values=shown.values, record=shown.record, masked=masked) for one in shown.messages
        ]

    def copy(
        self, transcript: Transcript, record: Record, receipts: Sequence[Mapping[str, Any]], at: datetime
    ) -> dict[str, Any]:
        """Return a person's copy of everything, as `/schemas/export.json` has it (S15)."""
        locale = self._texts.known(transcript.state.locale)
        return {
            "exported_at": moment(at),
            "company": self._rules.company.name[locale],
            **self.record(record, locale),
            "transcript": self.frames(transcript),
            "receipts": list(receipts),
        }

    def _reply(
        self,
        frame: dict[str, Any],
        reply: Reply,
        locale: str,
        values: Mapping[str, str],
        record: Record | None,
        *,
        masked: bool,
    ) -> None:
        sent_to = self._sent_to(reply, values)
        frame["text"], frame["locale"] = self._text(reply, locale, sent_to), locale
        if reply.expects.kind == "review":
            frame["expects"] = self._drawing.review(reply.expects, locale, values, masked=masked)
        elif reply.expects.kind == "record":
            frame["expects"] = {
                "kind": "record",
                **self.record(record or NOTHING_KEPT, locale, masked=masked),
            }
        elif reply.expects.kind == "code":
            frame["expects"] = {**self._drawing.expects(reply.expects, locale), "sent_to": sent_to}
        else:
            frame["expects"] = self._drawing.expects(reply.expects, locale)
        if reply.key in DOWNLOADS:
            frame["download"] = reply.key
        if reply.rejected:
            frame["rejected"] = {"name": reply.rejected.name, "code": reply.rejected.code}

    def _sent_to(self, reply: Reply, values: Mapping[str, str]) -> str:
        """Return the masked address that a code went to; of one that is known no more, the mask alone."""
        if reply.expects.kind != "code":
            return ""
        return masking.masked(
            "email", next((values[one] for one in reply.expects.fields if one in values), "")
        )

    def _text(self, reply: Reply, locale: str, sent_to: str) -> str:
        key, params, texts = reply.key, reply.params, self._texts
        if key == "faq":
            return texts.faq(params["id"], locale)
        if key in ("field.ask", "other.ask") and texts.has(own := f"{key}.{params['field']}", locale):
            return texts.say(own, locale)
        if reply.rejected:
            return self._rejection(reply.rejected.name, reply.rejected.code, reply.rejected.example, locale)
        if sent_to:
            return texts.say(key, locale, sent_to=sent_to, **params)
        said = [texts.say(key, locale, **params)]
        if params.get("coming") in self._rules.policies:
            said.append(texts.say("policy.coming", locale, **texts.announcement(params["coming"], locale)))
        last = [texts.say("closed", locale, **params)] if "answer_by" in params else []
        if key == "greeting" and reply.expects.kind == "choice":
            last.append(texts.say("topic.ask", locale))
        return "\n\n".join([*said, *(["\n".join(last)] if last else [])])

    def rejected(self, name: str, code: str, locale: str, example: str = "") -> str:
        """Return what was wrong with an answer to the field `name`, with a good example where there is one."""
        return self._rejection(name, code, example, self._texts.known(locale))

    def _rejection(self, name: str, code: str, example: str, locale: str) -> str:
        field = self._rules.fields.get(name)
        most = field.max_length if field else self._rules.need_max
        text = self._texts.say(f"rejected.{code}", locale, max=str(most))
        return f"{text}\n{self._texts.say('rejected.example', locale, example=example)}" if example else text

    def _heard(self, heard: Heard, locale: str, values: Mapping[str, str], *, masked: bool) -> str:
        if heard.answered:
            value = values.get(heard.answered)
            if value is None:
                return self._texts.say("answer.gone", locale)
            return self._drawing.value(heard.answered, value, locale, masked=masked)
        if heard.code:
            return self._texts.say("answer.code", locale)
        if heard.picked:
            ticked = [self._texts.purpose_label(purpose, locale) for purpose in heard.purposes]
            return " · ".join([self._drawing.option(heard.picked, locale), *ticked])
        if not heard.text:
            return self._texts.say("answer.gone", locale)
        if masked:
            return (
                self._texts.say("answer.masked", locale)
                if heard.private
                else self._drawing.screened(heard.text)
            )
        return heard.text


def _preferred(accept_language: str) -> Iterator[str]:
    """Yield the languages of an `Accept-Language` header, the most wanted first (RFC 9110 §12.5.4)."""
    weighed = []
    for place, part in enumerate(accept_language[:200].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.strip()))
        except ValueError:
            continue
    return (tag for weight, _, tag in sorted(weighed) if tag and weight)
