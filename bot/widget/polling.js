// @ts-check
// Long polling, for networks that let no WebSocket through; fetched only there.

const ANSWER_WITHIN = 8_000; // ms beyond what the desk was asked to wait
const POLL_SECONDS = 25; // docs/contract.md: GET /api/v1/messages?wait=25
const AGAIN_AFTER = 1_000; // ms, halved to doubled by chance, until a vain send is tried again; doubled each time …
const AGAIN_MOST = 30_000; // … up to this

/** @import * as Frames from "./frames" */
/**
 * @typedef {{
 *   fetch: (path: string, more: RequestInit) => Promise<Response>,
 *   after: () => number,
 *   first: () => Frames.Sent | undefined,
 *   heard: (answer: Frames.Answer) => void,
 *   posted: (sent: Frames.Sent, answer: Frames.Answer) => void,
 *   refused: (id: string, code: string, detail: string) => void,
 *   gone: (erased: boolean) => void,
 *   state: (state: "online" | "stuck") => void,
 * }} LinkEnd what it needs of the link
 */

export class Polling {
  #asking = new AbortController(); // of the poll that hangs
  #posting = false;
  #over = false;
  #vain = 0; // sends in a row
  /** @type {number | undefined} */ #timer;

  /** @param {LinkEnd} link */
  constructor(link) {
    this.link = link;
  }

  /** Poll until `end`, the session's end, or until the network itself is down. */
  async run() {
    for (let wait = 0; !this.#over;) {
      this.#asking = new AbortController();
      const late = setTimeout(() => this.wake(), wait * 1000 + ANSWER_WITHIN);
      try {
        const { signal } = this.#asking;
        const answer = await this.link.fetch(`messages?after=${this.link.after()}&wait=${wait}`, { signal });
        if (answer.status === 410 || answer.status === 401) return this.link.gone(answer.status === 410);
        if (!answer.ok) throw new Error(String(answer.status));
        const body = await answer.json();
        if (this.#over) return undefined;
        if (!wait) this.link.state("online");
        this.link.heard(body);
        if (body.erased) return undefined;
        wait = POLL_SECONDS;
        void this.post();
      } catch (fault) {
        if (!wait || !this.#asking.signal.aborted) throw fault;
        wait = 0; // it hung: ask again at once
      } finally {
        clearTimeout(late);
      }
    }
    return undefined;
  }

  /** Ask anew: the one that hangs may be dead. */
  wake() {
    this.#asking.abort();
  }

  end() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.wake();
  }

  /** Send what waits, one after another. */
  async post() {
    if (this.#posting || this.#over) return;
    this.#posting = true;
    try {
      for (let sent = this.link.first(); sent && !this.#over; sent = this.link.first()) await this.#send(sent);
    } catch {
      this.link.state("stuck"); // the queue keeps everything
      clearTimeout(this.#timer);
      this.#timer = setTimeout(
        () => this.post(),
        Math.min(AGAIN_MOST, AGAIN_AFTER * 2 ** this.#vain++) * (0.5 + Math.random()),
      );
    }
    this.#posting = false;
  }

  /** @param {Frames.Sent} sent */
  async #send(sent) {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const answer = await this.link.fetch("messages", { method: "POST", body: JSON.stringify(sent), signal });
    if (answer.status >= 500 || answer.status === 429 || answer.status === 401) throw new Error(String(answer.status));
    const body = await answer.json();
    if (this.#over) return;
    this.#vain = 0;
    this.link.state("online");
    if (answer.ok) this.link.posted(sent, body);
    else this.link.refused(sent.id, body.code, body.detail);
  }
}
