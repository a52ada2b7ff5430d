// @ts-check
// Nothing that is typed is cut off: close to the most that fits, the characters are counted. The eye sees it at each
// key; a screen reader says it once the typing pauses, for at each key it would drown what is typed.

import { h } from "./elements.js";
import { fill } from "./words.js";

const NEARLY = 0.9; // of what fits: from there on it is counted
const PAUSE = 1_000; // ms without a key, then it is said

export class Counter {
  #seen = h("p", { class: "count hint", "aria-hidden": "true", hidden: true });
  #heard = h("p", { class: "sr", role: "status" });
  #timer = 0;

  /** @param {import("./inputs.js").Input} input @param {number} max @param {import("./sayings.js").Words} w */
  constructor(input, max, w) {
    this.input = input;
    this.max = max;
    this.w = w;
  }

  count() {
    const { max, w } = this;
    const count = [...this.input.value.trim()].length;
    const text = fill(count > max ? w.tooLong : w.count, { count, max, over: count - max });
    this.#seen.textContent = text;
    this.#seen.hidden = count < max * NEARLY;
    this.#seen.classList.toggle("over", count > max);
    if (!this.#seen.hidden && !this.#seen.isConnected) this.input.parentElement?.after(this.#seen, this.#heard);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#heard.textContent = this.#seen.hidden ? "" : text), PAUSE);
  }
}
