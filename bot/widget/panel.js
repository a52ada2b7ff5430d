// @ts-check
// The panel: it shows what the desk says, draws the question that is open, and sends what the visitor answers.

import { certificateCard } from "./cards.js";
import { button } from "./elements.js";
import { draw } from "./inputs.js";
import { Link } from "./link.js";
import { myData } from "./mydata.js";
import { shell } from "./shell.js";
import { Transcript } from "./transcript.js";
import { LANGUAGES, isChinese, wordsFor } from "./words.js";

const PHONE = "(max-width: 480px)"; // there the panel fills the screen and is modal
const TYPING_SHOWN = 5_000; // ms; WCAG 2.2.2
const ANSWER_SOON = 500; // ms after the ack in which the desk's answer follows; then the visitor may go on anyway
const SETTLED = 20; // ms in which what the desk says at once has arrived; then its last question is drawn

export class Panel {
  #company = "";
  /** @type {Link | null} */ #link = null;
  /** @type {any} */ #live = null; // the desk's latest message: its question is the open one
  /** @type {string[]} */ #wishes = []; // picks to make as soon as they are offered
  #topic = "";
  #draft = ""; // typed and not sent
  #last = ""; // sent last: stays in the field when it is rejected
  #busy = false; // an answer is under way: a second one would answer the next question
  #acted = false; // the visitor did something here, so the focus may follow
  #submitting = false;
  #offline = false;
  #drawing = 0;

  /** @param {{host: any, api: URL, site: string, locale: string, tell: (name: string, detail?: object) => void}} given */
  constructor({ host, api, site, locale, tell }) {
    this.host = host;
    this.api = api;
    this.site = site;
    this.tell = tell;
    const acts = { close: () => this.close(), language: this.setLocale.bind(this), privacy: () => this.#rights() };
    this.parts = shell(acts);
    this.said = new Transcript(this.parts.log, this.parts.talk);
    this.#speak(locale);
    host.shadowRoot.prepend(this.parts.dialog);
    this.parts.dialog.addEventListener("close", () => this.#closed());
    this.parts.dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
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

  close() {
    this.parts.dialog.close();
  }

  toggle() {
    return this.parts.dialog.open ? this.close() : this.open();
  }

  /** Open with a topic: chosen at once where the topic is what is asked. @param {{topic?: string}} wish */
  start({ topic = "" }) {
    if (!this.#link) this.#topic = topic;
    else if (topic) this.#wishes = [`topic:${topic}`];
    this.open();
    this.#draw();
  }

  /** Leave this conversation and begin another; what the desk keeps of it stays until it is erased there. */
  reset() {
    this.#link?.end();
    this.#link = null;
    this.#clear();
    if (this.parts.dialog.open) this.#begin();
  }

  /** @param {string} locale */
  setLocale(locale) {
    if (this.#link?.begun) this.#wish(LANGUAGES[/** @type {"en"} */ (locale)] || locale, "command:language", `language:${locale}`);
    else this.#speak(locale);
  }

  #show() {
    const { dialog } = this.parts;
    if (dialog.open) dialog.close();
    if (window.matchMedia(PHONE).matches) dialog.showModal();
    else dialog.show();
  }

  #closed() {
    if (this.parts.dialog.open) return; // it only changed between modal and not
    this.host.shown(false);
    this.host.focusLauncher();
    this.tell("closed");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter" && event.repeat) event.preventDefault(); // a held key must not answer the next question
    if (event.key === "Escape" && !event.isComposing) {
      event.preventDefault();
      this.close();
    }
  }

  #begin() {
    const on = {
      session: (/** @type {any} */ { locale, company }) => this.#speak(locale, company),
      welcome: (/** @type {any} */ { locale }) => this.#speak(locale),
      message: this.#message.bind(this), ack: this.#acked.bind(this), refused: this.#refused.bind(this),
      typing: this.#typing.bind(this), erased: this.#erased.bind(this), state: this.#state.bind(this),
    };
    this.#link = new Link({ api: this.api, site: this.site, on });
    void this.#link.begin(this.locale, this.#topic);
    this.#topic = "";
  }

  /** Speak a language, and name the company once it is known. @param {string} locale @param {string} [company] */
  #speak(locale, company = this.#company) {
    this.#company = company;
    this.locale = isChinese(locale) ? "zh-CN" : locale;
    this.w = wordsFor(this.locale);
    this.parts.speak(this.w, this.locale, this.#company);
    this.host.locale = this.locale;
    this.host.shown(this.parts.dialog.open);
  }

  #clear() {
    this.said.clear();
    this.parts.now.replaceChildren();
    this.parts.foot.replaceChildren();
    this.#wishes = [];
    this.#live = null;
    this.#busy = this.#submitting = false;
    this.#last = "";
    this.parts.trouble("");
    this.#back();
  }

  /** @param {any} frame */
  #message(frame) {
    const underField = frame.rejected && frame.expects.kind !== "review"; // it stands there instead
    if (!underField) this.said.show(frame, this);
    if (frame.from === "bot" && frame.seq >= (this.#live?.seq || 0)) this.#asked(frame);
    if (frame.from === "bot" || frame.from === "staff") this.tell("message", { from: frame.from, seq: frame.seq });
  }

  /** @param {any} frame */
  #asked(frame) {
    this.#live = frame;
    this.#busy = true; // until the new question is drawn
    if (frame.rejected && !this.#draft) this.#draft = this.#last;
    const { kind } = frame.expects;
    if (this.#submitting && kind === "none") this.tell("submitted");
    this.#submitting = false;
    clearTimeout(this.#drawing);
    this.#drawing = setTimeout(() => this.#draw(), SETTLED);
  }

  #draw() {
    if (!this.#live) return undefined;
    this.#busy = false;
    const offered = (this.#live.expects.options || []).map((/** @type {any} */ one) => one.value);
    const [wish, ...later] = this.#wishes;
    this.#wishes = offered.includes(wish) ? later : [];
    if (offered.includes(wish)) return this.#pick(wish, this.#live.expects.options[offered.indexOf(wish)].label);
    const { now, foot } = this.parts;
    const active = this.host.shadowRoot.activeElement;
    const follow = this.#acted || now.contains(active) || foot.contains(active);
    const talk = {
      w: this.w, locale: this.locale, draft: this.#draft, say: this.#say.bind(this), pick: this.#pick.bind(this),
      typed: (/** @type {string} */ text) => void (this.#draft = text),
    };
    const { card, composer, focus } = draw(this.#live, talk);
    now.replaceChildren(...(card ? [card] : []));
    foot.replaceChildren(...(composer ? [composer] : []));
    if (follow && focus && this.parts.view.hidden) focus.focus({ preventScroll: true });
    this.#acted = false;
    return this.said.follow();
  }

  /** @param {string} text */
  #say(text) {
    if (this.#busy || !this.#link) return false;
    this.#draft = "";
    this.#last = text;
    this.#send({ type: "say", text }, text);
    this.#busy = this.#live.expects.kind !== "none";
    return true;
  }

  /** @param {string} value @param {string} label @param {object} [more] */
  #pick(value, label, more = {}) {
    if (this.#busy || !this.#link) return;
    this.#send({ type: "pick", value, ...more }, label);
    this.#busy = true;
  }

  /** @param {{type: "say" | "pick"}} what @param {string} text */
  #send(what, text) {
    this.#acted = true;
    this.parts.tell("");
    this.said.send(/** @type {Link} */ (this.#link).send(what), text, this);
  }

  /** Pick something, and then what it leads to, as soon as that is offered. @param {string} label @param {...string} values */
  #wish(label, ...values) {
    this.#back();
    this.#pick(values[0], label);
    this.#wishes = values.slice(1);
  }

  /** @param {import("./link.js").Sent} sent */
  #acked({ id, value = "" }) {
    this.said.acked(id);
    const [kind, what] = value.split(":");
    if (kind === "language") this.#speak(what);
    if (kind === "consent" && what !== "policy") this.tell("consent", { decision: what });
    this.#submitting = value === "review:send";
    const answered = this.#live;
    setTimeout(() => answered === this.#live && (this.#busy = false), ANSWER_SOON);
  }

  /** @param {import("./link.js").Sent | undefined} sent @param {string} code */
  #refused(sent, code) {
    this.tell("error", { code });
    const text = this.w[/** @type {"fault"} */ (`fault_${code}`)] || this.w.fault;
    if (!sent) return code === "offline" || this.#link?.begun ? undefined : this.parts.trouble(text, this.w.again, () => this.reset());
    this.said.drop(sent.id);
    this.#busy = false;
    this.#wishes = [];
    if (sent.type === "say") this.#draft ||= sent.text || "";
    this.#draw();
    return this.parts.trouble(text);
  }

  /** @param {string} from */
  #typing(from) {
    this.parts.tell(from === "staff" ? this.w.typing : "");
    setTimeout(() => this.parts.status.textContent === this.w.typing && this.parts.tell(""), TYPING_SHOWN);
  }

  /** @param {any} certificate */
  #erased(certificate) {
    if (certificate.scope !== "all") {
      this.said.append(certificateCard(certificate, this));
      return this.#link?.replay();
    }
    this.#link?.end();
    this.#draft = "";
    this.#clear();
    const card = certificateCard(certificate, this);
    this.parts.now.replaceChildren(card, button(this.w.restart, () => this.reset()));
    return card.querySelector(".title").focus();
  }

  /** @param {import("./link.js").State} state */
  #state(state) {
    const { w } = this;
    const broken = state === "offline" || state === "stuck";
    this.parts.bar.textContent = broken ? w.offline : "";
    this.parts.tell(state === "opening" ? w.opening : state === "online" && this.#offline ? w.online : "");
    this.#offline = broken;
    if (state === "online") this.parts.trouble("");
    if (state === "stuck") this.parts.trouble(this.#link?.waiting ? w.stuck : "", w.again, () => this.#link?.retry());
    if (state === "failed") this.parts.trouble(w.failed, w.again, () => this.reset());
    if (state === "expired" || state === "ended")
      this.parts.trouble(state === "ended" ? w.over : w.expired, w.restart, () => this.#restart());
  }

  /** Begin anew with what was typed and could not be sent any more. */
  #restart() {
    if (this.#link?.waiting) this.#draft ||= this.#last;
    this.reset();
  }

  #rights() {
    const { view, talk, foot, privacy } = this.parts;
    if (!view.hidden || !this.#link) return this.#back();
    view.replaceChildren(myData({
      w: this.w, locale: this.locale, site: this.api, say: this.parts.tell, wish: this.#wish.bind(this),
      ask: (path) => /** @type {Link} */ (this.#link).fetch(path),
      back: () => (this.#back(), privacy.focus()),
    }));
    talk.hidden = foot.hidden = true;
    view.hidden = false;
    view.querySelector(".title").focus({ preventScroll: true });
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
