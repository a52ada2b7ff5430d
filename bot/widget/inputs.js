// @ts-check
// How the next input looks. The desk says what it expects; this file draws it and decides nothing.

import { confirmCard, consentCard, reviewCard } from "./cards.js";
import { Counter } from "./counter.js";
import { badge, h, icon, option } from "./elements.js";
import { fill } from "./words.js";

const SHORT_MOST = 200; // characters; longer answers get a field of several lines
const MESSAGE_MAX = 4_000; // characters; docs/contract.md, Chat API

/** @import * as Frames from "./frames" */
/**
 * @typedef {{kind: string} & Partial<Frames.Question & Omit<Frames.Code, "kind">>} Asked any question with a field
 * @typedef {{w: import("./sayings.js").Words, locale: string, draft: string, say: (text: string) => boolean,
 *   pick: (value: string, label: string, more?: {purposes: string[], policy: string}) => void,
 *   typed: (text: string) => void, near: () => void}} Talk
 * @typedef {HTMLInputElement | HTMLTextAreaElement} Input
 * @typedef {{card?: HTMLElement, composer?: HTMLElement, focus?: HTMLElement, field?: Input}} Drawn what goes on
 *   after typing is `field`
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
    asides.length > 0 && h("div", { class: "asides" }, ...asides.map((one) => option(one, talk, "link"))),
  );
}

/** The field of the open question, or of free chat. @param {Frames.FromBot} frame @param {Talk} talk */
function composer(frame, talk) {
  const { kind } = frame.expects;
  const field = kind === "text" || kind === "tel" || kind === "email" || kind === "code";
  const expects = /** @type {Asked} */ (frame.expects);
  const input = control(expects, field, talk);
  const notes = [field && expects.sensitive && "warning", expects.sent_to && "sent-to"].filter(Boolean).join(" ");
  if (notes) input.setAttribute("aria-describedby", notes);
  const asides = field ? expects.options || [] : [];
  const form = h(
    "form",
    {
      class: "composer",
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ event) => submit(event, input, expects, talk),
    },
    field && about(expects, talk),
    h("label", { for: "answer", class: field ? "label" : "sr" }, fieldLabel(expects, field, talk)),
    h("div", { class: "entry" }, input, h("button", { class: "send", "aria-label": talk.w.send }, icon("send"))),
    frame.rejected && fault(input, frame.text),
    asides.length > 0 && h("div", { class: "asides" }, ...asides.map((one) => option(one, talk, "link"))),
  );
  const max = (field && kind !== "code" && expects.max_length) || MESSAGE_MAX;
  const counter = new Counter(input, max, talk.w);
  input.addEventListener("input", () => counter.count());
  return { composer: form, focus: input, field: input };
}

/**
 * What is wrong with what stands in the field, told under it; the field itself stays as it was typed.
 * @param {Input} input @param {string} text
 */
function fault(input, text) {
  const notes = new Set((input.getAttribute("aria-describedby") || "").split(" ").filter(Boolean)).add("fault");
  input.setAttribute("aria-describedby", [...notes].join(" "));
  input.setAttribute("aria-invalid", "true");
  return h("p", { id: "fault", class: "fault" }, icon("warning"), h("span", {}, text));
}

/** Put a fault under the field, and say it. @param {Input} input @param {string} text */
function complain(input, text) {
  input.form?.querySelector("#fault")?.remove();
  const told = fault(input, text);
  told.setAttribute("role", "alert");
  input.form?.querySelector(".entry")?.after(told);
  input.focus();
}

/** What the field is; that it may be skipped, where no warning stands above that says so itself ("one of the two").
 * @param {Asked} expects @param {boolean} field @param {Talk} talk */
function fieldLabel(expects, field, talk) {
  if (!field) return talk.w.message;
  const label = expects.label || (expects.kind === "code" ? talk.w.code : talk.w.message);
  return expects.optional && !expects.warning ? label + talk.w.optional : label;
}

/** @param {Asked} expects @param {boolean} field @param {Talk} talk @returns {Input} */
function control(expects, field, talk) {
  const long = !field || (expects.kind === "text" && (expects.max_length || 0) > SHORT_MOST);
  const shared = {
    id: "answer",
    dir: "auto",
    autocomplete: expects.autocomplete || "off",
    oninput: () => talk.typed(input.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => entered(event, long),
  };
  const more = expects.kind === "code" ? { inputmode: "numeric", autocomplete: "one-time-code" } : {};
  const type = { tel: "tel", email: "email" }[/** @type {"tel"} */ (expects.kind)] || "text";
  const input = long ? h("textarea", { rows: 1, ...shared }) : h("input", { type, ...shared, ...more });
  input.value = long ? talk.draft : talk.draft.replaceAll("\n", " "); // which would go without a trace
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

/** @param {Event} event @param {Input} input @param {Asked} expects @param {Talk} talk */
function submit(event, input, expects, talk) {
  event.preventDefault();
  const { w } = talk;
  const choices = expects.options?.length;
  if (input.value.trim() === "") {
    complain(input, choices ? w.emptyOrChoose : w.empty);
    return talk.near();
  }
  if ([...input.value].length > MESSAGE_MAX) return complain(input, w.fault_too_long); // a longer frame ends the socket
  if (!talk.say(input.value)) return undefined;
  input.value = "";
  // Where chat is free the field stays: what was said of the text that is sent goes with it.
  input.form?.querySelector("#fault")?.remove();
  input.removeAttribute("aria-invalid");
  return input.dispatchEvent(new Event("input")); // nothing is left to be counted
}

/**
 * What stands before a question: how far we are, that it is sensitive, why it is asked.
 * @param {Asked} expects @param {Talk} talk
 */
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
