// @ts-check
// The line to the desk: one session in memory, a WebSocket that resumes by watermark, long polling where sockets cannot
// open. What was typed waits here, under its own id, until the desk says that it is kept, and the next one waits for it:
// so nothing is lost, doubled or swapped. A line that fell silent is never trusted for long: it may be dead.

const HELLO_WITHIN = 10_000; // ms until a socket must have welcomed us
const ACK_WITHIN = 8_000; // ms until a send must be acked
const ANSWER_WITHIN = 3_000; // ms until what the desk has said must have arrived; else it was lost on the way
const SILENCE_MOST = 45_000; // ms without a word; then a new socket tells whether anything was missed. Proxies cut at 60 s
const STALE = 15_000; // ms of silence after which a page that wakes up does not believe its socket
const STUCK_AFTER = 3; // vain attempts before the visitor is offered another try
const SOCKETS_IN_VAIN = 2; // sockets that never opened before long polling is tried
const WAIT_FIRST = 500; // ms, doubled with every attempt …
const WAIT_MOST = 30_000; // … up to this, halved to doubled by chance, so that a crowd does not return at once

/** @import * as Frames from "./frames" */
/**
 * @typedef {import("./frames").Sent} Sent
 * @typedef {{session: (body: Frames.Session) => void, welcome: (frame: Frames.Welcome) => void, message: (frame: Frames.Message) => void,
 *   ack: (sent: Sent) => void, refused: (sent: Sent | undefined, code: string, detail: string) => void,
 *   typing: (from: string) => void, erased: (certificate: Frames.Certificate) => void, state: (state: State) => void}} Listener
 * @typedef {"opening" | "online" | "offline" | "stuck" | "failed" | "expired" | "ended"} State
 */

export class Link {
  remembered = false; // whether this browser is
  #token = "";
  #last = 0; // the highest message number seen
  #known = 0; // the highest that the desk is known or believed to have
  /** @type {Map<string, Sent>} */ #queue = new Map();
  #flying = ""; // the id of the one that is on its way
  /** @type {WebSocket | null} */ #socket = null;
  #welcomed = false;
  #heard = 0; // ms; when the line last showed life
  /** @type {import("./polling.js").Polling | null} */ #polling = null;
  #tries = 0;
  #inVain = 0;
  #numbers = 0;
  #prefix = Math.random().toString(36).slice(2, 10); // other pages may share the session: these ids are of this one
  #over = new AbortController();
  /** @type {number | undefined} */ #timer; // waits for the next attempt
  /** @type {number | undefined} */ #watch; // waits for a sign of life

  /** @param {{api: URL, site: string, on: Listener}} given */
  constructor({ api, site, on }) {
    this.api = api;
    this.site = site;
    this.on = on;
    const { signal } = this.#over;
    for (const name of ["online", "focus"]) addEventListener(name, () => this.#wake(), { signal });
    document.addEventListener("visibilitychange", () => this.#wake(), { signal });
    addEventListener("offline", () => this.#drop(), { signal });
    addEventListener("beforeunload", (event) => this.waiting && event.preventDefault(), { signal }); // words would be lost
  }

  /** Begin a session, or go on as the cookie says, unless `fresh`. @param {string} locale @param {string} topic or "" @param {boolean} fresh */
  async begin(locale, topic, fresh) {
    this.on.state("opening");
    try {
      const body = JSON.stringify({ site: this.site, locale, ...(topic && { topic }) });
      const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(HELLO_WITHIN)]);
      const answer = await this.fetch("sessions", { method: "POST", body, signal, credentials: fresh ? "omit" : "include" });
      if (!answer.ok) throw new Error(await problem(answer));
      const session = /** @type {Frames.Session} */ (await answer.json());
      if (this.#ended) return;
      [this.#token, this.remembered] = [session.token, Boolean(session.resumed)];
      this.on.session(session);
      this.#connect();
    } catch (fault) {
      if (this.#ended) return; // another conversation has begun
      this.on.state("failed");
      this.on.refused(undefined, fault instanceof Error && fault.name === "Error" ? fault.message : "offline", "");
    }
  }

  get begun() { return this.#token !== ""; }

  /** Whether anything of this visitor still waits for its ack. */
  get waiting() { return this.#queue.size > 0; }

  /** What was typed and not yet kept by the desk. */
  get unsent() {
    return [...this.#queue.values()].flatMap((sent) => (sent.type === "say" ? [sent.text] : [])).join("\n");
  }

  get #ended() { return this.#over.signal.aborted; }

  /** Queue what was typed or picked and send it as soon as there is a line. @param {Frames.Say | Frames.Pick} what @returns {string} */
  send(what) {
    const sent = { ...what, id: `${this.#prefix}-${++this.#numbers}` };
    this.#queue.set(sent.id, sent);
    this.#next();
    return sent.id;
  }

  /** Try at once, whatever the back-off says. */
  retry() {
    this.#tries = 0;
    void (this.#polling ? this.#polling.post() : this.#wake());
  }

  /** Read everything again from the start: some of it was erased. */
  replay() {
    this.#last = 0;
    this.#resume();
  }

  /** Hang up for good and forget everything. */
  end() {
    this.#over.abort();
    this.#token = "";
    this.#queue.clear();
    this.#polling?.end();
    clearTimeout(this.#timer);
    this.#leave();
  }

  /** Ask the desk over HTTP as this session. @param {string} path @param {RequestInit} [more] */
  fetch(path, more = {}) {
    const headers = { ...(more.body && { "Content-Type": "application/json" }), ...(this.#token && { Authorization: `Bearer ${this.#token}` }) };
    return fetch(new URL(path, this.api), { credentials: "omit", ...more, headers, cache: "no-store" });
  }

  #connect() {
    if (this.#ended || this.#socket || this.#inVain >= SOCKETS_IN_VAIN) return; // then it polls, or is about to
    const address = new URL("chat", this.api);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(address));
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.#token, after: this.#last }));
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(event.code);
    this.#listen();
  }

  /** Leave a socket without waiting for its goodbye. @returns {boolean} whether there was one */
  #leave() {
    const socket = this.#socket;
    clearTimeout(this.#watch);
    [this.#socket, this.#flying, this.#welcomed] = [null, "", false];
    if (!socket) return false;
    socket.onmessage = socket.onclose = null;
    socket.close();
    return true;
  }

  /** Give up a socket that is of no use. */
  #drop() {
    if (this.#socket) this.#closed(0);
  }

  /** Go on from the watermark on a new socket. */
  #resume() {
    if (this.#leave()) this.#connect();
  }

  /** Wait for the next sign of life, as long as it may take. */
  #listen() {
    this.#heard = Date.now();
    clearTimeout(this.#watch);
    if (!this.#socket) return;
    const owed = !this.#welcomed ? HELLO_WITHIN : this.#flying && ACK_WITHIN;
    const most = owed || (this.#last < this.#known ? ANSWER_WITHIN : SILENCE_MOST);
    this.#watch = setTimeout(() => (owed ? this.#drop() : this.#resume()), most);
  }

  /** @param {Frames.Frame} frame */
  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "message") this.#message(frame);
    else if (frame.type === "ack") this.#acked(frame.id, frame.seq);
    else if (frame.type === "typing") this.on.typing(frame.from);
    else if (frame.type === "erased") this.on.erased(frame.certificate);
    else if (frame.type === "error") this.#refused(frame.id, frame.code, frame.detail);
    this.#listen();
  }

  /** @param {Frames.Welcome} frame */
  #welcome(frame) {
    this.#welcomed = true;
    this.#tries = this.#inVain = 0;
    this.#known = frame.seq;
    this.on.state("online");
    this.on.welcome(frame);
    this.#next();
  }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.seq > this.#last + 1) return this.#resume(); // a gap
    if (frame.seq <= this.#last) return; // a poll and an answer may both bring it; drawn again it would tear what is typed
    this.#last = frame.seq;
    if (!frame.erased && frame.from === "visitor" && frame.id) this.#acked(frame.id, frame.seq); // as good as the ack itself
    this.on.message(frame);
  }

  /** @param {string} id @param {number} seq */
  #acked(id, seq) {
    const sent = this.#queue.get(id);
    if (!sent) return;
    this.#queue.delete(id);
    this.#known = Math.max(this.#known, seq + 1); // what the desk says to it; a welcome knows better
    this.on.ack(sent);
    this.#next();
  }

  /** @param {string | undefined} id @param {string} code @param {string} detail */
  #refused(id = "", code, detail) {
    const sent = this.#queue.get(id);
    this.#queue.delete(id);
    this.on.refused(sent, code, detail);
    this.#next();
  }

  /** Send the first that waits; the desk knows a repeat by its id. */
  #next() {
    const [sent] = this.#queue.values();
    if (sent && this.#polling) return void this.#polling.post();
    if (sent && !this.#socket) return this.#wake();
    if (!this.#welcomed || sent?.id === this.#flying) return undefined;
    this.#flying = sent?.id || "";
    if (sent) this.#socket?.send(JSON.stringify(sent));
    return this.#listen();
  }

  /** @param {number} code */
  #closed(code) {
    const welcomed = this.#welcomed;
    this.#leave();
    if (this.#ended) return;
    if (code === 4410 || code === 4401) return this.#gone(code === 4410);
    if (!welcomed && ++this.#inVain >= SOCKETS_IN_VAIN) return void this.#pollOn();
    this.#later(code === 4429 ? 3 : 0);
  }

  /** Try again after a pause that grows. @param {number} [more] doublings to add */
  #later(more = 0) {
    const pause = Math.min(WAIT_MOST, WAIT_FIRST * 2 ** (this.#tries++ + more));
    this.on.state(this.#tries >= STUCK_AFTER ? "stuck" : "offline");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random()));
  }

  /** The page is looked at again, or the network is back. */
  #wake() {
    if (!this.#token || this.#ended || document.hidden) return;
    const stale = Date.now() - this.#heard > STALE;
    if (this.#polling) return stale ? this.#polling.wake() : undefined;
    clearTimeout(this.#timer);
    if (!this.#socket) this.#connect();
    else if (stale) this.#resume();
  }

  /** Long polling, where no WebSocket gets through. A network that is simply down ends it again. */
  async #pollOn() {
    try {
      const { Polling } = await import("./polling.js");
      if (this.#ended) return;
      this.#polling = new Polling({
        fetch: this.fetch.bind(this), after: () => this.#last, first: () => [...this.#queue.values()][0],
        heard: (answer) => this.#polled(answer), posted: this.#posted.bind(this), refused: this.#refused.bind(this),
        gone: this.#gone.bind(this), state: this.on.state,
      });
      await this.#polling.run();
    } catch {
      this.#stop();
      this.#inVain = 0;
      if (!this.#ended) this.#later();
    }
  }

  #stop() { this.#polling?.end(); this.#polling = null; }

  /** @param {Frames.Answer} answer */
  #polled({ messages, erased }) {
    this.#heard = Date.now();
    this.#tries = 0;
    for (const message of messages) this.#message(message);
    if (erased) this.on.erased(erased.certificate);
  }

  /** @param {Sent} sent @param {Frames.Answer} answer */
  #posted(sent, { ack, messages, erased }) {
    this.#acked(sent.id, ack?.seq || 0);
    for (const message of messages) {
      if (message.seq === this.#last + 1) this.#message(message); // else the poll brings it
    }
    if (erased) this.on.erased(erased.certificate);
  }

  /** The desk knows this session no more. @param {boolean} erased */
  #gone(erased) {
    this.#token = "";
    this.#stop();
    this.on.state(erased ? "ended" : "expired");
  }
}

/** Return the stable code of a problem. @param {Response} answer */
const problem = async (answer) => (await answer.json().catch(() => ({}))).code || String(answer.status);
