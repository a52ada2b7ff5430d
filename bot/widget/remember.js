// @ts-check
// "Remember me on this device" (S8): offered once a consultation was sent, and under "my data"; nothing is kept before.

import { button, h } from "./elements.js";

/**
 * @typedef {{link: import("./link.js").Link, w: import("./sayings.js").Words, say: (status: string) => void}} Device
 */

/** Have this browser remembered, or forgotten. @param {import("./link.js").Link} link @param {boolean} remember */
export async function keepDevice(link, remember) {
  const body = JSON.stringify({ site: link.site, remember });
  const answer = await link.fetch("sessions", { method: "POST", body, credentials: "include" });
  if (!answer.ok) throw new Error(String(answer.status));
  link.remembered = Boolean(/** @type {import("./frames").Session} */ (await answer.json()).remembered);
}

/** The button that has this browser remembered, or forgets it again. @param {Device} device @param {string} [look] */
export function rememberButton({ link, w, say }, look = "outline") {
  const one = button(
    link.remembered ? w.forget : w.remember,
    async () => {
      const wish = !link.remembered;
      try {
        await keepDevice(link, wish);
        say(link.remembered ? w.remembered : wish ? w.notRemembered : w.forgotten);
      } catch {
        say(w.fault);
      }
      one.textContent = link.remembered ? w.forget : w.remember;
    },
    look,
  );
  return one;
}

/** The offer after a consultation. @param {Device} device */
export const rememberOffer = (device) =>
  h("div", { class: "offer" }, h("p", { class: "hint" }, device.w.rememberHint), rememberButton(device, "link"));
