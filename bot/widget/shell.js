// @ts-check
// The frame of the panel: header, conversation, open question, foot. It is built once and only relabelled afterwards.

import { button, h, heading, icon } from "./elements.js";
import { LANGUAGES, fill } from "./words.js";

const RIGHT_TO_LEFT = /^(ar|fa|he|ur)\b/;

/**
 * @typedef {{
 *   root: ShadowRoot,
 *   locale: string,
 *   shown: (open: boolean, news?: string) => void,
 *   launcher: HTMLButtonElement,
 * }} Host the launcher
 */

/** @param {{close: () => void, language: (locale: string) => void, privacy: () => void}} acts */
export function shell(acts) {
  const title = heading("h2", "");
  title.id = "title";
  const subtitle = h("p", { class: "hint" });
  const language = button("", () => acts.language(language.lang), "link language");
  const close = button("", acts.close, "close");
  close.append(icon("close"));
  const log = h("div", { role: "log", class: "log" });
  const now = h("div", { class: "now" });
  const talk = h("div", { class: "talk", tabindex: 0, role: "region" }, log, now);
  const view = h("div", { class: "view" }); // takes the place of the conversation
  const bar = h("p", { role: "status", class: "bar" });
  const status = h("p", { role: "status", class: "status hint" });
  const alert = h("p", { role: "alert", class: "fault" });
  const again = button("", () => {}, "filled", { hidden: true });
  const foot = h("div", { class: "foot" });
  const privacy = button("", acts.privacy, "link");
  const end = h("div", { class: "end" }, privacy);
  const keydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && event.repeat) event.preventDefault(); // a held key must not answer the next question
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    acts.close();
  };
  const dialog = h(
    "dialog",
    { "aria-labelledby": "title", onkeydown: keydown },
    h("div", { class: "head" }, h("div", {}, title, subtitle), language, close),
    bar,
    talk,
    status,
    h("div", { class: "trouble" }, alert, again),
    foot,
    end,
  );

  /**
   * Label everything in a language.
   * @param {ReturnType<typeof import("./words.js").firstWords>} w @param {string} locale @param {string} company
   */
  const speak = (w, locale, company) => {
    dialog.lang = locale;
    dialog.dir = RIGHT_TO_LEFT.test(locale) ? "rtl" : "ltr";
    title.textContent = company ? fill(w.title, { company }) : w.automated;
    subtitle.textContent = company ? w.automated : "";
    const [other, name] = Object.entries(LANGUAGES).find(([one]) => one !== locale) || ["en", LANGUAGES.en];
    language.lang = other;
    language.textContent = name;
    close.setAttribute("aria-label", w.close);
    talk.setAttribute("aria-label", w.log);
    log.setAttribute("aria-label", w.log);
    privacy.textContent = w.privacy;
  };

  let fading = 0;
  /** Say what goes on; with `shown`, for so many ms. @param {string} text @param {number} [shown] */
  const tell = (text, shown = 0) => {
    clearTimeout(fading);
    const stands = shown && status.textContent === text; // then it is not read out again
    if (!stands) status.textContent = text;
    if (shown) fading = setTimeout(() => (status.textContent = ""), shown);
  };

  /**
   * Show what went wrong, and the one way on.
   * @param {string} text @param {string} [label] @param {() => void} [act]
   */
  const trouble = (text, label = "", act = () => {}) => {
    if (alert.textContent !== text) alert.textContent = text; // what still holds is not read out again
    if (!label && again.matches(":focus")) title.focus({ preventScroll: true }); // not lost with what was pressed
    again.hidden = !label;
    again.textContent = label;
    again.onclick = act;
    if (text) talk.scrollTop = talk.scrollHeight; // what it is about stays in sight
  };
  return { dialog, title, log, now, talk, view, bar, foot, end, privacy, speak, tell, trouble };
}
