// @ts-check
// One WebSocket to the desk, and the watch over it: one that fell silent is never trusted for long, it may be dead.

const HELLO_WITHIN = 10_000; // ms until it must have welcomed us
const ACK_WITHIN = 8_000; // ms until what was sent must be acked
const ANSWER_WITHIN = 3_000; // ms until what the desk has said must have arrived; else it was lost on the way
const SILENCE_MOST = 45_000; // ms without a word; then a new socket tells what was missed. Proxies cut at 60 s

/** @import * as Frames from "./frames" */
/**
 * @typedef {{
 *   hello: () => object,
 *   frame: (frame: Frames.Frame) => void,
 *   closed: (code: number) => void,
 *   silent: () => void,
 *   behind: () => boolean,
 * }} Given `closed` with 0: it is of no use; `behind`: whether the desk is known to have said more than has arrived
 */

export class Socket {
  welcomed = false;
  heard = 0; // ms; when it last showed life
  #carrying = ""; // the id of what is on its way
  #left = false;
  /** @type {number | undefined} */ #watch;

  /** @param {URL} api @param {Given} given */
  constructor(api, given) {
    const address = new URL("chat", api);
    address.protocol = address.protocol.replace("http", "ws");
    this.given = given;
    this.socket = new WebSocket(address);
    this.socket.onopen = () => this.socket.send(JSON.stringify(given.hello()));
    this.socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    this.socket.onclose = (event) => given.closed(event.code);
    this.#listen();
  }

  /** @param {Frames.Frame} frame */
  #take(frame) {
    if (frame.type === "welcome") this.welcomed = true;
    this.given.frame(frame);
    this.#listen();
  }

  /** Wait for the next sign of life, as long as it may take. */
  #listen() {
    this.heard = Date.now();
    clearTimeout(this.#watch);
    if (this.#left) return;
    const owed = !this.welcomed ? HELLO_WITHIN : this.#carrying && ACK_WITHIN;
    const most = owed || (this.given.behind() ? ANSWER_WITHIN : SILENCE_MOST);
    this.#watch = setTimeout(() => (owed ? this.given.closed(0) : this.given.silent()), most);
  }

  /** Send what comes first, once; nothing, when nothing waits. @param {Frames.Sent | undefined} sent */
  carry(sent) {
    if (!this.welcomed || sent?.id === this.#carrying) return;
    this.#carrying = sent?.id || "";
    if (sent) this.socket.send(JSON.stringify(sent));
    this.#listen();
  }

  /** Leave it without waiting for its goodbye. */
  leave() {
    this.#left = true;
    clearTimeout(this.#watch);
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}
