// @ts-check
// Elements made without markup, and words with values in them: no text of anybody is ever read as HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Make an element. `onclick` and the like become listeners, true an empty attribute, false and null nothing.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Child | Child[])} children @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  const there = children.flat().filter((child) => child != null && child !== false);
  element.append(.../** @type {(Node | string)[]} */ (there));
  return element;
}

/** @param {string} label @param {() => unknown} act @param {string} [look] @param {Record<string, any>} [more] */
export const button = (label, act, look = "", more = {}) =>
  h("button", { type: "button", class: look, onclick: act, ...more }, label);

/** Put values into a text's braces. @param {string} text @param {Record<string, any>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** Write a time as the page's language does. @param {string} at */
export const when = (at) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
