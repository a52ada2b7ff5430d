// @ts-check
// What the panel says of the connection to the desk: opening, cut, back again, over.

import { away, h } from "./elements.js";

export const STATUS_SHOWN = 5_000; // ms that a passing status is shown; WCAG 2.2.2
const OPENING_SHOWN = 60_000; // ms; what comes of it takes its place long before

export class ConnectionNews {
  #broken = false;
  anew = loadedAgain(); // and nobody said so yet

  /** @param {import("./conversation.js").Conversation} chat */
  constructor(chat) {
    this.chat = chat;
  }

  /** @param {import("./frames").LinkState} state */
  say(state) {
    const { parts, w, link, keys } = this.chat;
    const reset = () => this.chat.reset();
    const retry = () => link?.retry();
    const reopen = () => (this.say("opening"), retry());
    const broken = state === "offline" || state === "stuck";
    const cut = broken ? w.offline : "";
    if (parts.bar.textContent !== cut) parts.bar.textContent = cut; // not read out again at every vain try
    if (state === "online") this.#online();
    else parts.tell(state === "opening" ? w.opening : "", OPENING_SHOWN); // the panel may have said so already
    this.#broken = broken;
    if (state === "stuck") parts.trouble(link?.waiting ? w.stuck : "", w.again, retry);
    if (state === "away") parts.trouble(w.away, w.again, reopen);
    if (state === "failed") parts.trouble(w.failed, w.again, reopen);
    if (state === "expired") keys.held(() => closed(parts));
    if (state === "expired") parts.trouble(w.expired, w.restart, reset);
    if (state === "ended") parts.trouble(w.over, w.restart, reset);
  }

  #online() {
    const { parts, w } = this.chat;
    if (this.anew) begunAnew(this.chat);
    else parts.tell(this.#broken ? w.online : "", STATUS_SHOWN);
    this.anew = false;
    parts.trouble("");
  }
}

/** Whether the page was here before, and what was said in it is gone. */
function loadedAgain() {
  const [arrival] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return arrival?.type === "reload" || arrival?.type === "back_forward";
}

/**
 * Nothing can be sent any more; what was typed stays to be read.
 * @param {import("./conversation.js").Conversation["parts"]} parts
 */
function closed({ now, foot }) {
  const field = /** @type {HTMLInputElement | null} */ (foot.querySelector("#answer"));
  now.replaceChildren();
  if (!field) {
    foot.replaceChildren();
    return;
  }
  field.readOnly = true;
  for (const one of foot.querySelectorAll("button")) one.remove();
}

/**
 * Say, at the head of a new conversation, where the old one is to be found.
 * @param {import("./conversation.js").Conversation} chat
 */
function begunAnew({ parts, said, panel, w }) {
  parts.tell("");
  const there = away(panel.mine, w.mine, w);
  said.append(h("p", { class: "hint" }, w.reloaded, " ", there));
}
