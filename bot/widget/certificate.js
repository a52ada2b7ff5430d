// @ts-check
// The certificate of an erasure: what went, what stays and why, and the file that proves it without us.

import { button, h, heading, icon } from "./elements.js";
import { saveAs } from "./mydata.js";
import { day, fill } from "./words.js";

/** @param {import("./frames").Certificate} certificate @param {import("./transcript.js").Tongue} tongue */
export function certificateCard(certificate, { w, locale }) {
  const title = heading("h3", w.erased);
  title.classList.add("ok");
  title.prepend(icon("done"));
  const named = (/** @type {string} */ what, why = "") =>
    w.what[/** @type {"fields"} */ (what)] || (why ? what + w.colon + why : what);
  const stays = certificate.remaining.map(({ what, why }) => named(what, why));
  const list = (/** @type {string} */ name, /** @type {string[]} */ items) =>
    items.length ? [h("h3", { class: "sub" }, name), h("ul", {}, ...items.map((item) => h("li", {}, item)))] : [];
  return h(
    "section",
    { class: "card" },
    title,
    h("p", {}, w.certificate + w.colon, h("code", {}, certificate.id)),
    ...list(
      w.gone,
      certificate.destroyed.map((what) => named(what)),
    ),
    ...list(w.stays, [...stays, backups(certificate.backups, w, locale)].filter(Boolean)),
  );
}

/**
 * What becomes of copies in backups.
 * @param {import("./frames").Certificate["backups"]} backups @param {import("./sayings.js").Words} w
 * @param {string} locale
 */
const backups = ({ due, done }, w, locale) =>
  done ? fill(w.backupsDone, { at: day(done, locale) }) : due ? fill(w.backupsDue, { at: day(due, locale) }) : "";

/** @param {import("./frames").Certificate} certificate @param {import("./sayings.js").Words} w */
export const saveButton = (certificate, w) =>
  button(w.saveCertificate, () =>
    saveAs(new Blob([JSON.stringify(certificate, null, 2)], { type: "application/json" }), "erasure-certificate.json"),
  );
