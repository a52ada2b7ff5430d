// @ts-check
// What was said so far: shown once, in order, and replaced in place when the desk masks or erases a message.

import { recordRows } from "./cards.js";
import { h } from "./elements.js";

/** @import * as Frames from "./frames" */
/** @typedef {{w: import("./sayings.js").Words, locale: string}} Tongue */

export class Transcript {
  /** @type {Map<number, HTMLElement>} */ #lines = new Map();
  /** @type {Map<string, HTMLElement>} */ #unacked = new Map();

  /** @param {HTMLElement} log @param {HTMLElement} scroller */
  constructor(log, scroller) {
    this.log = log;
    this.scroller = scroller;
  }

  /** Show a message, in place of what stood for it until now. @param {Frames.Message} frame @param {Tongue} tongue */
  show(frame, tongue) {
    if (frame.erased) return this.#lines.get(frame.seq)?.remove();
    const id = (frame.from === "visitor" && frame.id) || "";
    const there = this.#lines.get(frame.seq) || this.#unacked.get(id);
    this.#unacked.delete(id);
    const drawn = line(frame, tongue);
    if (frame.from === "bot" && frame.expects.kind === "record") drawn.append(recordRows(frame.expects, tongue));
    if (frame.masked && drawn.textContent?.includes("•")) drawn.append(h("span", { class: "sr" }, tongue.w.masked));
    this.#lines.set(frame.seq, drawn);
    if (!there) this.log.append(drawn);
    else if (there.textContent !== drawn.textContent) there.replaceWith(drawn);
    else this.#settle(frame.seq, there);
    return this.follow();
  }

  /** @param {number} seq @param {HTMLElement} there */
  #settle(seq, there) {
    there.classList.remove("waiting");
    this.#lines.set(seq, there);
  }

  /** Show what the visitor sent before the desk has confirmed it. @param {string} id @param {string} text @param {Tongue} tongue */
  send(id, text, tongue) {
    const waiting = line({ from: "visitor", text }, tongue);
    waiting.classList.add("waiting");
    this.log.append(waiting);
    this.#unacked.set(id, waiting);
    this.follow();
  }

  /** @param {string} id */
  acked(id) {
    this.#unacked.get(id)?.classList.remove("waiting");
  }

  /** Take back what was not taken. @param {string} id */
  drop(id) {
    this.#unacked.get(id)?.remove();
    this.#unacked.delete(id);
  }

  /** @param {Element} card */
  append(card) {
    this.log.append(card);
    this.follow();
  }

  clear() {
    this.#lines.clear();
    this.#unacked.clear();
    this.log.replaceChildren();
  }

  /** Show the newest, but never past the start of what followed the visitor's last message. */
  follow() {
    const spoken = [...this.log.querySelectorAll(".visitor")].pop();
    const top = spoken ? /** @type {HTMLElement} */ (spoken).offsetTop - 8 : 0;
    this.scroller.scrollTop = Math.min(top, this.scroller.scrollHeight);
  }
}

/**
 * One line of the conversation. Screen readers hear who says it; addresses in what the desk says become links.
 * @param {{from: string, text: string, name?: string}} said @param {Tongue} tongue
 */
function line({ from, text, name = "" }, { w, locale }) {
  const speaker = { visitor: w.you, staff: w.colleague }[from] || w.assistant;
  return h(
    "div",
    { class: `said ${from}`, lang: locale },
    h("span", { class: "sr" }, `${speaker} `),
    name && h("p", { class: "who" }, h("span", { class: "initials", "aria-hidden": "true" }, initials(name)), name),
    h("p", { class: "bubble", dir: "auto" }, ...(from === "visitor" ? [text] : linked(text))),
  );
}

/** @param {string} name */
const initials = (name) =>
  name
    .split(/\s+/)
    .map((part) => [...part][0])
    .slice(0, 2)
    .join("")
    .toUpperCase();

/** @param {string} text */
const linked = (text) =>
  text
    .split(/(https?:\/\/[\w.:/?=&%#~+-]*[\w/])/)
    .map((part, index) => (index % 2 ? h("a", { href: part, target: "_blank", rel: "noopener" }, part) : part));
