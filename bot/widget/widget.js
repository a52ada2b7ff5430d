// @ts-check
// The loader: a launcher button, and `window.askfirst`. Everything else is fetched when the visitor means to open.
// Before that: one request (this file), nothing stored, nothing asked of anybody.
/** @import { Panel } from "./panel.js" */
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  if (!script || /** @type {any} */ (window).askfirst?.setLocale) return; // an element of that id is no chat
  const {
    site = "default",
    theme = "light dark",
    locale = document.documentElement.lang || navigator.language,
  } = script.dataset;
  // The server puts a version for the 0.
  const parts = new URL("widget/0/", script.src).href;

  // Its own properties are named so that none is registered by the page, and marked so that none is set by it.
  const SHEET = `:host{all:initial!important;display:contents!important;color-scheme:${theme}!important;
--af-accent:var(--askfirst-accent,light-dark(#155fa8,#8bbdf2))!important;
--af-on-accent:var(--askfirst-on-accent,light-dark(#fff,#0b1520))!important}
#launcher{position:fixed;z-index:2147483000;right:20px;bottom:20px;width:56px;height:56px;padding:0;
border:2px solid transparent;border-radius:50%;background:var(--af-accent) border-box;
color:var(--af-on-accent);cursor:pointer;box-shadow:0 4px 14px #0004}
#launcher::before{content:"";display:block;width:22px;height:16px;margin:auto;
border:2px solid;border-radius:9px 9px 9px 2px}
#launcher:not([title=""])::before{content:"!"}
#launcher:focus-visible{outline:3px solid var(--af-on-accent);box-shadow:0 0 0 6px var(--af-accent)}
@media print{:host{display:none!important}}`;

  /** Tell the page what happened; never what anybody said. @param {string} name @param {object} [detail] */
  const tell = (name, detail = {}) => dispatchEvent(new CustomEvent(`askfirst:${name}`, { detail }));

  const desk = document.createElement("askfirst-desk");
  const root = desk.attachShadow({ mode: "open" });
  const launcher = document.createElement("button");
  /** @type {Promise<Panel> | undefined} */ let panel;
  /** @type {Promise<{Panel: typeof Panel}> | undefined} */ let code;

  const host = {
    root,
    locale,
    launcher,
    /**
     * Say whether the panel is open, and what came since, in the launcher's name and state.
     * @param {boolean} open @param {string} [news]
     */
    shown(open, news = "") {
      const lang = (launcher.lang = /^zh/i.test(host.locale) ? "zh-CN" : "en");
      launcher.title = news;
      launcher.ariaLabel =
        (lang === "en" ? `${open ? "Close" : "Open"} the chat` : `${open ? "关闭" : "打开"}咨询窗口`) +
        (news && ` (${news})`);
      launcher.ariaExpanded = `${open}`;
    },
  };

  /** Fetch the code, all of it at once; no session begins by that. */
  const warm = () => {
    if (!code) {
      code = import(parts + "panel.js");
      code.catch(() => (code = panel = undefined));
      // What it needs for talking is on its way behind it; the panel stands before that is here.
      import(parts + "talk.js").catch(() => {});
    }
    return code;
  };

  const start = () => warm().then(({ Panel }) => new Panel({ host, api: new URL("api/v1/", script.src), site, tell }));

  /** Do what the page or the visitor wants once the code is there. @param {(panel: Panel) => void} act */
  const run = (act) =>
    (panel ||= start()).then(act).catch(() => {
      host.shown(false, launcher.lang === "en" ? "not possible now" : "暂时无法打开");
      tell("error", { code: "not_loaded" });
    });

  const askfirst = {
    open: () => run((panel) => panel.open()),
    close: () => panel && run((panel) => panel.close()),
    toggle: () => run((panel) => panel.toggle()),
    reset: () => panel && run((panel) => panel.reset()),
    start: (wish = {}) => run((panel) => panel.start(wish)),
    /** @param {string} locale */
    setLocale(locale) {
      host.locale = locale;
      return panel ? run((panel) => panel.setLocale(locale)) : host.shown(false);
    },
  };

  launcher.id = "launcher";
  launcher.ariaHasPopup = "dialog";
  launcher.onclick = ({ detail }) => detail < 2 && askfirst.toggle(); // a double click opens it once
  for (const hint of ["pointerenter", "focus"]) launcher.addEventListener(hint, warm, { once: true });
  const looks = new CSSStyleSheet();
  looks.replaceSync(SHEET);
  root.adoptedStyleSheets = [looks];
  host.shown(false);
  root.append(launcher);

  (document.body ?? document.documentElement).append(desk);
  Object.assign(window, { askfirst: Object.freeze(askfirst) });
  tell("ready");
})();
