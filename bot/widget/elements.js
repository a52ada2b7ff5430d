// @ts-check
// Elements made without markup: no text of anybody is ever read as HTML.

/**
 * @typedef {Node | string | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

/**
 * Make an element. `onclick` and the like become listeners, true an empty attribute, false and null nothing.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child != null && child !== false)));
  return element;
}

const PATHS = {
  close: "M6 6l12 12M18 6L6 18",
  send: "M5 12h14M13 6l6 6-6 6",
  warning: "M12 4l9 16H3zM12 10v4M12 17.2v.3",
  done: "M5 12.5l4.5 4.5L19 7.500",
};

/** Return a line icon, which says nothing to screen readers. @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** @param {string} label @param {() => void} act @param {string} [look] @param {Attributes} [more] */
export const button = (label, act, look = "outline", more = {}) =>
  h("button", { type: "button", class: look, onclick: act, ...more }, label);

/**
 * Keep the focus ring for controls: a heading that takes focus shows none.
 * @param {"h2" | "h3"} tag @param {string} text
 */
export const heading = (tag, text) => h(tag, { tabindex: -1, class: "title" }, text);

/** Put the focus on a card's heading. @param {Element} card */
export const focusTitle = (card) =>
  /** @type {HTMLElement | null} */ (card.querySelector(".title"))?.focus({ preventScroll: true });

/** @param {{sensitive: string}} w */
export const badge = (w) => h("span", { class: "badge" }, w.sensitive);

/** A link that leaves the conversation open. @param {string} url @param {string} text @param {{newTab: string}} w */
export const away = (url, text, w) =>
  h("a", { href: url, target: "_blank", rel: "noopener" }, text, h("span", { class: "sr" }, w.newTab));

/**
 * An offered option as a button. @param {import("./frames").Option} one
 * @param {{pick: (value: string, label: string) => void}} talk @param {string} look
 */
export const option = (one, talk, look) => button(one.label, () => talk.pick(one.value, one.label), look);
