"""The engine: the table, the main path, and every command at every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from intake.conversation import Aside, Stage
from intake.engine import ASIDES, TABLE, step
from intake.events import (
    MESSAGE_MAX,
    AskedToForget,
    AskedToWithdraw,
    ColleagueSaid,
    Corrected,
    Opened,
    Picked,
    Said,
    SharedContact,
)
from intake.outcomes import (
    CallColleague,
    DropField,
    Erase,
    JoinLead,
    KeepField,
    OpenConsultation,
    RecordAttestation,
    RecordConsent,
    ShredSession,
    Submit,
    Withdraw,
)
from intake.rights import COMMANDS
from tests.conversation_diagram import PAGE, drawn
from tests.talk import NOON, Talk, rules, to_consent, to_fields, to_review, to_sent

STAGES: dict[str, Callable[[], Talk]] = {
    "topic": Talk,
    "need": lambda: Talk().pick("topic:gateway"),
    "followup": lambda: Talk().say("Which protocols?"),
    "abroad": lambda: Talk("telegram").say("Which protocols?").pick("followup:yes"),
    "consent": to_consent,
    "whose": lambda: to_consent().pick("consent:agree"),
    "authorised": lambda: to_consent().pick("consent:agree", "whose:other"),
    "separate": lambda: separately().pick("whose:own"),
    "field": to_fields,
    "review": to_review,
    "sent": to_sent,
    "ended": lambda: to_consent().pick("consent:refuse"),
}
FREE = {"sent", "ended"}


def separately() -> Talk:
    """Return a talk before `whose`, under rules whose first question needs a consent of its own."""
    fields = dict(rules().fields)
    fields["name"] = replace(fields["name"], separate_consent=True)
    return to_consent(rules=replace(rules(), fields=fields)).pick("consent:agree")


def test_every_stage_of_the_table_is_reached_by_the_samples() -> None:
    """The samples below stand for every stage that exists."""
    reached = {name: make().state.stage for name, make in STAGES.items()}

    assert reached == {stage.value: stage for stage in Stage}


def test_the_diagram_is_the_table() -> None:
    """docs/conversation.md is what the table draws."""
    assert PAGE.read_text(encoding="utf-8") == drawn()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_at_every_stage(stage: str, command: str) -> None:
    """S21: a command is answered at every stage, and the open question stands again at the end."""
    talk = STAGES[stage]()
    before = talk.state

    talk.pick(f"command:{command}")

    assert talk.last.refused == ""
    assert talk.last.replies
    if command not in ("cancel", "new"):
        assert talk.state.stage == before.stage
        assert talk.last.replies[-1].expects == talk.expects


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("words", ["查看", "view", "/view", "Show my data"])
def test_view_shows_the_record_and_asks_the_open_question_again(stage: str, words: str) -> None:
    """S21: view, typed in any language, is a record followed by the question that was open."""
    talk = STAGES[stage]()
    question = talk.expects

    talk.say(words)

    assert talk.last.replies[-2].expects.kind == "record"
    assert talk.last.replies[-1].expects == question


@pytest.mark.parametrize("stage", STAGES)
def test_everything_can_be_erased_from_every_stage(stage: str) -> None:
    """S24: delete asks once, and choosing the scope confirms."""
    talk = STAGES[stage]().say("delete")

    talk.pick("delete:all")

    assert talk.did(Erase) == [Erase("all")]


@pytest.mark.parametrize("stage", sorted({*STAGES} - FREE - {"topic", "need", "field"}))
def test_an_unexpected_message_is_explained_and_the_question_asked_again(stage: str) -> None:
    """An unexpected message from a person is never an error."""
    talk = STAGES[stage]()
    question = talk.expects

    talk.say("the weather is fine over the valve house")

    assert talk.keys == ["unexpected"]
    assert talk.last.replies[-1].expects == question


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
    talk.with_rules(policies={**rules().policies, "2026-12": new})

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
    talk.with_rules(policies={**rules().policies, "2099-01": later})

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


def test_someone_elses_details_need_their_authorisation() -> None:
    """S6: authorised is attested and recorded."""
    talk = to_consent().pick("consent:agree", "whose:other", "whose:authorised")

    assert talk.did(RecordAttestation) == [RecordAttestation(authorised=True)]
    assert (talk.state.other, talk.expects.name) == (True, "name")


def test_without_authorisation_nothing_is_kept() -> None:
    """S6: a refused attestation ends collection, and what was said goes."""
    talk = to_consent().pick("consent:agree", "whose:other").say("no")

    assert talk.did(Erase) == [Erase("draft", number=1, profile=True)]
    assert (talk.state.stage, talk.state.kept) == (Stage.ENDED, ())


def test_a_field_of_its_own_consent_is_asked_only_after_it() -> None:
    """L2: separate consent stands before the field; without it the field is passed over."""
    agreed = separately().pick("whose:own", "separate:agree")
    assert agreed.expects.name == "name"
    assert agreed.did(RecordConsent)[-1].decisions == (("field:name", True),)

    refused = separately().pick("whose:own", "separate:skip")
    assert refused.expects.name == "company"


@pytest.mark.parametrize(
    ("answers", "wrong", "code"),
    [
        ((), "1234", "name."),
        (("Li Na", "Example Valves Ltd"), "123", "phone."),
        (("Li Na", "Example Valves Ltd", "skip"), "li.na@", "email."),
        (("Li Na", "Example Valves Ltd", "skip"), "skip", "email."),
        (("Li Na",), "card 4111 1111 1111 1111", "forbidden.bank_card"),
    ],
)
def test_a_wrong_answer_is_explained_and_the_same_question_stands(
    answers: tuple[str, ...], wrong: str, code: str
) -> None:
    """A wrong answer changes nothing; the reply names the field and the fault."""
    talk = to_fields().say(*answers)
    before, question = talk.state, talk.expects

    talk.say(wrong)

    [reply] = talk.last.replies
    assert reply.rejected is not None
    assert reply.rejected.code.startswith(code)
    assert (talk.state, reply.expects) == (before, question)
    assert "4111" not in (talk.last.heard.text if talk.last.heard else "")


def test_either_contact_may_be_skipped_but_not_both() -> None:
    """Contract: `optional` says whether skip works now."""
    talk = to_fields().say("Li Na", "Example Valves Ltd")
    assert talk.expects.optional

    talk.pick("field:skip")

    assert (talk.expects.name, talk.expects.optional) == ("email", False)
    assert talk.pick("field:skip").last.refused == "not_offered"


def test_a_warning_hash_goes_with_every_sensitive_field() -> None:
    """S7: what was shown before a sensitive question is recorded."""
    kept = to_review().did(KeepField)

    for effect in kept:
        field = rules().fields.get(effect.name)
        assert bool(effect.warning_sha256) == bool(field and field.sensitive)


def test_an_answer_can_be_changed_at_review() -> None:
    """WCAG 3.3.4: review, change one, and be back at the card."""
    talk = to_review().pick("review:change:company")
    assert (talk.expects.name, talk.state.stage) == ("company", Stage.FIELD)

    talk.say("Example Pumps Ltd")

    assert talk.state.stage == Stage.REVIEW
    assert talk.effects[-1] == KeepField(
        name="company",
        value="Example Pumps Ltd",
        warning_sha256=rules().fields["company"].warning_sha256["en"],
        replaces=True,
    )


def test_the_question_itself_can_be_changed_at_review() -> None:
    """The need is on the card like the rest."""
    talk = to_review().pick("review:change:need").say("Which valves do you make?")

    assert talk.effects[-1] == KeepField(name="need", value="Which valves do you make?", replaces=True)


def test_a_kept_contact_can_be_dropped_at_review() -> None:
    """Skipping a field that has a value removes the value."""
    talk = to_review().pick("review:change:phone", "field:skip")

    assert talk.effects[-1] == DropField("phone")
    assert "phone" not in talk.state.kept


def test_leaving_a_change_goes_back_to_the_card() -> None:
    """Cancel inside a change leaves the change, not the consultation."""
    talk = to_review().pick("review:change:company", "command:cancel")

    assert (talk.state.stage, talk.did(Erase)) == (Stage.REVIEW, [])


def test_cancel_at_review_erases() -> None:
    """Cancel erases; for somebody who never sent a lead, the details too."""
    talk = to_review().pick("review:cancel")

    assert talk.did(Erase) == [Erase("draft", number=1, profile=True)]
    assert talk.state.kept == ()


def test_cancel_before_consent_shreds_the_session() -> None:
    """What was said before consent goes when the person leaves."""
    talk = to_consent().say("cancel")

    assert (talk.keys, talk.did(ShredSession)) == (["cancelled"], [ShredSession(1)])


def test_cancel_of_a_second_draft_leaves_the_first_lead_alone() -> None:
    """Only the unsent consultation goes; details belong to the lead that was sent."""
    talk = to_sent().say("start over", "And cables?").pick("command:cancel")

    assert talk.did(Erase) == [Erase("draft", number=2, profile=False)]
    assert "name" in talk.state.kept
    assert "need" not in talk.state.kept


def test_more_messages_join_the_lead() -> None:
    """After sending, what is added reaches the colleague."""
    talk = to_sent().say("One more thing: we have 300 of them.")

    assert talk.did(JoinLead) == [JoinLead("AF-TEST-0001")]
    assert talk.keys == ["joined"]


def test_hidden_characters_in_free_text_are_refused() -> None:
    """Text that would be shown in another order than it was typed is not kept."""
    for talk in (Talk(), to_sent()):
        talk.say("abc \u202e txt.exe")

        assert talk.keys == ["rejected.text.hidden_characters"]
        assert talk.last.heard is not None
        assert talk.last.heard.text == ""


@pytest.mark.parametrize(("text", "code"), [("  ", "text.empty"), ("a" * MESSAGE_MAX, "text.too_long")])
def test_an_empty_or_endless_question_is_refused(text: str, code: str) -> None:
    """The question has at least one character and at most as many as configured."""
    talk = Talk(rules=replace(rules(), need_max=2_000)).say(text)

    assert talk.keys == [f"rejected.{code}"]


def test_a_message_over_the_limit_is_an_error_frame() -> None:
    """Contract: too_long, nothing is kept."""
    assert Talk().say("a" * (MESSAGE_MAX + 1)).last.refused == "too_long"


def test_correct_names_its_field_in_one_phrase() -> None:
    """S21: "correct phone" goes straight to the new value, validated like the first time."""
    talk = to_sent().say("correct phone")
    assert talk.expects.name == "phone"

    assert talk.say("12").keys[0].startswith("rejected.phone.")
    talk.say("+86 138 0000 0001")

    assert talk.keys == ["corrected", "free.ask"]
    assert talk.did(KeepField)[-1].value == "+8613800000001"
    assert talk.state.aside == Aside.NONE


@pytest.mark.parametrize("choose", ["correct:industry", "industry"])
def test_correct_offers_what_was_given_or_skipped(choose: str) -> None:
    """A skipped field can be filled in later while consent lives."""
    talk = to_sent().say("correct")
    assert "correct:industry" in talk.expects.options

    _ = talk.pick(choose) if ":" in choose else talk.say(choose)
    talk.pick("field:industry:energy")

    assert talk.effects[-1] == KeepField(name="industry", value="energy")


def test_correcting_the_open_question_passes_it() -> None:
    """What is answered is not asked again."""
    talk = to_fields().say("Li Na", "Example Valves Ltd").pick("field:skip")
    talk.say("correct phone", "+86 138 0000 0000")

    assert talk.expects.name == "email"
    talk = to_fields().meet(Corrected((("name", "Li Na"),)))
    assert talk.expects.name == "company"


def test_there_is_nothing_to_correct_before_anything_was_given() -> None:
    """Kindly said, and the open question asked again."""
    assert Talk().say("correct").keys == ["correct.nothing", "topic.ask"]


def test_a_pending_command_can_be_left() -> None:
    """Cancel closes the aside and asks the open question again."""
    assert to_fields().say("delete", "cancel").keys == ["delete.cancelled", "field.ask"]
    assert to_fields().say("delete").pick("delete:cancel").keys == ["delete.cancelled", "field.ask"]
    assert to_fields().say("language", "cancel").keys == ["cancel.aside", "field.ask"]


def test_an_aside_explains_an_unexpected_message() -> None:
    """The confirm question stands until it is answered."""
    talk = to_fields().say("delete", "hm, let me think about the valve")

    assert (talk.keys, talk.state.aside) == (["unexpected"], Aside.DELETE)


def test_delete_offers_what_exists() -> None:
    """S23: everything, this consultation, the visit record, each only where there is one."""
    assert Talk().say("delete").expects.options == ("delete:all", "delete:cancel")
    talk = to_sent()
    talk.state = replace(talk.state, visit=True)
    options = talk.say("delete").expects.options
    assert options == ("delete:all", "delete:lead", "delete:visit", "delete:cancel")


def test_deleting_the_consultation_leaves_the_rest() -> None:
    """S23: the lead goes, the details stay, and the chat goes on in a new session scope."""
    talk = to_sent().say("delete").pick("delete:lead")

    assert talk.did(Erase) == [Erase("lead", number=1)]
    assert (talk.state.stage, talk.state.scope) == (Stage.ENDED, "s2")
    assert "phone" in talk.state.kept
    assert "need" not in talk.state.kept


def test_deleting_the_visit_record_leaves_the_rest() -> None:
    """S23: the open question stands again."""
    talk = to_fields()
    talk.state = replace(talk.state, visit=True)

    talk.say("delete").pick("delete:visit")

    assert (talk.did(Erase), talk.state.visit) == ([Erase("visit")], False)
    assert talk.expects.name == "name"


def test_withdrawing_takes_no_more_steps_than_agreeing() -> None:
    """L3: agreeing took two picks (follow-up, agree); withdrawing takes two, or one phrase."""
    talk = to_sent().pick("command:withdraw", "withdraw:contact")

    assert talk.did(Withdraw) == [Withdraw(("contact",))]
    assert (talk.keys, talk.state.stage) == (["withdrawn.contact"], Stage.ENDED)
    assert "contact" not in talk.state.agreed


def test_withdrawing_an_optional_purpose_goes_on() -> None:
    """Only news ends; the open question is asked again."""
    talk = to_consent().pick("consent:agree", purposes=("news", "visit")).say("withdraw news")

    assert (talk.keys, talk.did(Withdraw)) == (["withdrawn", "whose.ask"], [Withdraw(("news",))])
    talk.state = replace(talk.state, visit=True)
    talk.say("withdraw").pick("withdraw:visit")
    assert talk.did(Erase) == [Erase("visit")]


def test_there_is_nothing_to_withdraw_before_consent() -> None:
    """Kindly said."""
    assert Talk().say("withdraw").keys == ["withdraw.nothing", "topic.ask"]


def test_the_language_changes_at_any_moment() -> None:
    """By name, or by choosing."""
    assert to_fields().say("中文").state.locale == "zh-CN"
    assert to_fields().say("language").pick("language:zh-CN").state.locale == "zh-CN"


def test_a_human_is_called_only_when_sales_may_know() -> None:
    """Sales sees nothing before "send": before it, the company's own contact is given."""
    assert to_fields().say("talk to a human").did(CallColleague) == []
    assert to_sent().say("talk to a human").did(CallColleague) == [CallColleague("AF-TEST-0001")]


def test_receipts_exist_after_a_decision() -> None:
    """L14: agreed or refused, there is a receipt."""
    assert Talk().say("receipts").keys[0] == "receipts.nothing"
    assert to_consent().pick("consent:refuse").say("receipts").keys[0] == "receipts"


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


def test_new_in_the_middle_points_to_the_open_question() -> None:
    """A consultation under way is not thrown away by a word."""
    assert to_fields().say("start over").keys == ["new.open", "field.ask"]
    assert Talk().say("start over").keys == ["topic.ask"]


def test_details_dropped_meanwhile_are_asked_before_sending() -> None:
    """What is required is there when the lead goes out."""
    talk = to_review()
    talk.state = replace(talk.state, kept=tuple(name for name in talk.state.kept if name != "company"))

    assert talk.pick("review:send").expects.name == "company"


def test_a_second_consultation_without_details_asks_whose() -> None:
    """Consent is live but no detail is kept: on to the fields without a second card."""
    talk = to_review().pick("review:cancel").say("start over", "And cables?").pick("followup:yes")

    assert talk.expects.name == "whose"


def test_a_shared_contact_answers_the_phone_question() -> None:
    """Telegram's button gives the number without typing."""
    talk = to_fields("telegram").say("Li Na", "Example Valves Ltd")

    talk.meet(SharedContact("8613800000000"))

    assert talk.did(KeepField)[-1].value == "+8613800000000"
    assert talk.meet(SharedContact("+8613800000000")).keys == ["unexpected"]


def test_someone_elses_contact_is_not_taken_for_ones_own() -> None:
    """S6: sharing another person's card is not giving one's own number."""
    talk = to_fields("telegram").say("Li Na", "Example Valves Ltd")

    talk.meet(SharedContact("+8613800000000", own=False))

    assert talk.keys == ["rejected.phone.not_own"]


def test_a_shared_contact_can_be_the_corrected_value() -> None:
    """The button works for a correction too."""
    talk = to_sent("telegram").say("correct phone").meet(SharedContact("+8613800000001"))

    assert talk.keys[0] == "corrected"


def test_values_are_replaced_outside_the_chat_all_or_none() -> None:
    """S21: PATCH validates like the chat does, and changes nothing unless everything is right."""
    talk = to_sent()

    talk.meet(Corrected((("company", "Example Pumps Ltd"), ("phone", "12"))))
    assert talk.last.refused.startswith("rejected/phone/phone.")
    assert talk.last.effects == ()

    talk.meet(Corrected((("company", "Example Pumps Ltd"), ("need", "Pumps?"))))
    assert talk.keys == ["corrected", "corrected", "free.ask"]


@pytest.mark.parametrize(
    ("make", "name", "refused"),
    [
        (Talk, "phone", "consent_required"),
        (Talk, "need", "consent_required"),
        (to_sent, "shoe_size", "rejected/shoe_size/unknown_field"),
        (lambda: separately().pick("whose:own"), "name", "consent_required"),
    ],
)
def test_no_value_is_written_outside_the_chat_without_consent(
    make: Callable[[], Talk], name: str, refused: str
) -> None:
    """S5: a write of a personal field without consent is refused."""
    assert make().meet(Corrected(((name, "+86 138 0000 0000"),))).last.refused == refused


def test_rights_are_exercised_outside_the_chat_too() -> None:
    """Erasure and withdrawal act at once through the rights API."""
    assert to_sent().meet(AskedToForget("all")).did(Erase) == [Erase("all")]
    assert to_sent().meet(AskedToForget("visit")).last.refused == "not_offered"
    assert to_sent().meet(AskedToWithdraw(("contact",))).did(Withdraw) == [Withdraw(("contact",))]
    assert to_sent().meet(AskedToWithdraw(("news",))).last.effects == ()
    assert to_sent().meet(AskedToWithdraw(("gossip",))).last.refused == "unknown_purpose"


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


def test_steps_lead_only_where_the_table_says() -> None:
    """The table is literal: nothing leads to a stage that its row does not name."""
    for (stage, _trigger), row in TABLE.items():
        assert row.to, stage
    assert {aside for aside, _ in ASIDES} == {*Aside} - {Aside.NONE}


def test_a_step_is_deterministic() -> None:
    """Equal inputs, equal step."""
    talk = to_review()

    assert step(talk.state, Picked("review:send"), NOON, rules()) == step(
        talk.state, Picked("review:send"), NOON, rules()
    )
    assert "138" not in repr(step(to_fields().state, Said("138"), NOON, rules()))
