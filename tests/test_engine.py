"""The engine: the table, the main path, consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from intake import engine
from intake.asking import Given
from intake.conversation import Stage
from intake.engine import TABLE, Transition, step
from intake.events import (
    ColleagueSaid,
    Opened,
    Picked,
    Said,
    SharedContact,
)
from intake.outcomes import (
    JoinLead,
    KeepField,
    OpenConsultation,
    RecordConsent,
    ShredSession,
    Step,
    Submit,
)
from tests.conversation_diagram import PAGE, drawn
from tests.stages import STAGES, separately
from tests.talk import NOON, Talk, rules, to_consent, to_fields, to_review, to_sent


def test_every_stage_of_the_table_is_reached_by_the_samples() -> None:
    """The samples below stand for every stage that exists."""
    reached = {name: make().state.stage for name, make in STAGES.items()}

    assert reached == {stage.value: stage for stage in Stage}


def test_the_diagram_is_the_table() -> None:
    """docs/conversation.md is what the table draws."""
    assert PAGE.read_text(encoding="utf-8") == drawn()


@pytest.mark.parametrize("stage", STAGES)
def test_a_pick_that_was_not_offered_changes_nothing(stage: str) -> None:
    """Contract: not_offered, and nothing of it is kept."""
    talk = STAGES[stage]()
    before = talk.state

    talk.pick("review:send-it-twice")

    assert talk.last == type(talk.last)(state=before, refused="not_offered")
    assert talk.pick("command:dance").last.refused == "not_offered"


def test_the_happy_path_hands_a_lead_to_sales() -> None:
    """Greeting, question, consent, whose, fields, review, sent: in the contract's order."""
    talk = Talk()
    assert (talk.keys, talk.expects.name) == (["greeting"], "topic")
    assert talk.pick("topic:gateway").expects.name == "need"
    assert talk.say("Do your gateways speak OPC UA over TLS to plant historians?").expects.name == "followup"
    assert talk.say("yes").expects.kind == "consent"
    assert talk.pick("consent:agree", purposes=("news",)).expects.name == "whose"
    assert talk.pick("whose:own").expects.name == "name"
    for answer, then in (
        ("Li Na", "company"),
        ("Example Valves Ltd", "phone"),
        ("+86 138 0000 0000", "email"),
        ("li.na@example.com", "position"),
        ("skip", "industry"),
    ):
        assert talk.say(answer).expects.name == then
    assert talk.pick("field:industry:energy").expects.kind == "review"

    talk.pick("review:send")

    assert talk.keys == ["sent"]
    assert talk.did(Submit) == [Submit("AF-TEST-0001", "gateway")]
    assert talk.state.agreed == ("contact", "news")
    assert [effect.name for effect in talk.did(KeepField)] == [
        "need", "name", "company", "phone", "email", "industry",
    ]  # fmt: skip


def test_sent_says_when_an_answer_is_due() -> None:
    """Eight working hours from Monday noon end on Tuesday at eleven, in the company's zone."""
    due = dict(to_sent().last.replies[0].params)["due"]

    assert due == "2026-11-24T11:00:00+08:00"


def test_personal_data_before_consent_is_masked_and_the_visitor_told() -> None:
    """Nothing personal is kept before consent; the visitor learns what was masked."""
    talk = Talk().say("Call me on +86 138 0000 0000 or at li.na@example.com about valves")

    kept = talk.did(KeepField)
    assert "138" not in kept[0].value
    assert "example.com" not in kept[0].value
    assert talk.keys[0] == "masked.notice"
    assert dict(talk.last.replies[0].params) == {"found": "phone,email"}


def test_a_prepared_answer_is_given_before_anything_is_asked() -> None:
    """L4: somebody may leave happy without giving anything."""
    asks = next(iter(rules().faq[0].asks.values()))[0]

    talk = Talk().say(" ".join(asks) + " ?")

    assert talk.keys[:1] == ["faq"]
    assert talk.pick("followup:no").state.stage == Stage.ENDED


def test_refusing_shreds_what_was_said_and_asks_for_no_detail() -> None:
    """L4, L5: refused means no details, no repeated question, and a way to reach the company."""
    talk = to_consent().pick("consent:refuse")

    assert talk.keys == ["consent.refused"]
    assert talk.did(ShredSession) == [ShredSession(1)]
    assert talk.state.kept == ()
    assert talk.say("Then only this: which protocols?").last.replies[-1].expects.kind == "none"


def test_a_refusal_records_every_purpose_as_refused() -> None:
    """L14: a refusal is a decision too, with the hash of the notice that was shown."""
    talk = to_consent().pick("consent:refuse")

    [record] = talk.did(RecordConsent)
    assert {decided for _, decided in record.decisions} == {False}
    assert len(record.notice_sha256) == 64


def test_nothing_optional_is_agreed_unless_ticked() -> None:
    """L2: one yes switches on the required purpose alone."""
    talk = to_consent().pick("consent:agree")

    assert talk.state.agreed == ("contact",)
    assert talk.did(OpenConsultation) == [OpenConsultation(1, 1)]


def test_the_telegram_card_offers_no_visit_record() -> None:
    """S3: there is no visit record where there is no web site."""
    assert "visit" in to_consent().expects.purposes
    assert "visit" not in to_consent("telegram").expects.purposes


def test_a_purpose_that_the_card_did_not_offer_is_refused() -> None:
    """Contract: unknown_purpose, nothing changes."""
    talk = to_consent()
    before = talk.state

    talk.pick("consent:agree", purposes=("telegram_abroad",))

    assert (talk.last.refused, talk.state) == ("unknown_purpose", before)


def test_a_stale_card_is_shown_anew() -> None:
    """S28: nobody agrees to a version that is no longer in force."""
    talk = to_consent()
    [old] = rules().policies.values()
    new = replace(old, version="2026-12", effective_on=old.effective_on + timedelta(days=1))
    talk.with_policies({**rules().policies, "2026-12": new})

    talk.pick("consent:agree")

    assert talk.last.refused == "consent_stale"
    assert talk.last.replies[0].expects.policy == "2026-12"
    assert talk.pick("consent:agree", policy="2026-12").state.policy == "2026-12"


def test_an_explicitly_older_version_is_stale() -> None:
    """Contract: the version that the client says it showed must be the one in force."""
    assert to_consent().pick("consent:agree", policy="2020-01").last.refused == "consent_stale"


def test_a_version_counts_from_its_date_on() -> None:
    """S27: before its effective date a version is not in force."""
    talk = to_consent()
    [old] = rules().policies.values()
    later = replace(old, version="2099-01", effective_on=date(2099, 1, 1))
    talk.with_policies({**rules().policies, "2099-01": later})

    assert talk.pick("consent:agree").last.refused == ""


def test_looking_at_the_policy_leaves_the_card_open() -> None:
    """Reading is not agreeing."""
    talk = to_consent().pick("consent:policy")

    assert (talk.keys, talk.state.stage) == (["consent.policy", "consent.ask"], Stage.CONSENT)


def test_telegram_abroad_is_a_question_of_its_own() -> None:
    """L2: sending abroad is its own act; without it no field is asked on Telegram, and that is not asked again."""
    talk = Talk("telegram").say("Which protocols?").pick("followup:yes")
    assert talk.expects.name == "telegram_abroad"

    talk.pick("abroad:refuse")

    assert talk.keys == ["abroad.refused"]
    talk.say("start over").say("And which cables?").pick("followup:yes")
    assert talk.keys == ["abroad.refused"]


def test_abroad_is_remembered_for_the_next_consultation() -> None:
    """L5: an accepted question is not asked twice either."""
    talk = to_sent("telegram").say("start over", "And which cables?").pick("followup:yes")

    assert talk.keys == ["new.reuse", "review.ask"]


def test_more_messages_join_the_lead() -> None:
    """After sending, what is added reaches the colleague."""
    talk = to_sent().say("One more thing: we have 300 of them.")

    assert talk.did(JoinLead) == [JoinLead("AF-TEST-0001")]
    assert talk.keys == ["joined"]


def test_global_privacy_control_starts_with_sharing_refused() -> None:
    """L13: marketing purposes start as refused."""
    assert set(Talk(gpc=True).state.refused) == {p.id for p in rules().purposes.values() if p.marketing}
    assert Talk().state.refused == ()


def test_a_deep_link_chooses_the_topic() -> None:
    """A topic in the link is taken as chosen; an unknown one is passed over."""
    talk = Talk()
    talk.state = replace(talk.state, stage=Stage.TOPIC)

    assert talk.meet(Opened("gateway")).keys == ["greeting", "need.ask"]


def test_a_typed_topic_label_is_the_topic() -> None:
    """Typing what stands on a button is pressing it."""
    assert Talk().say(rules().topics["gateway"].label["zh-CN"]).state.topic == "gateway"


def test_a_colleagues_answer_changes_nothing_of_the_state() -> None:
    """The consultation stands where it stood."""
    talk = to_sent()
    before = talk.state

    assert talk.meet(ColleagueSaid("We call you today.", "Chen")).state == before


def test_steps_lead_only_where_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is literal: every row is walked, and none leads to a stage that it does not name."""
    walked: set[tuple[Stage, str]] = set()

    def watched(place: tuple[Stage, str], row: Transition) -> Transition:
        def act(given: Given) -> Step:
            walked.add(place)
            step = row.action(given)
            assert step.state.stage in row.to, place
            return step

        return Transition(act, row.to)

    monkeypatch.setattr(engine, "TABLE", {place: watched(place, row) for place, row in TABLE.items()})
    for make in STAGES.values():
        make().say("Which valves?")
    to_sent("telegram").say("start over", "And cables?").pick("followup:yes", "review:send")
    separately().pick("whose:own", "separate:agree").say("Li Na").pick("command:cancel")
    to_fields().say("Li Na", "Example Valves Ltd").meet(SharedContact("8613800000000"))
    to_consent().pick("consent:agree", "whose:other", "whose:not")

    assert walked == {*TABLE}


def test_a_step_is_deterministic() -> None:
    """Equal inputs, equal step."""
    talk = to_review()

    assert step(talk.state, Picked("review:send"), NOON, rules()) == step(
        talk.state, Picked("review:send"), NOON, rules()
    )
    assert "138" not in repr(step(to_fields().state, Said("138"), NOON, rules()))


def test_a_new_consultation_reuses_the_details() -> None:
    """After sending, a second question needs neither a new card nor the details again."""
    talk = to_sent().say("start over")
    assert (talk.state.stage, talk.state.scope) == (Stage.TOPIC, "c2")

    talk.say("And which cables?").pick("followup:yes")

    assert talk.keys == ["new.reuse", "review.ask"]


def test_a_new_consultation_after_refusing_begins_before_consent() -> None:
    """Nothing is presumed from the refused one."""
    talk = to_consent().pick("consent:refuse").say("start over")

    assert (talk.state.stage, talk.state.scope) == (Stage.TOPIC, "s3")
