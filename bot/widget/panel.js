// @ts-check
// The panel: it shows what the desk says, draws the question that is open, and sends what the visitor answers.

import { button, focusTitle } from "./elements.js";
import { shell } from "./shell.js";
import { LANGUAGES, firstWords, language } from "./words.js";

const PHONE = "(max-width: 480px)"; // there the panel fills the screen and is modal
const TINY = 400; // CSS px of height: there the whole dialog scrolls, see panel.css
const ANSWER_SOON = 500; // ms after the ack in which the desk's answer follows; then the visitor may go on anyway
const SETTLED = 20; // ms in which what the desk says at once has arrived; then its last question is drawn

/** @import * as Frames from "./frames" */
/** @typedef {typeof import("./talk.js")} Talk what is fetched while the session begins */

export class Panel {
  /** @type {Talk | null} */ #talk = null;
  #company = "";
  /** @type {import("./link.js").Link | null} */ #link = null;
  /** @type {Frames.FromBot | null} */ #live = null; // the desk's latest message: its question is the open one
  /** @type {string[]} */ #wishes = []; // picks to make as soon as they are offered
  #topic = "";
  #draft = ""; // typed and not sent
  #last = ""; // sent last: stays in the field when it is rejected
  #busy = false; // an answer is under way: a second one would answer the next question
  #acted = false; // the visitor did something here, so the focus may follow
  #submitting = false;
  #offering = false; // a consultation was sent: this browser may be remembered
  #reread = false; // a code was typed: what was hidden may be shown next
  /** @type {import("./line.js").Line | null} */ #line = null; // what is said of the link
  #drawing = 0;

  /** @param {{host: import("./shell.js").Host, api: URL, site: string, tell: (name: string, detail?: object) => void}} given */
  constructor({ host, api, site, tell }) {
    const { locale } = host;
    this.host = host;
    this.api = api;
    this.site = site;
    this.tell = tell;
    const acts = { close: this.close, language: this.setLocale.bind(this), privacy: () => this.#rights() };
    this.parts = shell(acts);
    this.locale = locale;
    /** @type {import("./sayings.js").Words} */ this.w = /** @type {any} */ (firstWords(locale)); // the rest comes with talk.js
    /** @type {import("./transcript.js").Transcript} */ this.said = /** @type {any} */ (null); // nothing is said before
    this.#speak(locale);
    host.root.prepend(this.parts.dialog);
    this.parts.dialog.addEventListener("close", () => this.#closed());
    window.matchMedia(PHONE).addEventListener("change", () => this.parts.dialog.open && this.#show());
  }

  open() {
    if (this.parts.dialog.open) return;
    this.#show();
    this.parts.title.focus({ preventScroll: true });
    this.host.shown(true);
    this.tell("opened");
    if (!this.#link) this.#begin();
  }

  close = () => this.parts.dialog.close();
  toggle = () => (this.parts.dialog.open ? this.close() : this.open());

  /** Open with a topic: chosen at once where the topic is what is asked. @param {{topic?: string}} wish */
  start({ topic = "" }) {
    if (!this.#link) this.#topic = topic;
    else if (topic) this.#wishes = [`topic:${topic}`];
    this.open();
    this.#draw();
  }

  /** Begin another conversation. What the desk keeps of this one stays there; what could not be sent stays in the field. */
  reset() {
    this.#draft ||= this.#link?.unsent || "";
    this.#link?.end();
    this.#link = null;
    this.#clear();
    if (this.parts.dialog.open) this.#begin(true);
  }

  /** @param {string} locale */
  setLocale(locale) {
    if (!this.#link?.begun) return this.#speak(locale);
    return this.#wish(LANGUAGES[/** @type {"en"} */ (locale)] || locale, "command:language", `language:${locale}`);
  }

  #show() {
    const { dialog } = this.parts;
    if (dialog.open) dialog.close();
    return window.matchMedia(PHONE).matches ? dialog.showModal() : dialog.show();
  }

  #closed() {
    if (this.parts.dialog.open) return; // it only changed between modal and not
    this.host.shown(false);
    this.host.launcher.focus();
    this.tell("closed");
  }

  async #begin(fresh = false) { // another conversation than the one that this browser is remembered by
    const { api, site, w } = this;
    this.parts.tell(w.opening);
    const talk = await this.#load().catch(() => this.#state("failed"));
    if (!talk || this.#link) return;
    this.#link = new talk.Link({ api, site, on: {
      session: ({ locale, company, resumed }) => (this.#speak(locale, company), resumed && this.#line && (this.#line.reloaded = false)),
      welcome: ({ locale }) => this.#speak(locale),
      message: this.#message.bind(this), ack: this.#acked.bind(this), refused: this.#refused.bind(this),
      typing: (from) => from === "staff" && this.parts.tell(this.w.typing, talk.STATUS_SHOWN),
      erased: this.#erased.bind(this), state: this.#state.bind(this),
    } });
    this.#link.begin(this.locale, this.#topic, fresh);
    this.#topic = "";
  }

  /** Fetch what is needed for talking, and how that looks. */
  async #load() {
    const looks = fetch(new URL("talk.css", import.meta.url)).then((answer) => answer.text());
    const [talk, css] = await Promise.all([import("./talk.js"), looks]);
    if (!this.#talk) this.host.dress(css);
    this.#talk = talk;
    this.#line ||= new talk.Line();
    this.said ||= new talk.Transcript(this.parts.log, this.parts.talk);
    this.#speak(this.locale);
    return talk;
  }

  /** Speak a language, and name the company once it is known. @param {string} locale @param {string} [company] */
  #speak(locale, company = this.#company) {
    this.#company = company;
    this.locale = language(locale) === "zh-CN" ? "zh-CN" : locale;
    this.w = /** @type {import("./sayings.js").Words} */ ((this.#talk?.wordsFor || firstWords)(locale));
    this.parts.speak(this.w, this.locale, this.#company);
    this.host.locale = this.locale;
    this.host.shown(this.parts.dialog.open);
  }

  #clear() {
    this.said?.clear();
    this.parts.now.replaceChildren();
    this.parts.foot.replaceChildren();
    this.#wishes = [];
    this.#live = null;
    this.#busy = this.#submitting = this.#offering = false;
    this.#last = "";
    this.parts.trouble("");
    this.#back();
  }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.erased) return this.said.show(frame, this);
    const rejected = frame.from === "bot" && frame.rejected && frame.expects.kind !== "review";
    if (frame.from === "bot" && frame.seq > (this.#live?.seq || 0) && frame.locale !== this.locale) this.#speak(frame.locale);
    if (!rejected) this.said.show(frame, this); // else it stands under the field
    if (frame.from === "bot" && frame.seq >= (this.#live?.seq || 0)) this.#asked(frame);
    if (frame.from === "staff") this.parts.tell(""); // typing has come to its end
    return frame.from !== "visitor" && this.tell("message", { from: frame.from, seq: frame.seq });
  }

  /** @param {Frames.FromBot} frame */
  #asked(frame) {
    const chatting = this.#live?.expects.kind === "none" && frame.expects.kind === "none" && this.#live.locale === frame.locale;
    this.#reread = Boolean(this.#reread && frame.expects.kind !== "code" && this.#link?.replay()); // which returns nothing
    this.#live = frame;
    this.#busy = !chatting; // until the new question is drawn
    if (chatting) return; // the line stays as it is, with whatever is being typed
    if (frame.rejected && !this.#draft) this.#draft = this.#last;
    const sent = this.#submitting && frame.expects.kind === "none";
    [this.#offering, this.#submitting] = [sent && !this.#link?.remembered, false];
    if (sent) this.tell("submitted");
    clearTimeout(this.#drawing);
    this.#drawing = setTimeout(() => this.#draw(), SETTLED);
  }

  #draw() {
    if (!this.#live || !this.#talk) return undefined;
    this.#busy = false;
    const [wish, ...later] = this.#wishes;
    const wished = (this.#live.expects.options || []).find((one) => one.value === wish);
    this.#wishes = wished ? later : [];
    if (wished) return this.#pick(wish, wished.label);
    const { now, foot } = this.parts;
    const active = this.host.root.activeElement;
    const follow = this.#acted || now.contains(active) || foot.contains(active);
    const talk = {
      w: this.w, locale: this.locale, draft: this.#draft, say: this.#say.bind(this), pick: this.#pick.bind(this),
      typed: (/** @type {string} */ text) => void (this.#draft = text),
    };
    const { card, composer, focus } = this.#talk.draw(this.#live, talk);
    const offer = this.#offering && this.#talk.rememberOffer(this.#device);
    now.replaceChildren(...(card ? [card] : []), ...(offer ? [offer] : []));
    foot.replaceChildren(...(composer ? [composer] : []));
    if (follow && focus && this.parts.view.hidden) focus.focus({ preventScroll: innerHeight > TINY });
    this.#acted = false;
    return this.said.follow();
  }

  /** @param {string} text */
  #say(text) {
    if (this.#busy || !this.#link) return false;
    this.#draft = "";
    this.#last = text;
    this.#send({ type: "say", text }, text);
    this.#busy = this.#live?.expects.kind !== "none";
    return true;
  }

  /** @param {string} value @param {string} label @param {{purposes?: string[], policy?: string}} [more] */
  #pick(value, label, more = {}) {
    if (this.#busy || !this.#link) return;
    this.#send({ type: "pick", value, ...more }, label);
    this.#busy = true;
  }

  /** @param {Frames.Say | Frames.Pick} what @param {string} text */
  #send(what, text) {
    this.#acted = true;
    this.parts.tell("");
    this.said.send(/** @type {import("./link.js").Link} */ (this.#link).send(what), text, this);
  }

  /** Pick something, and then what it leads to, as soon as that is offered. @param {string} label @param {...string} values */
  #wish(label, ...values) {
    this.#back();
    this.#pick(values[0], label);
    this.#wishes = values.slice(1);
  }

  /** @param {Frames.Sent} sent */
  #acked(sent) {
    const { id } = sent, value = sent.type === "pick" ? sent.value : "", [kind, what = ""] = value.split(":"), answered = this.#live;
    this.said.acked(id);
    this.#talk?.tellVisit(sent, answered, this.#link);
    if (kind === "language") this.#speak(what);
    if (kind === "consent" && what !== "policy") this.tell("consent", { decision: what });
    this.#submitting = value === "review:send";
    this.#reread = sent.type === "say" && answered?.expects.kind === "code";
    setTimeout(() => answered === this.#live && (this.#busy = false), ANSWER_SOON);
  }

  /** @param {Frames.Sent | undefined} sent @param {string} code the detail is for programs */
  #refused(sent, code) {
    this.tell("error", { code });
    const text = this.w[/** @type {"fault"} */ (`fault_${code}`)] || this.w.fault;
    if (!sent && (code === "offline" || this.#link?.begun)) return undefined;
    if (!sent) return this.parts.trouble(text, this.w.again, () => this.reset());
    this.said.drop(sent.id);
    this.#busy = false;
    this.#wishes = [];
    if (sent.type === "say") this.#draft ||= sent.text;
    this.#draw();
    return this.parts.trouble(text);
  }

  /** @param {Frames.Certificate} certificate */
  #erased(certificate) {
    const card = /** @type {Talk} */ (this.#talk).certificateCard(certificate, this);
    if (certificate.scope !== "all") {
      this.said.append(card);
      return this.#link?.replay();
    }
    if (this.#link?.remembered) void this.#talk?.keepDevice(this.#link, false).catch(() => {}); // the cookie goes too
    this.#link?.end();
    this.#draft = "";
    this.#clear();
    this.parts.now.replaceChildren(card, button(this.w.restart, () => this.reset()));
    focusTitle(card);
    return this.said.follow();
  }

  /** @param {import("./link.js").State} state */
  #state(state) {
    const { parts, w } = this, reset = () => this.reset();
    if (this.#line) return this.#line.say(state, this.#link, { parts, w, reset });
    return parts.tell(""), parts.trouble(w.failed, w.again, reset); // what talks could not be fetched
  }

  get #device() { return { link: /** @type {import("./link.js").Link} */ (this.#link), w: this.w, say: this.parts.tell }; }

  #rights() {
    const { view, talk, foot, privacy } = this.parts;
    if (!view.hidden || !this.#talk || !this.#link?.begun) return this.#back();
    view.replaceChildren(this.#talk.myData({
      ...this.#device, locale: this.locale, site: this.api, wish: this.#wish.bind(this),
      back: () => (this.#back(), privacy.focus()),
    }));
    talk.hidden = foot.hidden = true;
    view.hidden = false;
    focusTitle(view);
    return undefined;
  }

  #back() {
    const { view, talk, foot } = this.parts;
    view.replaceChildren();
    view.hidden = true;
    talk.hidden = foot.hidden = false;
    this.parts.tell("");
  }
}
