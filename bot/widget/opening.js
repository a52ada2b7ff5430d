// @ts-check
// A session is opened: asked for once, and while the desk is away again, after a pause that grows. A refusal is final.

const PAUSE_FIRST = 500; // ms until it is asked again, doubled each time, halved to doubled by chance …
const TRIES = 7; // … so for about a minute; then the visitor decides
const AWAY = 500; // HTTP statuses from here on: the desk stops, starts, or cannot be reached by what stands before it

const OPEN_WITHIN = 10_000; // ms

/** @import * as Frames from "./frames" */
/**
 * @typedef {{
 *   fetch: (path: string, more: RequestInit) => Promise<Response>,
 *   body: string,
 *   credentials: RequestCredentials,
 *   opened: (session: Frames.Session) => void,
 *   refused: (code: string) => void,
 *   away: (again: boolean) => void,
 * }} Given `again`: whether it will be asked again by itself
 */

export class Opening {
  #asking = false;
  #over = false;
  #ending = new AbortController();
  #vain = 0;
  /** @type {number | undefined} */ #timer;

  /** @param {Given} given */
  constructor(given) {
    this.given = given;
  }

  /** Ask now. */
  async ask() {
    if (this.#asking || this.#over) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    const [status, body] = await this.#answer();
    this.#asking = false;
    if (this.#over) return;
    if (status >= AWAY) {
      this.#away();
      return;
    }
    this.#over = true;
    if (status < 300) this.given.opened(body);
    else this.given.refused(body.code || String(status));
  }

  /** @returns {Promise<[number, any]>} */
  async #answer() {
    const { fetch, body, credentials } = this.given;
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(OPEN_WITHIN)]);
    try {
      const answer = await fetch("sessions", { method: "POST", body, credentials, signal });
      const told = await answer.json().catch(() => null);
      return [answer.ok && !told ? AWAY : answer.status, told || {}]; // half an answer is none
    } catch {
      return [AWAY, {}]; // no answer at all
    }
  }

  #away() {
    const again = ++this.#vain < TRIES;
    const pause = PAUSE_FIRST * 2 ** this.#vain * (0.5 + Math.random());
    if (again) this.#timer = setTimeout(() => this.ask(), pause);
    this.given.away(again);
  }

  end() {
    this.#over = true;
    this.#ending.abort();
    clearTimeout(this.#timer);
  }
}
