// @ts-check
// What was said so far: shown once, in order, and replaced in place when the desk masks or erases a message.

import { recordRows } from "./cards.js";
import { button, h } from "./elements.js";

const NEAR = 40; // CSS px from the end at which the end is what is read

/** @import * as Frames from "./frames" */
/** @typedef {{w: import("./sayings.js").Words, locale: string}} Tongue */

export class Transcript {
  /** @type {Map<number, HTMLElement>} */ #drawn = new Map();
  /** @type {Map<string, HTMLElement>} */ #unacked = new Map();
  /** @type {HTMLElement | null} */ #unseen = null; // came while nobody could see it
  #reading = false; // the visitor turned back to something: nothing pulls them from it
  #at = 0; // where we put the view

  /** @param {HTMLElement} log @param {HTMLElement} scroller */
  constructor(log, scroller) {
    this.log = log;
    this.scroller = scroller;
    this.down = button("", () => (this.follow(), scroller.focus({ preventScroll: true })), "chip down");
    scroller.addEventListener("scroll", () => this.#low && this.down.remove());
  }

  /** Whether the end is in sight. */
  get #low() {
    const { scrollHeight, clientHeight, scrollTop } = this.scroller;
    return scrollHeight - clientHeight - scrollTop < NEAR;
  }

  /**
   * Show a message, in place of what stood for it until now. @param {Frames.Message} frame @param {Tongue} tongue
   * @returns {boolean} whether a colleague's words came below what is in sight; then a button leads there
   */
  show(frame, tongue) {
    if (frame.erased) {
      this.#drawn.get(frame.seq)?.remove();
      return false;
    }
    const id = (frame.from === "visitor" && frame.id) || "";
    const there = this.#drawn.get(frame.seq) || this.#unacked.get(id);
    this.#unacked.delete(id);
    const rows = frame.from === "bot" && frame.expects.kind === "record" && recordRows(frame.expects, tongue);
    const hidden = frame.masked && frame.text.includes("•") && h("span", { class: "sr" }, tongue.w.masked);
    const drawn = utterance(frame, tongue, rows, hidden);
    const staff = frame.from === "staff";
    this.#reading = !this.#low && (staff || Math.abs(this.scroller.scrollTop - this.#at) > 2);
    this.#drawn.set(frame.seq, drawn);
    if (!there) this.log.append(drawn);
    else if (there.textContent !== drawn.textContent) there.replaceWith(drawn);
    else this.#settle(frame.seq, there);
    if (rows) this.#outdate(tongue);
    this.keep();
    const below = staff && !there && this.#reading;
    if (below) this.scroller.after(this.down);
    this.down.textContent = tongue.w.unseen;
    return below;
  }

  /**
   * Only the newest answer to "view" keeps its rows: what an older one shows may not hold any more.
   * @param {Tongue} tongue
   */
  #outdate({ w }) {
    for (const old of [...this.log.querySelectorAll(".record")].slice(0, -1)) {
      old.previousElementSibling?.setAttribute("data-newer", w.newer);
      old.remove();
    }
  }

  /** Stay with what is new, unless the visitor reads something else. */
  keep() {
    if (!this.#reading) this.follow();
  }

  /** @param {number} seq @param {HTMLElement} there */
  #settle(seq, there) {
    there.classList.remove("waiting");
    this.#drawn.set(seq, there);
  }

  /**
   * Show what the visitor sent before the desk has confirmed it.
   * @param {string} id @param {string} text @param {Tongue} tongue
   */
  send(id, text, tongue) {
    const waiting = utterance({ from: "visitor", text }, tongue);
    waiting.classList.add("waiting");
    this.log.append(waiting);
    this.#unseen = null;
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
    this.#drawn.clear();
    this.#unacked.clear();
    this.log.replaceChildren();
    this.scroller.scrollTop = 0; // what follows is read from its beginning
  }

  /** Mark what came while nobody could see it. @param {number} seq @param {Tongue} tongue */
  mark(seq, { w }) {
    const there = this.#drawn.get(seq);
    if (!there || this.#unseen?.isConnected) return;
    there.prepend(h("p", { class: "new" }, w.unseen));
    this.#unseen = there;
  }

  /**
   * Show what came unseen, else the newest, but never past the start of what a person said last, or of what
   * followed it.
   */
  follow() {
    const from = this.#unseen?.isConnected ? this.#unseen : [...this.log.querySelectorAll(".visitor, .staff")].pop();
    this.#reading = false;
    this.down.remove();
    if (from && this.scroller.isConnected) this.scroller.scrollTop = /** @type {HTMLElement} */ (from).offsetTop - 8;
    this.#at = this.scroller.scrollTop;
  }
}

/**
 * What somebody said, mostly one element. Screen readers hear who says it (talk.css puts it before the words);
 * addresses in what the desk says become links.
 * @param {{from: string, text: string, name?: string}} said @param {Tongue} tongue
 * @param {...(Element | undefined | false)} more
 */
function utterance({ from, text, name = "" }, { w, locale }, ...more) {
  const who = { visitor: w.you, staff: w.colleague }[from] || w.assistant;
  const words = from === "visitor" ? [text] : linked(text);
  const spoken = { dir: "auto", "data-who": who };
  if (!name && !more.some(Boolean)) return h("p", { class: `said bubble ${from}`, lang: locale, ...spoken }, ...words);
  const said = h("p", { class: "bubble", ...spoken }, ...words);
  const face = h("span", { class: "initials", "aria-hidden": "true" }, initials(name));
  return h("div", { class: `said ${from}`, lang: locale }, name && h("p", { class: "who" }, face, name), said, ...more);
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
