// @ts-check
// What the visitor typed or picked and the desk has not confirmed yet: in its order, each under an id of its own.

/** @import * as Frames from "./frames" */

export class Unsent {
  /** @type {Map<string, Frames.Sent>} */ #waiting = new Map();
  #count = 0;
  #prefix = Math.random().toString(36).slice(2, 10); // other pages may share the session: these ids are of this one

  get any() {
    return this.#waiting.size > 0;
  }

  /** The one that goes out next; the others wait for it. */
  get first() {
    return [...this.#waiting.values()][0];
  }

  /** What was typed of it. */
  get text() {
    return [...this.#waiting.values()].flatMap((sent) => (sent.type === "say" ? [sent.text] : [])).join("\n");
  }

  /** @param {Frames.Say | Frames.Pick} what @returns {string} its id */
  add(what) {
    const id = `${this.#prefix}-${++this.#count}`;
    this.#waiting.set(id, { ...what, id });
    return id;
  }

  /** Take one out: the desk has it, or does not want it. @param {string} id */
  take(id) {
    const sent = this.#waiting.get(id);
    this.#waiting.delete(id);
    return sent;
  }

  clear() {
    this.#waiting.clear();
  }
}
