// @ts-check
// What the panel says of the line to the desk: opening, cut, back again, over.

import { away, h } from "./elements.js";

export const STATUS_SHOWN = 5_000; // ms that a passing status is shown; WCAG 2.2.2

/** What is known of the line: whether it is broken, and whether the page was loaded anew and nobody said so yet. */
export class Line {
  #broken = false;
  reloaded = performance.getEntriesByType("navigation").some((one) => /** @type {PerformanceNavigationTiming} */ (one).type === "reload");

  /**
   * @param {import("./link.js").State} state @param {import("./link.js").Link | null} link
   * @param {import("./conversation.js").Conversation} conversation
   */
  say(state, link, conversation) {
    const { parts, w } = conversation, reset = () => conversation.reset();
    const broken = state === "offline" || state === "stuck", ended = state === "ended";
    parts.bar.textContent = broken ? w.offline : "";
    if (state !== "online") parts.tell(state === "opening" ? w.opening : "");
    else if (this.reloaded) begunAnew(conversation);
    else parts.tell(this.#broken ? w.online : "", STATUS_SHOWN);
    this.#broken = broken;
    if (state === "online") {
      this.reloaded = false;
      parts.trouble("");
    }
    if (state === "stuck") parts.trouble(link?.waiting ? w.stuck : "", w.again, () => link?.retry());
    if (state === "failed") parts.trouble(w.failed, w.again, reset);
    if (state === "expired") conversation.keys.held(() => closed(parts));
    if (state === "expired" || ended) parts.trouble(ended ? w.over : w.expired, w.restart, reset);
  }
}

/** Nothing can be sent any more; what was typed stays to be read. @param {import("./conversation.js").Conversation["parts"]} parts */
function closed({ now, foot }) {
  const field = /** @type {HTMLInputElement | null} */ (foot.querySelector("#answer"));
  now.replaceChildren();
  if (!field) return foot.replaceChildren();
  field.readOnly = true;
  return foot.querySelectorAll("button").forEach((one) => one.remove());
}

/** Say, at the head of a new conversation, where the old one is to be found. @param {import("./conversation.js").Conversation} conversation */
function begunAnew({ parts, said, panel, w }) {
  parts.tell("");
  const there = away(panel.mine, w.mine, w);
  said.append(h("p", { class: "hint" }, w.reloaded, " ", there));
}
