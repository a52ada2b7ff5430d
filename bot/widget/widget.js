// @ts-check
// The loader: a launcher button, and `window.askfirst`. Everything else is fetched when the visitor means to open.
// Before that: one request (this file), nothing stored, nothing asked of anybody.
/** @import { Panel } from "./panel.js" */
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  if (!script || window.customElements.get("askfirst-desk")) return;
  const at = (/** @type {string} */ name) => new URL(`widget/0/${name}`, script.src).href; // the server puts a version for 0
  const settings = { api: new URL("api/v1/", script.src), site: script.dataset.site || "default" };

  const SHEET = `:host{all:initial}
    #launcher{position:fixed;z-index:2147483000;right:20px;bottom:20px;width:56px;height:56px;padding:0;border:0;
      border-radius:50%;background:#155fa8;color:#fff;cursor:pointer;box-shadow:0 4px 14px #0004}
    #launcher:hover{background:#0f4c89}
    #launcher:focus-visible{outline:3px solid #fff;box-shadow:0 0 0 6px #155fa8}
    #launcher svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:2;vertical-align:middle}
    @media (prefers-color-scheme:dark){#launcher{background:#8bbdf2;color:#0b1520}#launcher:hover{background:#a9cff8}
      #launcher:focus-visible{outline-color:#12181f;box-shadow:0 0 0 6px #8bbdf2}}
    @media (forced-colors:active){#launcher{border:2px solid ButtonText}}
    @media print{:host{display:none}}`;
  const NAMES = { en: ["Open the chat", "Close the chat"], zh: ["打开咨询窗口", "关闭咨询窗口"] };
  const BUBBLE = "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5ZM9 10.5h7M9 14h5";

  /** Tell the page what happened; never what anybody said. @param {string} name @param {object} [detail] */
  const tell = (name, detail = {}) => window.dispatchEvent(new CustomEvent(`askfirst:${name}`, { detail }));

  /** @param {string} css */
  const sheet = (css) => {
    const made = new CSSStyleSheet();
    made.replaceSync(css);
    return made;
  };

  class Desk extends HTMLElement {
    root = this.attachShadow({ mode: "open" });
    locale = document.documentElement.lang || navigator.language;
    #launcher = document.createElement("button");
    /** @type {Promise<Panel> | undefined} */ #panel;
    /** @type {Promise<[{Panel: typeof Panel}, unknown, string]> | undefined} */ #code;

    constructor() {
      super();
      const { root } = this;
      root.adoptedStyleSheets = [sheet(SHEET)];
      const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      icon.setAttribute("viewBox", "0 0 24 24");
      icon.setAttribute("aria-hidden", "true");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", BUBBLE);
      icon.append(path);
      this.#launcher.id = "launcher";
      this.#launcher.type = "button";
      this.#launcher.setAttribute("aria-haspopup", "dialog");
      this.#launcher.append(icon);
      root.append(this.#launcher);
      this.#launcher.addEventListener("click", () => this.toggle());
      for (const hint of ["pointerenter", "focus", "touchstart"])
        this.#launcher.addEventListener(hint, () => this.#warm(), { once: true, passive: true });
      this.shown(false);
    }

    /** Fetch the code, all of it at once; no session begins by that. */
    #warm() {
      this.#code ||= Promise.all([
        import(at("panel.js")),
        import(at("talk.js")),
        fetch(at("panel.css")).then((answer) => answer.text()),
      ]);
      this.#code.catch(() => (this.#code = this.#panel = undefined)); // the next click tries again
      return this.#code;
    }

    #ready() {
      this.#panel ||= this.#warm().then(([{ Panel }, , css]) => {
        this.root.adoptedStyleSheets.push(sheet(css));
        return new Panel({ host: this, ...settings, locale: this.locale, tell });
      });
      return this.#panel;
    }

    /** Say whether the panel is open, in the launcher's name and state. @param {boolean} open */
    shown(open) {
      const names = /^zh/i.test(this.locale) ? NAMES.zh : NAMES.en;
      this.#launcher.lang = names === NAMES.zh ? "zh-CN" : "en";
      this.#launcher.setAttribute("aria-label", names[open ? 1 : 0]);
      this.#launcher.setAttribute("aria-expanded", String(open));
    }

    focusLauncher() {
      this.#launcher.focus();
    }

    /** @param {(panel: Panel) => void} wish */
    async #with(wish) {
      try {
        wish(await this.#ready());
      } catch {
        tell("error", { code: "not_loaded" });
      }
    }

    open = () => this.#with((panel) => panel.open());
    close = () => this.#panel && this.#with((panel) => panel.close());
    toggle = () => this.#with((panel) => panel.toggle());
    reset = () => this.#panel && this.#with((panel) => panel.reset());
    /** @param {{topic?: string}} [wish] */
    start = (wish = {}) => this.#with((panel) => panel.start(wish));
    /** @param {string} locale */
    setLocale = (locale) => {
      this.locale = locale;
      if (this.#panel) return this.#with((panel) => panel.setLocale(locale));
      return this.shown(false);
    };
  }
  customElements.define("askfirst-desk", Desk);

  const begin = () => {
    const { open, close, toggle, setLocale, start, reset } = document.body.appendChild(new Desk());
    Object.assign(window, { askfirst: Object.freeze({ open, close, toggle, setLocale, start, reset }) });
    tell("ready");
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
