// @ts-check
// The conversation: it shows what the desk says, draws the question that is open, and sends what the visitor answers.

import { announce } from "./banner.js";
import { certificateCard, saveButton } from "./certificate.js";
import { button, focusTitle, h } from "./elements.js";
import { draw } from "./inputs.js";
import { Keys } from "./keys.js";
import { Line, STATUS_SHOWN } from "./line.js";
import { Link } from "./link.js";
import { handed, myData } from "./mydata.js";
import { keepDevice, rememberOffer } from "./remember.js";
import { Transcript } from "./transcript.js";
import { tellVisit } from "./visit.js";
import { LANGUAGES } from "./words.js";

const ANSWER_SOON = 500; // ms after the ack in which the answer follows; then the visitor may go on anyway
const SETTLED = 20; // ms in which what the desk says at once has arrived; then its last question is drawn

/** @import * as Frames from "./frames" */

export class Conversation {
  /** @type {Link | null} */ #link = null;
  /** @type {Frames.FromBot | null} */ #live = null; // the latest message of the desk: its question is the open one
  /** @type {string[]} */ #wishes = []; // picks to make as soon as they are offered
  #draft = ""; // typed and not sent
  #last = ""; // sent last: stays in the field when it is rejected
  #busy = false; // an answer is under way: a second one would answer the next question
  #by = ""; // say or pick: how the visitor answered here, so that the focus may follow
  #submitting = false;
  #offering = false; // a consultation was sent: this browser may be remembered
  #reread = false; // a code was typed: what was hidden may be shown next
  /** @type {string | Frames.Certificate} */ #handed = ""; // a copy that was asked for, or a proof: it waits to be saved
  #erased = false; // everything was
  /** @type {HTMLElement | undefined} */ #next; // what an answer goes on with
  #drawing = 0;
  #told = 0; // the highest message that the page was told of

  /** @param {import("./panel.js").Panel} panel */
  constructor(panel) {
    this.panel = panel;
    this.parts = panel.parts;
    this.said = new Transcript(this.parts.log, this.parts.talk);
    this.line = new Line();
    this.keys = new Keys(this.parts.dialog);
  }

  get w() { return this.panel.w; }
  get locale() { return this.panel.locale; }
  get begun() { return Boolean(this.#link?.begun); }
  get #device() { return { link: /** @type {Link} */ (this.#link), w: this.w, say: this.parts.tell }; }

  /** @param {string} topic or "" @param {boolean} [fresh] another conversation than the one that this browser is remembered by */
  begin(topic, fresh = false) {
    if (this.#link) return;
    const { panel } = this;
    this.#erased = false;
    this.#link = new Link({ api: panel.api, site: panel.site, on: {
      session: (session) => this.#opened(session),
      welcome: ({ locale }) => panel.speak(locale),
      message: this.#message.bind(this), ack: this.#acked.bind(this), refused: this.#refused.bind(this),
      typing: (from) => from === "staff" && this.parts.tell(this.w.typing, STATUS_SHOWN),
      erased: this.#forgotten.bind(this),
      state: (state) => (state === "ended" && this.keys.held(() => this.#end()), this.line.say(state, this.#link, this)),
    } });
    this.#link.begin(this.locale, topic, fresh);
  }

  reset() {
    const inside = this.parts.dialog.contains(this.panel.host.root.activeElement);
    this.#unsaid(this.#link?.unsent);
    this.#link?.end();
    this.#link = null;
    this.#clear();
    if (inside) this.parts.title.focus({ preventScroll: true }); // as on opening
    if (this.parts.dialog.open) this.begin("", true);
  }

  /** The panel is open again. @param {string} topic or "" */
  shown(topic) {
    if (!this.#link) this.begin(topic, true); // the page has reset it
    else this.said.follow();
  }

  /** The page wishes to talk of a topic: picked if it is offered, now or first; else the open question has the word. @param {string} topic */
  about(topic) {
    const wish = `topic:${topic}`;
    this.#wishes = topic ? [wish] : [];
    if (!this.begun || this.#busy) return undefined;
    this.#back();
    if (this.#live?.expects.options?.some((one) => one.value === wish)) return this.#draw();
    this.#wishes = [];
    if (this.#next) this.keys.give(this.#next);
    return this.parts.tell(topic ? this.w.first : "", STATUS_SHOWN);
  }

  /** @param {string} locale */
  language(locale) { this.#wish(LANGUAGES[/** @type {"en"} */ (locale)] || locale, "command:language", `language:${locale}`); }

  /** @param {Frames.Session} session */
  #opened(session) {
    const { locale, company, companies = {}, resumed } = session;
    this.panel.speak(locale, { "": company, ...companies });
    announce(session, this);
    if (resumed) this.line.reloaded = false;
  }

  #clear() {
    this.said.clear();
    for (const part of [this.parts.now, this.parts.foot]) part.replaceChildren();
    [this.#live, this.#wishes, this.#told] = [null, [], 0];
    this.#busy = this.#submitting = this.#offering = false;
    this.#last = this.#handed = this.#by = "";
    this.parts.trouble("");
    this.#back();
  }

  /** Everything was erased: nothing of it stays here to be seen, or sent. */
  #end() { this.#link?.end(); this.#draft = ""; this.#clear(); }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.erased) return void this.said.show(frame, this);
    const bot = frame.from === "bot" && frame, newest = this.#live?.seq || 0;
    if (bot && frame.seq > newest && bot.locale !== this.locale) this.panel.speak(bot.locale);
    const beneath = bot && bot.rejected && bot.expects.kind !== "review"; // it stands under the field
    const below = !beneath && this.said.show(frame, this);
    if (bot && frame.seq >= newest) this.#asked(bot);
    if (frame.from === "visitor" && typeof this.#handed === "string") this.#handed = "";
    if (frame.from === "staff") this.#colleague(frame.seq, Boolean(below));
    return frame.from !== "visitor" && frame.seq > this.#told && this.panel.tell("message", { from: frame.from, seq: (this.#told = frame.seq) });
  }

  /** A colleague's words are seen when the conversation is; else they are marked until it is. @param {number} seq @param {boolean} below */
  #colleague(seq, below) {
    const { open } = this.parts.dialog, away = this.parts.view.isConnected || !open;
    if (away) this.said.mark(seq, this);
    if (!open) this.panel.host.shown(false, this.w.unseen);
    this.parts.tell(open && (away || below) ? this.w.answered : ""); // typing has come to its end
  }

  /** @param {Frames.FromBot} frame */
  #asked(frame) {
    const free = this.#live?.expects.kind === "none" && frame.expects.kind === "none" && this.#live.locale === frame.locale;
    const handing = frame.download || "";
    this.#handed = handing || this.#handed;
    const chatting = free && !handing;
    this.#reread = Boolean(this.#reread && frame.expects.kind !== "code" && this.#link?.replay()); // which returns nothing
    this.#live = frame;
    this.#busy = !chatting; // until the new question is drawn
    if (chatting) return; // the line stays as it is, with whatever is being typed
    if (frame.rejected && !this.#draft) this.#draft = this.#last;
    const sent = this.#submitting && frame.expects.kind === "none";
    [this.#offering, this.#submitting] = [sent && !this.#link?.remembered, false];
    if (sent) this.panel.tell("submitted");
    clearTimeout(this.#drawing);
    this.#drawing = setTimeout(() => this.#draw(), SETTLED);
  }

  /** Draw the open question. Who types goes on typing; who presses buttons goes on to the next one. */
  #draw() {
    if (!this.#live) return undefined;
    this.#busy = false;
    const [wish, ...later] = this.#wishes;
    const wished = (this.#live.expects.options || []).find((one) => one.value === wish);
    if (wished || !this.#link?.waiting) this.#wishes = wished ? later : []; // else what leads to them is still on its way
    if (wished) return this.#pick(wish, wished.label);
    const { now, foot, view } = this.parts, active = this.panel.host.root.activeElement;
    const typing = this.#by ? this.#by === "say" : active?.id === "answer";
    const follow = this.#by || now.contains(active) || foot.contains(active);
    const { card, composer, focus, field } = draw(this.#live, this.#talking);
    const offers = [this.#offering && rememberOffer(this.#device), this.#handed && this.#handing];
    now.replaceChildren(...[card, ...offers].filter((one) => one instanceof Element));
    foot.replaceChildren(...(composer ? [composer] : []));
    this.#next = (typing && field) || focus;
    if (follow && this.#next && !view.isConnected) this.keys.give(this.#next);
    this.#by = "";
    return this.said.keep();
  }

  get #handing() { return typeof this.#handed === "string" ? handed(this.#rights, this.#handed) : h("div", { class: "stack handed" }, saveButton(this.#handed, this.w)); }

  /** @returns {import("./inputs.js").Talk} */
  get #talking() {
    return {
      w: this.w, locale: this.locale, draft: this.#draft, say: this.#say.bind(this), pick: this.#pick.bind(this),
      typed: (text) => void (this.#draft = text), near: () => this.parts.talk.scrollTo(0, this.parts.talk.scrollHeight),
    };
  }

  /** @param {string} text */
  #say(text) {
    if (this.#busy || !this.#link?.begun) return false;
    this.#draft = "";
    this.#last = text;
    this.#send({ type: "say", text }, text);
    this.#busy = this.#live?.expects.kind !== "none";
    return true;
  }

  /** @param {string} value @param {string} label @param {{purposes?: string[], policy?: string}} [more] */
  #pick(value, label, more = {}) {
    if (this.#busy || !this.#link?.begun) return;
    if (/^(text|tel|email)$/.test(this.#live?.expects.kind || "") && !value.startsWith("command:")) this.#draft = this.#last = ""; // it was this field's
    this.#send({ type: "pick", value, ...more }, label);
    this.#busy = true;
  }

  /** @param {Frames.Say | Frames.Pick} what @param {string} text */
  #send(what, text) {
    this.#by = what.type;
    this.parts.tell("");
    this.#handed = "";
    this.parts.now.querySelector(".handed")?.remove();
    this.said.send(/** @type {Link} */ (this.#link).send(what), text, this);
  }

  /** Pick something, and then what it leads to, as soon as that is offered. @param {string} label @param {...string} values */
  #wish(label, ...values) {
    this.#back();
    this.#busy = false; // it is offered at any time, and waits in line for what is under way
    this.#pick(values[0], label);
    this.#wishes = values.slice(1);
  }

  /** @param {Frames.Sent} sent */
  #acked(sent) {
    const { id } = sent, value = sent.type === "pick" ? sent.value : "", [kind, what = ""] = value.split(":"), answered = this.#live;
    this.said.acked(id);
    tellVisit(sent, answered, this.#link);
    if (kind === "language") this.panel.speak(what);
    if (kind === "consent" && what !== "policy") this.panel.tell("consent", { decision: what });
    this.#submitting = value === "review:send";
    this.#reread = sent.type === "say" && answered?.expects.kind === "code";
    setTimeout(() => answered === this.#live && (this.#busy = false), ANSWER_SOON);
  }

  /** @param {Frames.Sent | undefined} sent @param {string} code the detail is for programs */
  #refused(sent, code) {
    this.panel.tell("error", { code });
    const text = this.w[/** @type {"fault"} */ (`fault_${code}`)] || this.w.fault;
    if (!sent && (code === "offline" || this.begun)) return undefined;
    if (!sent) return this.parts.trouble(text, this.w.again, () => this.reset());
    this.said.drop(sent.id);
    this.#busy = false;
    this.#wishes = [];
    if (sent.type === "say") this.#unsaid(sent.text);
    this.#draw();
    return this.parts.trouble(text);
  }

  /** What was not taken goes back into the field, before what was typed since. @param {string} [text] */
  #unsaid(text) { this.#draft = [text, this.#draft].filter(Boolean).join("\n"); }

  /** @param {Frames.Certificate} certificate */
  #forgotten(certificate) {
    const card = certificateCard(certificate, this);
    if (certificate.scope !== "all") {
      this.said.append(card);
      this.#handed = certificate;
      this.#draw();
      return this.#link?.replay();
    }
    if (this.#link?.remembered) void keepDevice(this.#link, false).catch(() => {}); // the cookie goes too
    this.#end();
    this.#erased = true;
    this.parts.now.replaceChildren(card, h("div", { class: "stack handed" }, saveButton(certificate, this.w), button(this.w.restart, () => this.reset())));
    focusTitle(card);
    return this.said.follow();
  }

  /** @returns {import("./mydata.js").Rights} */
  get #rights() {
    return {
      ...this.#device, locale: this.locale, site: this.panel.api, wish: this.#wish.bind(this),
      back: () => (this.#back(), this.parts.privacy.focus()),
    };
  }

  /** Open "Privacy and my data", or close it again. */
  rights() {
    const { view, talk, foot, tell } = this.parts;
    if (view.isConnected) return this.#back();
    if (!this.begun) return this.#erased ? tell(this.w.noneKept) : this.panel.elsewhere();
    view.replaceChildren(myData(this.#rights));
    talk.replaceWith(view);
    for (const one of [foot, this.said.down]) one.remove();
    focusTitle(view);
    return undefined;
  }

  #back() {
    const { view, talk, foot, end } = this.parts;
    if (!view.isConnected) return;
    this.keys.held(() => (view.replaceWith(talk), view.replaceChildren()));
    end.before(foot);
    this.parts.tell("");
    this.said.follow();
  }
}
