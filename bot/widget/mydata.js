// @ts-check
// "Privacy and my data": what is kept, and every right one button away. It opens over the conversation.

import { recordRows } from "./cards.js";
import { away, button, h, heading } from "./elements.js";
import { rememberButton } from "./remember.js";

/**
 * @typedef {import("./transcript.js").Tongue & {site: URL, link: import("./link.js").Link,
 *   wish: (label: string, ...values: string[]) => void,
 *   back: () => void, say: (status: string) => void}} Rights
 */

/**
 * Draw the view; what is kept is read from the desk each time it is opened.
 * @param {Rights} rights @returns {HTMLElement}
 */
export function myData(rights) {
  const { w } = rights;
  const kept = h("div", { class: "kept" });
  const remember = rememberButton(rights);
  remember.hidden = !rights.link.remembered;
  void show(rights, kept, remember);
  return h(
    "section",
    { class: "mine" },
    button(w.back, rights.back, "outline back"),
    heading("h3", w.mine),
    kept,
    h(
      "div",
      { class: "stack" },
      ...copies(rights, "export"),
      ...copies(rights, "receipts"),
      button(w.withdrawing, () => rights.wish(w.withdrawing, "command:withdraw")),
      remember,
      button(w.delete, () => rights.wish(w.delete, "command:delete"), "danger"),
    ),
    h("p", { class: "hint" }, away(new URL("/policy", rights.site).href, w.policies, w)),
  );
}

/**
 * The buttons that save a copy: all of it, or the receipts alone.
 * @param {Rights} rights @param {string} what "export" or "receipts"
 */
function copies(rights, what) {
  const { w } = rights;
  const save = (/** @type {string} */ label, /** @type {string} */ path, /** @type {string} */ name) =>
    button(label, () => void download(rights, path, name));
  if (what === "receipts") return [save(w.receipts, "me/receipts", "consent-receipts.json")];
  return [
    save(w.download, "me/export?format=html", "my-data.html"),
    save(w.downloadJson, "me/export?format=json", "my-data.json"),
  ];
}

/** What was asked for in the conversation waits under it. @param {Rights} rights @param {string} what */
export const handed = (rights, what) => h("div", { class: "stack handed" }, ...copies(rights, what));

/**
 * @param {Rights} rights @param {HTMLElement} kept @param {HTMLElement} remember offered where something was agreed to
 */
async function show(rights, kept, remember) {
  const { w } = rights;
  const correct = (/** @type {import("./frames").Held} */ row) =>
    row.correctable &&
    button(w.correct, () => rights.wish(w.correct, "command:correct", `correct:${row.field}`), "link", {
      "aria-label": w.correct + w.colon + row.label,
    });
  const withdraw = (/** @type {import("./frames").Decided} */ one) =>
    one.decision === "agreed" &&
    button(w.withdraw, () => rights.wish(w.withdraw, "command:withdraw", `withdraw:${one.purpose}`), "link", {
      "aria-label": w.withdraw + w.colon + one.label,
    });
  try {
    const answer = await rights.link.fetch("me");
    if (!answer.ok) throw new Error(String(answer.status));
    const record = /** @type {import("./frames").Kept} */ (await answer.json());
    const whole = record.masked && button(w.unhide, () => rights.wish(w.unhide, "command:verify"));
    remember.hidden &&= !record.consents.some((one) => one.decision === "agreed");
    kept.replaceChildren(...(whole ? [whole] : []), recordRows(record, rights, { correct, withdraw }));
  } catch {
    kept.replaceChildren(h("p", { class: "hint" }, w.unread));
  }
}

/**
 * Save an answer of the desk as a file; nothing of it stays in the page.
 * @param {Rights} rights @param {string} path @param {string} name
 */
async function download(rights, path, name) {
  try {
    const answer = await rights.link.fetch(path);
    if (answer.status === 403) return rights.wish(rights.w.download, "command:verify"); // a code first
    if (!answer.ok) throw new Error(String(answer.status));
    saveAs(await answer.blob(), name);
    return rights.say(rights.w.saved);
  } catch {
    return rights.say(rights.w.notSaved);
  }
}

/** Have the browser save something as a file. @param {Blob} file @param {string} name */
export function saveAs(file, name) {
  const url = URL.createObjectURL(file);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
