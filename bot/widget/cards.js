// @ts-check
// The cards of the conversation: consent, review, confirm; what is kept, as rows.

import { away, badge, button, h, heading, option } from "./elements.js";
import { day, fill, when } from "./words.js";

/** @import * as Frames from "./frames" */
/**
 * @typedef {import("./inputs.js").Talk} Talk
 * @typedef {import("./transcript.js").Tongue} Tongue
 */

/**
 * Where a card stands there is no field to type in: the words that work at any time have their buttons.
 * @param {Talk} talk
 */
const words = ({ w }) => h("p", { class: "hint" }, w.words);

/** Find an offered option. @param {{options: Frames.Option[]}} expects @param {string} value */
const offered = (expects, value) => expects.options.find((one) => one.value === value);

/**
 * Consent: what is needed stands as a sentence, what is optional as boxes of which none is ticked; agreeing and
 * refusing are the same button twice, and neither has the focus. @param {Frames.Consent} expects @param {Talk} talk
 */
export function consentCard(expects, talk) {
  const { changed } = expects.policy;
  const title = heading("h3", changed ? talk.w.anew : talk.w.choice);
  const needed = expects.purposes.filter((one) => one.required);
  const boxes = expects.purposes.filter((one) => !one.required);
  const card = h(
    "section",
    { class: "card" },
    title,
    ...(changed ? news(changed, talk) : []),
    ...needed.map((one) => h("p", {}, h("strong", {}, one.label + talk.w.stop), one.text)),
    boxes.length > 0 && h("fieldset", {}, h("legend", {}, talk.w.boxes), ...boxes.map((one) => box(one, talk))),
    ...notice(expects.policy, talk),
    words(talk),
  );
  const decide = (/** @type {Frames.Option | undefined} */ one, /** @type {() => string[]} */ purposes) =>
    one &&
    button(one.label, () => talk.pick(one.value, one.label, { purposes: purposes(), policy: expects.policy.version }));
  const ticked = () => [...card.querySelectorAll("input")].filter((input) => input.checked).map((input) => input.value);
  const pair = h(
    "div",
    { class: "pair" },
    decide(offered(expects, "consent:refuse"), () => []),
    decide(offered(expects, "consent:agree"), ticked),
  );
  return { card, composer: pair, focus: title };
}

/** What is new, where consent is asked again (S28). @param {Frames.Changed} changed @param {Talk} talk */
const news = ({ since, changes }, { w }) => [
  h("p", { class: "sub" }, fill(w.changes, { since })),
  h("ul", {}, ...changes.map((one) => h("li", {}, one))),
];

/** @param {Frames.Purpose} purpose @param {Talk} talk */
const box = (purpose, { w }) =>
  h(
    "label",
    { class: "box" },
    h("input", { type: "checkbox", value: purpose.id, autocomplete: "off" }),
    h("strong", {}, purpose.label + w.stop),
    purpose.text,
  );

/** The whole policy, one click away in place; and as a link. @param {Frames.Policy} policy @param {Talk} talk */
function notice(policy, talk) {
  const text = h("div", { class: "notice", tabindex: 0, role: "region", "aria-label": talk.w.policies });
  const details = h(
    "details",
    { ontoggle: () => details.open && text.childElementCount === 0 && read(policy.url, text, talk) },
    h("summary", {}, talk.w.whole),
    text,
  );
  const { changed } = policy;
  const compared = changed && away(changed.url, talk.w.compare, talk.w);
  return [
    details,
    h("p", { class: "hint" }, away(policy.url, fill(talk.w.policy, policy), talk.w), compared && " · ", compared),
  ];
}

/** @param {string} url @param {HTMLElement} text @param {Talk} talk */
async function read(url, text, talk) {
  try {
    const page = await (await fetch(url, { credentials: "omit" })).text();
    const policy = new DOMParser().parseFromString(page, "text/html").querySelector("[data-policy]");
    text.replaceChildren(.../** @type {Element} */ (policy).childNodes);
  } catch {
    text.replaceChildren(h("p", {}, talk.w.linkOnly)); // a page that trusts no text with tags, or no network
  }
}

/** Everything at a glance before it is sent. @param {Frames.Review} expects @param {Talk} talk */
export function reviewCard(expects, talk) {
  const title = heading("h3", talk.w.review);
  const change = (/** @type {Frames.Row} */ row) => {
    const one = offered(expects, `review:change:${row.field}`);
    return (
      one &&
      button(talk.w.correct, () => talk.pick(one.value, one.label), "link", {
        "aria-label": talk.w.correct + talk.w.colon + row.label,
      })
    );
  };
  const action = (/** @type {string} */ value, /** @type {string} */ look) => {
    const one = offered(expects, value);
    return one && option(one, talk, look);
  };
  const shown = expects.fields.map((row) => `review:change:${row.field}`);
  const skipped = expects.options.filter((one) => one.value.startsWith("review:change:") && !shown.includes(one.value));
  const adding =
    skipped.length > 0 && h("div", { class: "asides" }, ...skipped.map((one) => option(one, talk, "link")));
  const actions = [action("review:cancel", "outline"), action("review:send", "filled")];
  return {
    card: h("section", { class: "card" }, title, rows(expects.fields, talk, change), adding, words(talk)),
    composer: h("div", { class: "pair" }, ...actions),
    focus: title,
  };
}

/**
 * A last question before something ends; nothing has the focus that could be pressed by chance.
 * @param {Frames.Confirm} expects @param {Talk} talk
 */
export function confirmCard(expects, talk) {
  const title = heading("h3", expects.name === "delete" ? talk.w.delete : talk.w.withdrawing);
  const look = (/** @type {Frames.Option} */ one) =>
    /:cancel$/.test(one.value) ? "outline" : expects.name === "delete" ? "danger" : "outline";
  const options = expects.options.map((one) => option(one, talk, look(one)));
  return {
    card: h("section", { class: "card" }, title, h("div", { class: "stack" }, ...options), words(talk)),
    focus: title,
  };
}

/**
 * Rows of label and value. @template {Frames.Row} Row @param {Row[]} fields @param {Tongue} talk
 * @param {(row: Row) => HTMLElement | undefined | false} [act] what can be done with a row
 */
export const rows = (fields, talk, act) =>
  h(
    "dl",
    { class: "rows" },
    ...fields.flatMap((row) => [
      h("dt", {}, row.label, row.sensitive && badge(talk.w)),
      h("dd", { dir: "auto" }, row.value, act && act(row)),
    ]),
  );

/**
 * Everything that is kept of the visitor (S21). Without `acts` it has no buttons, as in the conversation's log.
 * @param {Frames.Kept} record @param {Tongue} talk
 * @param {{
 *   correct: (row: Frames.Held) => HTMLElement | false,
 *   withdraw: (one: Frames.Decided) => HTMLElement | false,
 * }} [acts]
 */
export function recordRows(record, talk, acts) {
  const { w, locale } = talk;
  const list = (
    /** @type {string} */ title,
    /** @type {(import("./elements.js").Child | import("./elements.js").Child[])[]} */ items,
  ) => [
    h("h3", { class: "sub" }, title),
    h("ul", {}, ...(items.length ? items : [w.nobody]).map((item) => h("li", {}, ...[item].flat()))),
  ];
  const decided = latest(record.consents).map((one) => [
    `${one.label}${w.colon}${w[one.decision]}${w.comma}${when(one.at, locale)}`,
    acts?.withdraw(one),
  ]);
  const received = record.recipients.map((one) => `${one.name}${w.comma}${when(one.at, locale)}`);
  const looked = record.opened_by.map((one) => `${one.name}${w.colon}${one.about}${w.comma}${when(one.at, locale)}`);
  const visit = record.fields.find((one) => one.keeps_until)?.keeps_until;
  return h(
    "div",
    { class: "record" },
    record.masked && h("p", { class: "hint" }, w.masked),
    record.unusable && h("p", { class: "hint" }, record.unusable),
    record.fields.length ? rows(record.fields, talk, acts?.correct) : acts && h("p", {}, w.nothing),
    ...given(record.fields, talk),
    record.keeps_until && h("p", { class: "hint" }, fill(w.kept, { at: when(record.keeps_until, locale) })),
    visit && h("p", { class: "hint" }, fill(w.visitKept, { at: when(visit, locale) })),
    ...(decided.length ? list(w.decisions, decided) : []),
    ...(record.fields.length ? [...list(w.receivers, received), ...list(w.viewers, looked)] : []),
  );
}

/**
 * When, and under which policy, details were given: together for all that share both.
 * @param {Frames.Held[]} fields @param {Tongue} talk
 */
function given(fields, { w, locale }) {
  /** @type {Map<string, string[]>} */ const alike = new Map();
  for (const one of fields) {
    const under = one.policy && w.comma + fill(w.policy, { version: one.policy });
    const said = fill(w.given, { at: day(one.given_at, locale) }) + under;
    alike.set(said, [...(alike.get(said) || []), one.label]);
  }
  return [...alike].map(([said, labels]) => h("p", { class: "hint" }, labels.join(w.comma) + w.colon + said));
}

/** Of each purpose the decision that holds now. @param {Frames.Decided[]} consents */
const latest = (consents) => [...new Map(consents.map((one) => [one.purpose, one])).values()];
