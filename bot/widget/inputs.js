// @ts-check
// How the next input looks. The desk says what it expects; this file draws it and decides nothing.

import { confirmCard, consentCard, reviewCard } from "./cards.js";
import { badge, h, icon, option } from "./elements.js";
import { fill } from "./words.js";

const LINE_MOST = 200; // characters; longer answers get a field of several lines

/** @import * as Frames from "./frames" */
/**
 * @typedef {{kind: string} & Partial<Frames.Question & Omit<Frames.Code, "kind">>} Asked any question with a field
 * @typedef {{w: import("./sayings.js").Words, locale: string, draft: string, say: (text: string) => boolean,
 *   pick: (value: string, label: string, more?: {purposes: string[], policy: string}) => void,
 *   typed: (text: string) => void}} Talk
 * @typedef {{card?: HTMLElement, composer?: HTMLElement, focus?: HTMLElement}} Drawn
 */

/** Draw what a message of the desk expects. @param {Frames.FromBot} frame @param {Talk} talk @returns {Drawn} */
export function draw(frame, talk) {
  const { expects } = frame;
  if (expects.kind === "consent") return consentCard(expects, talk);
  if (expects.kind === "review") return reviewCard(expects, talk);
  if (expects.kind === "confirm") return confirmCard(expects, talk);
  const drawn = composer(frame, talk);
  if (expects.kind !== "choice" || !expects.options.length) return drawn;
  const group = choices(expects, talk);
  return { ...drawn, card: group, focus: frame.rejected ? drawn.focus : group.querySelector("button") || drawn.focus };
}

/** @param {Frames.Choice} expects @param {Talk} talk */
function choices(expects, talk) {
  const { asides, answers } = sorted(expects.options);
  const label = expects.label || talk.w.options;
  return h(
    "div",
    { class: "choices" },
    expects.label && about(expects, talk),
    h(
      "div",
      { role: "group", "aria-label": label, class: "chips" },
      ...answers.map((one) => option(one, talk, "chip")),
    ),
    asides.length > 0 &&
      h("div", { class: "asides" }, ...asides.map((one) => option(one, talk, "link"))),
  );
}

/** The field of the open question, or the line for free chat. @param {Frames.FromBot} frame @param {Talk} talk */
function composer(frame, talk) {
  const { kind } = frame.expects;
  const field = kind === "text" || kind === "tel" || kind === "email" || kind === "code";
  const expects = /** @type {Asked} */ (frame.expects);
  const input = control(expects, field, talk);
  const fault = frame.rejected && h("p", { id: "fault", class: "fault" }, icon("warning"), h("span", {}, frame.text));
  if (fault) input.setAttribute("aria-invalid", "true");
  const notes = [fault && "fault", field && expects.sensitive && "warning", expects.sent_to && "sent-to"].filter(Boolean);
  if (notes.length) input.setAttribute("aria-describedby", notes.join(" "));
  const asides = field ? expects.options || [] : [];
  const form = h(
    "form",
    { class: "composer", novalidate: true, onsubmit: (/** @type {SubmitEvent} */ event) => submit(event, input, talk) },
    field && about(expects, talk),
    h("label", { for: "answer", class: field ? "label" : "sr" }, fieldLabel(expects, field, talk)),
    h("div", { class: "line" }, input, h("button", { class: "send", "aria-label": talk.w.send }, icon("send"))),
    fault,
    asides.length > 0 &&
      h("div", { class: "asides" }, ...asides.map((one) => option(one, talk, "link"))),
  );
  return { composer: form, focus: input };
}

/** @param {Asked} expects @param {boolean} field @param {Talk} talk */
function fieldLabel(expects, field, talk) {
  if (!field) return talk.w.message;
  const label = expects.label || (expects.kind === "code" ? talk.w.code : talk.w.message);
  return expects.optional ? `${label} (${talk.w.optional})` : label;
}

/** @param {Asked} expects @param {boolean} field @param {Talk} talk @returns {HTMLInputElement | HTMLTextAreaElement} */
function control(expects, field, talk) {
  const long = !field || (expects.kind === "text" && (expects.max_length || 0) > LINE_MOST);
  const shared = {
    id: "answer",
    dir: "auto",
    maxlength: field ? expects.max_length || expects.length : 4000,
    autocomplete: expects.autocomplete || "off",
    oninput: () => talk.typed(input.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => entered(event, long),
  };
  const more = expects.kind === "code" ? { inputmode: "numeric", autocomplete: "one-time-code" } : {};
  const type = { tel: "tel", email: "email" }[/** @type {"tel"} */ (expects.kind)] || "text";
  const input = long ? h("textarea", { rows: 1, ...shared }) : h("input", { type, ...shared, ...more });
  input.value = talk.draft;
  return input;
}

/** Enter sends; Shift+Enter is a new line; while a Chinese word is being composed it belongs to the input method. */
function entered(/** @type {KeyboardEvent} */ event, /** @type {boolean} */ long) {
  if (event.key !== "Enter") return;
  if (event.isComposing || event.keyCode === 229) return event.preventDefault();
  if (!long || event.shiftKey) return;
  event.preventDefault();
  /** @type {HTMLTextAreaElement} */ (event.target).form?.requestSubmit();
}

/** @param {Event} event @param {HTMLInputElement | HTMLTextAreaElement} input @param {Talk} talk */
function submit(event, input, talk) {
  event.preventDefault();
  if (input.value.trim() === "") return input.focus();
  if (talk.say(input.value)) input.value = "";
}

/** What stands before a question: how far we are, that it is sensitive, why it is asked. @param {Asked} expects @param {Talk} talk */
function about(expects, talk) {
  const { progress, sensitive, warning, why, sent_to: to } = expects;
  return h(
    "div",
    { class: "about" },
    (sensitive || progress) &&
      h(
        "p",
        { class: "marks" },
        sensitive && badge(talk.w),
        progress && h("span", { class: "progress" }, fill(talk.w.progress, progress)),
      ),
    warning && h("p", { id: "warning", class: "warning" }, warning),
    to && h("p", { id: "sent-to", class: "hint" }, fill(talk.w.sentTo, { to })),
    why && h("details", {}, h("summary", {}, talk.w.why), h("p", { class: "hint" }, why)),
  );
}

/** Tell answers from ways out of the question. @param {Frames.Option[]} options */
function sorted(options) {
  const aside = (/** @type {Frames.Option} */ one) => one.value === "field:skip" || one.value.startsWith("command:");
  return { asides: options.filter(aside), answers: options.filter((one) => !aside(one)) };
}
