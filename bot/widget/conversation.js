// @ts-check
// The conversation: it shows what the desk says, sends what the visitor answers, and does what follows from either.

import { announce } from "./banner.js";
import { certificateCard, saveButton } from "./certificate.js";
import { ConnectionNews, STATUS_SHOWN } from "./connection.js";
import { button, focusTitle, h } from "./elements.js";
import { Keys } from "./keys.js";
import { Link } from "./link.js";
import { myData } from "./mydata.js";
import { Question } from "./question.js";
import { keepDevice } from "./remember.js";
import { Transcript } from "./transcript.js";
import { tellVisit } from "./visit.js";
import { LANGUAGES } from "./words.js";

/** @import * as Frames from "./frames" */

export class Conversation {
  /** @type {Link | null} */ link = null;
  #submitting = false; // the review was sent
  #reread = false; // a code was typed: what was hidden may be shown next
  #erased = false; // everything was
  #told = 0; // the highest message that the page was told of

  /** @param {import("./panel.js").Panel} panel */
  constructor(panel) {
    this.panel = panel;
    this.parts = panel.parts;
    this.said = new Transcript(this.parts.log, this.parts.talk);
    this.question = new Question(this);
    this.connection = new ConnectionNews(this);
    this.keys = new Keys(this.parts.dialog);
  }

  get w() {
    return this.panel.w;
  }

  get locale() {
    return this.panel.locale;
  }

  get begun() {
    return Boolean(this.link?.begun);
  }

  /** What "remember me on this device" needs. @returns {import("./remember.js").Device} */
  get device() {
    return { link: /** @type {Link} */ (this.link), w: this.w, say: this.parts.tell };
  }

  /**
   * @param {string} topic or ""
   * @param {boolean} [fresh] another conversation than the one that this browser is remembered by
   */
  begin(topic, fresh = false) {
    if (this.link) return;
    const { panel } = this;
    this.#erased = false;
    this.link = new Link({
      api: panel.api,
      site: panel.site,
      on: {
        session: (session) => this.#opened(session),
        welcome: ({ locale }) => panel.speak(locale),
        message: (frame) => this.#message(frame),
        ack: (sent) => this.#acked(sent),
        refused: (sent, code) => this.#refused(sent, code),
        typing: (from) => this.#typing(from),
        erased: (certificate) => this.#forgotten(certificate),
        state: (state) => this.#state(state),
      },
    });
    this.link.begin(this.locale, topic, fresh);
  }

  reset() {
    const inside = this.parts.dialog.contains(this.panel.host.root.activeElement);
    this.question.unsaid(this.link?.unsent);
    this.link?.end();
    this.link = null;
    this.#clear();
    if (inside) this.parts.title.focus({ preventScroll: true }); // as on opening
    if (this.parts.dialog.open) this.begin("", true);
  }

  /** The panel is open again. @param {string} topic or "" */
  shown(topic) {
    if (this.link) this.said.follow();
    else this.begin(topic, true); // the page has reset it
  }

  /** @param {string} locale */
  language(locale) {
    const label = LANGUAGES[/** @type {"en"} */ (locale)] || locale;
    this.wish(label, "command:language", `language:${locale}`);
  }

  /** @param {Frames.Session} session */
  #opened(session) {
    const { locale, company, companies = {}, resumed } = session;
    this.panel.speak(locale, { "": company, ...companies });
    announce(session, this);
    if (resumed) this.connection.anew = false;
  }

  /** @param {import("./frames").LinkState} state */
  #state(state) {
    if (state === "ended") this.keys.held(() => this.#end());
    this.connection.say(state);
  }

  #clear() {
    this.said.clear();
    this.question.clear();
    this.#told = 0;
    this.#submitting = false;
    this.parts.trouble("");
    this.back();
  }

  /** Everything was erased: nothing of it stays here to be seen, or sent. */
  #end() {
    this.link?.end();
    this.#clear();
    this.question.forget();
  }

  /** @param {string} from */
  #typing(from) {
    if (from === "staff") this.parts.tell(this.w.typing, STATUS_SHOWN);
  }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.erased) {
      this.said.show(frame, this);
      return;
    }
    if (frame.from === "bot") this.#heard(frame);
    else this.#spoken(frame);
    if (frame.from === "visitor" || frame.seq <= this.#told) return;
    this.#told = frame.seq;
    this.panel.tell("message", { from: frame.from, seq: frame.seq });
  }

  /** The desk says something. @param {Frames.FromBot} frame */
  #heard(frame) {
    const newest = this.question.live?.seq || 0;
    if (frame.seq > newest && frame.locale !== this.locale) this.panel.speak(frame.locale);
    const beneath = frame.rejected && frame.expects.kind !== "review"; // it stands under the field
    if (!beneath) this.said.show(frame, this);
    if (frame.seq >= newest) this.#asked(frame);
  }

  /** A person says something. @param {Frames.FromVisitor | Frames.FromStaff} frame */
  #spoken(frame) {
    const below = this.said.show(frame, this);
    if (frame.from === "visitor") this.question.passed();
    else this.#answered(frame.seq, below);
  }

  /**
   * A colleague's words are seen when the conversation is; else they are marked until it is.
   * @param {number} seq @param {boolean} below
   */
  #answered(seq, below) {
    const { open } = this.parts.dialog;
    const away = this.parts.view.isConnected || !open;
    if (away) this.said.mark(seq, this);
    if (!open) this.panel.host.shown(false, this.w.unseen);
    this.parts.tell(open && (away || below) ? this.w.answered : ""); // typing has come to its end
  }

  /** @param {Frames.FromBot} frame */
  #asked(frame) {
    if (this.#reread && frame.expects.kind !== "code") this.link?.replay();
    this.#reread = false;
    const sent = this.#submitting && frame.expects.kind === "none";
    this.#submitting = false;
    this.question.ask(frame, sent);
    if (sent) this.panel.tell("submitted");
  }

  /** @param {Frames.Say | Frames.Pick} what @param {string} text as it stands in the conversation */
  send(what, text) {
    this.parts.tell("");
    this.said.send(/** @type {Link} */ (this.link).send(what), text, this);
  }

  /**
   * Pick something from anywhere in the panel, and then what it leads to.
   * @param {string} label @param {...string} values
   */
  wish(label, ...values) {
    this.back();
    this.question.wish(label, values);
  }

  /** @param {Frames.Sent} sent */
  #acked(sent) {
    const { live } = this.question;
    const value = sent.type === "pick" ? sent.value : "";
    const [kind, what = ""] = value.split(":");
    this.said.acked(sent.id);
    tellVisit(sent, live, this.link);
    if (kind === "language") this.panel.speak(what);
    if (kind === "consent" && what !== "policy") this.panel.tell("consent", { decision: what });
    this.#submitting = value === "review:send";
    this.#reread = sent.type === "say" && live?.expects.kind === "code";
    this.question.acked(sent);
  }

  /** @param {Frames.Sent | undefined} sent @param {string} code the detail is for programs */
  #refused(sent, code) {
    this.panel.tell("error", { code });
    const text = this.w[/** @type {"fault"} */ (`fault_${code}`)] || this.w.fault;
    if (sent) {
      this.said.drop(sent.id);
      this.question.refused(sent);
      this.parts.trouble(text);
    } else if (code !== "offline" && !this.begun) {
      this.parts.trouble(text, this.w.again, () => this.reset());
    }
  }

  /** @param {Frames.Certificate} certificate */
  #forgotten(certificate) {
    const card = certificateCard(certificate, this);
    if (certificate.scope === "all") {
      this.#allForgotten(certificate, card);
      return;
    }
    this.said.append(card);
    this.question.hand(certificate);
    this.link?.replay();
  }

  /** @param {Frames.Certificate} certificate @param {HTMLElement} card */
  #allForgotten(certificate, card) {
    if (this.link?.remembered) keepDevice(this.link, false).catch(() => {}); // the cookie goes too
    this.#end();
    this.#erased = true;
    const restart = button(this.w.restart, () => this.reset());
    const actions = h("div", { class: "stack handed" }, saveButton(certificate, this.w), restart);
    this.parts.now.replaceChildren(card, actions);
    focusTitle(card);
    this.said.follow();
  }

  /** What "Privacy and my data" needs. @returns {import("./mydata.js").Rights} */
  get rights() {
    const back = () => {
      this.back();
      this.parts.privacy.focus();
    };
    return { ...this.device, locale: this.locale, site: this.panel.api, wish: this.wish.bind(this), back };
  }

  /** Open "Privacy and my data", or close it again. */
  showRights() {
    const { view, talk, foot, tell } = this.parts;
    if (view.isConnected) return this.back();
    if (!this.begun) return this.#erased ? tell(this.w.noneKept) : this.panel.elsewhere();
    view.replaceChildren(myData(this.rights));
    talk.replaceWith(view);
    foot.remove();
    this.said.down.remove();
    return focusTitle(view);
  }

  /** Close "Privacy and my data", if it is open. */
  back() {
    const { view, talk, foot, end } = this.parts;
    if (!view.isConnected) return;
    this.keys.held(() => {
      view.replaceWith(talk);
      view.replaceChildren();
    });
    end.before(foot);
    this.parts.tell("");
    this.said.follow();
  }
}
