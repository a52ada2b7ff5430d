// @ts-check
// The panel: it opens and closes, speaks a language, and fetches what is needed for talking.

import looks from "./panel.css" with { type: "css" };
import { shell } from "./shell.js";
import { firstWords, language } from "./words.js";

const PHONE = "(max-width: 480px)"; // there the panel fills the screen and is modal

/** @typedef {import("./conversation.js").Conversation} Conversation what is fetched while the panel opens */

export class Panel {
  /** @type {typeof import("./talk.js") | null} */ #talk = null;
  /** @type {Conversation | null} */ #chat = null;
  /** @type {Record<string, string>} */ #companies = {}; // the company's name by language
  #topic = "";
  #phone = window.matchMedia(PHONE);

  /**
   * @param {{
   *   host: import("./shell.js").Host,
   *   api: URL,
   *   site: string,
   *   tell: (name: string, detail?: object) => void,
   * }} given
   */
  constructor({ host, api, site, tell }) {
    this.host = host;
    this.api = api;
    this.site = site;
    this.tell = tell;
    this.parts = shell({
      close: this.close,
      language: this.setLocale.bind(this),
      privacy: () => (this.#chat ? this.#chat.showRights() : this.elsewhere()),
    });
    this.locale = "";
    // The rest of the words comes with talk.js.
    /** @type {import("./sayings.js").Words} */ this.w = /** @type {any} */ (firstWords(host.locale));
    this.speak(host.locale);
    host.root.adoptedStyleSheets.push(looks);
    host.root.prepend(this.parts.dialog);
    this.parts.dialog.addEventListener("close", () => this.#closed());
    this.parts.title.autofocus = true; // what the dialog gives the focus to whenever it opens
    this.#phone.addEventListener("change", () => this.parts.dialog.open && this.#show());
  }

  open(topic = "") {
    if (this.parts.dialog.open) return;
    this.#show();
    this.host.shown(true);
    this.tell("opened");
    if (!this.#chat) this.#begin();
    else this.#chat.shown(topic);
  }

  close = () => this.parts.dialog.close();
  toggle = () => (this.parts.dialog.open ? this.close() : this.open());

  /** Open with a topic: chosen at once where the topic is what is asked. @param {{topic?: string}} wish */
  start({ topic = "" }) {
    if (!this.#chat) this.#topic = topic;
    this.open(topic);
    this.#chat?.question.about(topic);
  }

  /**
   * Begin another conversation. What the desk keeps of this one stays there; what could not be sent stays in the field.
   */
  reset() {
    if (this.#chat) this.#chat.reset();
    else if (this.parts.dialog.open) this.#begin();
  }

  /** @param {string} locale */
  setLocale(locale) {
    const spoken = language(locale);
    if (!this.#chat?.begun) return this.speak(locale);
    return spoken === language(this.locale) ? undefined : this.#chat.language(spoken);
  }

  /** The page that gives the same rights by a code. */
  get mine() {
    return new URL(`/my-data?lang=${this.locale}`, this.api).href;
  }
  elsewhere = () => void window.open(this.mine, "_blank", "noopener");

  /**
   * Speak a language, and name the company once it is known.
   * @param {string} locale @param {Record<string, string>} [companies]
   */
  speak(locale, companies = this.#companies) {
    const spoken = language(locale) === "zh-CN" ? "zh-CN" : locale;
    this.w = /** @type {import("./sayings.js").Words} */ ((this.#talk?.wordsFor || firstWords)(locale));
    if (spoken === this.locale && companies === this.#companies) return; // all is labelled so already
    this.#companies = companies;
    this.host.locale = this.locale = spoken;
    this.parts.speak(this.w, spoken, companies[spoken] || companies[""]);
    this.host.shown(this.parts.dialog.open);
  }

  /** Modal or not, by the room there is; when that changes, what has the focus keeps it, and the view its place. */
  #show() {
    const { dialog, talk, view } = this.parts;
    const { open } = dialog;
    const { activeElement } = this.host.root;
    const places = /** @type {[HTMLElement, number][]} */ ([talk, view].map((one) => [one, one.scrollTop]));
    if (open) dialog.close();
    if (this.#phone.matches) dialog.showModal();
    else dialog.show();
    if (!open) return;
    /** @type {HTMLElement | null} */ (activeElement)?.focus({ preventScroll: true });
    for (const [one, top] of places) one.scrollTop = top;
  }

  /** The browser itself gives the focus back to what opened the panel, unless it is elsewhere already. */
  #closed() {
    if (this.parts.dialog.open) return; // it only changed between modal and not
    this.host.shown(false);
    this.tell("closed");
  }

  async #begin() {
    const { tell, trouble } = this.parts;
    tell(this.w.opening);
    try {
      await this.#load();
      this.#chat?.begin(this.#topic);
      this.#topic = "";
    } catch {
      tell("");
      trouble(this.w.failed, this.w.again, () => this.reset());
    }
  }

  /** Fetch what is needed for talking. */
  async #load() {
    const talk = await import("./talk.js");
    if (this.#talk) return;
    this.#talk = talk;
    this.host.root.adoptedStyleSheets.push(talk.looks);
    this.speak(this.locale);
    this.#chat = new talk.Conversation(this);
  }
}
