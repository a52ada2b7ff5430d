// @ts-check
// The question that is open: drawn when the desk asks it, answered once by typing or by pressing, and drawn again with
// what was typed when the answer was not taken.

import { saveButton } from "./certificate.js";
import { STATUS_SHOWN } from "./connection.js";
import { h } from "./elements.js";
import { draw } from "./inputs.js";
import { handed } from "./mydata.js";
import { rememberOffer } from "./remember.js";

const ANSWER_SOON = 500; // ms after the ack in which the answer follows; then the visitor may go on anyway
const SETTLED = 20; // ms in which what the desk says at once has arrived; then its last question is drawn
const ONE_FIELD = /^(text|tel|email)$/; // the kinds of question whose draft is of no use to another one

/** @import * as Frames from "./frames" */

export class Question {
  /** @type {Frames.FromBot | null} */ live = null; // the latest message of the desk
  #draft = ""; // typed and not sent
  #last = ""; // kept by the desk last: comes back into the field when it is rejected
  #busy = false; // an answer is under way: a second one would answer the next question
  #by = ""; // say or pick: how the visitor answered here, so that the focus may follow
  /** @type {string[]} */ #wishes = []; // picks to make as soon as they are offered
  #offering = false; // a consultation was sent: this browser may be remembered
  /** @type {string | Frames.Certificate} */ #handed = ""; // a copy that was asked for, or a proof, to be saved
  /** @type {HTMLElement | undefined} */ #next; // what an answer goes on with
  #drawing = 0;

  /** @param {import("./conversation.js").Conversation} chat */
  constructor(chat) {
    this.chat = chat;
  }

  /** Nothing is asked any more; only what is typed stays. */
  clear() {
    const { now, foot } = this.chat.parts;
    now.replaceChildren();
    foot.replaceChildren();
    this.live = null;
    this.#wishes = [];
    this.#busy = false;
    this.#offering = false;
    this.#last = "";
    this.#handed = "";
    this.#by = "";
  }

  /** Everything was erased: what is typed goes, too. */
  forget() {
    this.#draft = "";
  }

  /**
   * The desk asks something.
   * @param {Frames.FromBot} frame @param {boolean} sent whether a consultation was sent by the last answer
   */
  ask(frame, sent) {
    const free = frame.expects.kind === "none";
    const chatting = free && this.live?.expects.kind === "none" && this.live.locale === frame.locale;
    this.#handed = frame.download || this.#handed;
    this.live = frame;
    this.#busy = false;
    const last = this.#last;
    this.#last = "";
    if (chatting && !frame.download && !frame.rejected) return; // the field stays, with whatever is being typed
    this.#busy = true; // until it is drawn
    this.#offering = sent && !this.chat.link?.remembered;
    if (frame.rejected && (free || !this.#draft)) this.unsaid(last);
    clearTimeout(this.#drawing);
    this.#drawing = setTimeout(() => this.draw(), SETTLED);
  }

  /** Draw it. Who types goes on typing; who presses buttons goes on to the next one. */
  draw() {
    if (!this.live) return;
    this.#busy = false;
    if (this.#fulfilled()) return;
    this.#busy = this.#wishes.length > 0; // they go first
    const { parts, keys, said, panel } = this.chat;
    const { now, foot, view } = parts;
    const { activeElement } = panel.host.root;
    const typing = this.#by ? this.#by === "say" : activeElement?.id === "answer";
    const follow = this.#by || now.contains(activeElement) || foot.contains(activeElement);
    const { card, composer, focus, field } = draw(this.live, this.#talk);
    now.replaceChildren(...this.#with(card));
    foot.replaceChildren(...(composer ? [composer] : []));
    this.#next = (typing && field) || focus;
    if (follow && this.#next && !view.isConnected) keys.give(this.#next);
    this.#by = "";
    said.keep();
  }

  /** Put with the card what is offered under it. @param {HTMLElement | undefined} card */
  #with(card) {
    const offer = this.#offering && rememberOffer(this.chat.device);
    return [card, offer, this.#handed && this.#handing].filter((one) => one instanceof Element);
  }

  get #handing() {
    const { rights, w } = this.chat;
    if (typeof this.#handed === "string") return handed(rights, this.#handed);
    return h("div", { class: "stack handed" }, saveButton(this.#handed, w));
  }

  /** @returns {import("./inputs.js").Talk} */
  get #talk() {
    const { w, locale, parts } = this.chat;
    return {
      w,
      locale,
      draft: this.#draft,
      say: this.#say.bind(this),
      pick: this.pick.bind(this),
      typed: (text) => void (this.#draft = text),
      near: () => parts.talk.scrollTo(0, parts.talk.scrollHeight),
    };
  }

  get #answerable() {
    return !this.#busy && this.chat.begun;
  }

  /** @param {string} text @returns {boolean} whether it was taken */
  #say(text) {
    if (!this.#answerable) return false;
    this.#draft = "";
    this.#answer({ type: "say", text }, text);
    this.#busy = this.live?.expects.kind !== "none";
    return true;
  }

  /** @param {string} value @param {string} label @param {{purposes?: string[], policy?: string}} [more] */
  pick(value, label, more = {}) {
    if (!this.#answerable) return;
    const command = value.startsWith("command:");
    if (ONE_FIELD.test(this.live?.expects.kind || "") && !command) this.#draft = ""; // it was this field's
    this.#answer({ type: "pick", value, ...more }, label);
    this.#busy = true;
  }

  /** @param {Frames.Say | Frames.Pick} what @param {string} text */
  #answer(what, text) {
    this.#by = what.type;
    this.#handed = "";
    this.chat.parts.now.querySelector(".handed")?.remove();
    this.chat.send(what, text);
  }

  /**
   * Pick something, and then what it leads to, as soon as that is offered.
   * @param {string} label @param {string[]} values
   */
  wish(label, [first, ...later]) {
    this.#busy = false; // it is offered at any time, and waits behind what is under way
    this.pick(first, label);
    this.#wishes = later;
  }

  /** Pick a topic if it is offered, now or first; else the open question has the word. @param {string} topic or "" */
  about(topic) {
    const wish = `topic:${topic}`;
    this.#wishes = topic ? [wish] : [];
    if (!this.#answerable) return;
    this.chat.back();
    if (this.#offered(wish)) {
      this.draw();
      return;
    }
    this.#wishes = [];
    if (this.#next) this.chat.keys.give(this.#next);
    this.chat.parts.tell(topic ? this.chat.w.first : "", STATUS_SHOWN);
  }

  /** @param {string} wish */
  #offered(wish) {
    return this.live?.expects.options?.find((one) => one.value === wish);
  }

  /**
   * Pick what is wished if it is offered now. It is given up only when nothing that leads to it is on its way any more.
   */
  #fulfilled() {
    const [wish, ...later] = this.#wishes;
    const offered = this.#offered(wish);
    if (offered) {
      this.#wishes = later;
      this.pick(wish, offered.label);
    } else if (!this.chat.link?.waiting) {
      this.#wishes = [];
    }
    return Boolean(offered);
  }

  /** The answer is kept: if nothing follows, the visitor may go on. @param {Frames.Sent} sent */
  acked(sent) {
    const { live } = this;
    this.#last = sent.type === "say" ? sent.text : "";
    setTimeout(() => {
      if (live === this.live) this.#busy = false;
    }, ANSWER_SOON);
  }

  /** The answer was not taken, nor is anything that was to follow it. @param {Frames.Sent} sent */
  refused(sent) {
    this.#busy = false;
    this.#wishes = [];
    if (sent.type === "say") this.unsaid(sent.text);
    this.draw();
  }

  /** What was not taken goes back into the field, before what was typed since. @param {string} [text] */
  unsaid(text) {
    this.#draft = [text, this.#draft].filter(Boolean).join("\n");
  }

  /** Offer a proof to be saved. @param {Frames.Certificate} certificate */
  hand(certificate) {
    this.#handed = certificate;
    this.draw();
  }

  /** The visitor went on, here or on another page: a copy that was asked for is not offered any more. */
  passed() {
    if (typeof this.#handed === "string") this.#handed = "";
  }
}
