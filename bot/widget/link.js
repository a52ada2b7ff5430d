// @ts-check
// The line to the desk: one session in memory, a WebSocket that resumes by watermark, long polling where sockets cannot
// open. What was typed waits here, under its own id, until the desk says that it is kept; so nothing is lost or doubled.

const HELLO_WITHIN = 10_000; // ms until a socket must have welcomed us, else it is tried anew
const ACK_WITHIN = 8_000; // ms until a send must be acked; a socket that fell silent is replaced
const STUCK_AFTER = 3; // vain attempts before the visitor is offered "Try again"
const SOCKETS_IN_VAIN = 2; // sockets that never opened before long polling is tried
const WAIT_FIRST = 500; // ms, doubled with every attempt …
const WAIT_MOST = 30_000; // … up to this, halved to doubled by chance, so that a crowd does not return at once
const POLL_SECONDS = 25; // docs/contract.md: GET /api/v1/messages?wait=25

/** @import * as Frames from "./frames" */
/**
 * @typedef {import("./frames").Sent} Sent
 * @typedef {{session: (body: Frames.Session) => void, welcome: (frame: Frames.Welcome) => void, message: (frame: Frames.Message) => void,
 *   ack: (sent: Sent) => void, refused: (sent: Sent | undefined, code: string, detail: string) => void,
 *   typing: (from: string) => void, erased: (certificate: Frames.Certificate) => void, state: (state: State) => void}} Listener
 * @typedef {"opening" | "online" | "offline" | "stuck" | "failed" | "expired" | "ended"} State
 */

export class Link {
  #token = "";
  #last = 0; // the highest message number seen
  /** @type {Map<string, Sent>} */ #queue = new Map();
  /** @type {WebSocket | null} */ #socket = null;
  #welcomed = false;
  #polling = false;
  #posting = false;
  #tries = 0;
  #inVain = 0;
  #numbers = 0;
  #over = false;
  /** @type {number | undefined} */ #timer;
  /** @type {number | undefined} */ #watch; // waits for a welcome or an ack
  #woken = () => this.#wake();
  #cut = () => this.#drop();

  /** @param {{api: URL, site: string, on: Listener}} given */
  constructor({ api, site, on }) {
    this.api = api;
    this.site = site;
    this.on = on;
    for (const name of ["online", "focus"]) window.addEventListener(name, this.#woken);
    document.addEventListener("visibilitychange", this.#woken);
    window.addEventListener("offline", this.#cut);
  }

  /** Begin a session and connect. @param {string} locale @param {string} topic chosen already, or "" */
  async begin(locale, topic) {
    this.on.state("opening");
    try {
      const body = JSON.stringify({ site: this.site, locale, remember: false, ...(topic && { topic }) });
      const answer = await this.fetch("sessions", { method: "POST", body });
      if (!answer.ok) throw new Error(await problem(answer));
      const session = /** @type {Frames.Session} */ (await answer.json());
      if (this.#over) return;
      this.#token = session.token;
      this.on.session(session);
      this.#connect();
    } catch (fault) {
      this.on.state("failed");
      this.on.refused(undefined, fault instanceof TypeError ? "offline" : /** @type {Error} */ (fault).message, "");
    }
  }

  get begun() {
    return this.#token !== "";
  }

  /** Whether anything of this visitor still waits for its ack. */
  get waiting() {
    return this.#queue.size > 0;
  }

  /** Queue what was typed or picked and send it as soon as there is a line. @param {Frames.Say | Frames.Pick} what @returns {string} */
  send(what) {
    const sent = { ...what, id: `c${++this.#numbers}` };
    this.#queue.set(sent.id, sent);
    this.#push(sent);
    return sent.id;
  }

  /** Try at once, whatever the back-off says. */
  retry() {
    this.#tries = 0;
    this.#wake();
  }

  /** Read everything again from the start: some of it was erased. */
  replay() {
    this.#last = 0;
    this.#resume();
  }

  /** Hang up for good and forget everything. */
  end() {
    this.#over = true;
    this.#token = "";
    this.#queue.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#leave();
    for (const name of ["online", "focus"]) window.removeEventListener(name, this.#woken);
    document.removeEventListener("visibilitychange", this.#woken);
    window.removeEventListener("offline", this.#cut);
  }

  /** Ask the desk over HTTP as this session. @param {string} path @param {RequestInit} [more] */
  fetch(path, more = {}) {
    const headers = { ...(more.body ? { "Content-Type": "application/json" } : {}) };
    if (this.#token) Object.assign(headers, { Authorization: `Bearer ${this.#token}` });
    return fetch(new URL(path, this.api), { ...more, headers, cache: "no-store", credentials: "omit" });
  }

  #connect() {
    if (this.#over || this.#socket) return;
    const address = new URL("chat", this.api);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(address));
    this.#welcomed = false;
    this.#watch = setTimeout(() => this.#drop(), HELLO_WITHIN);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.#token, after: this.#last }));
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(event.code);
  }

  /** Leave a socket without waiting for its goodbye. @returns {boolean} whether there was one */
  #leave() {
    const socket = this.#socket;
    if (!socket) return false;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
    return true;
  }

  /** Give up a socket that is of no use. */
  #drop() {
    if (this.#leave()) this.#closed(0);
  }

  /** Go on from the watermark on a new socket. */
  #resume() {
    if (this.#leave()) this.#connect();
  }

  /** @param {Frames.Frame} frame */
  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "message") this.#message(frame);
    else if (frame.type === "ack") this.#acked(frame.id);
    else if (frame.type === "typing") this.on.typing(frame.from);
    else if (frame.type === "erased") this.on.erased(frame.certificate);
    else if (frame.type === "error") this.#refused(frame.id, frame.code, frame.detail);
  }

  /** @param {Frames.Welcome} frame */
  #welcome(frame) {
    clearTimeout(this.#watch);
    this.#welcomed = true;
    this.#tries = this.#inVain = 0;
    this.on.state("online");
    this.on.welcome(frame);
    for (const sent of this.#queue.values()) this.#push(sent); // the desk knows repeats by their ids
  }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.seq > this.#last + 1) return this.#resume(); // a gap
    this.#last = Math.max(this.#last, frame.seq);
    this.on.message(frame);
  }

  /** @param {string} id */
  #acked(id) {
    clearTimeout(this.#watch);
    const sent = this.#queue.get(id);
    this.#queue.delete(id);
    if (sent) this.on.ack(sent);
  }

  /** @param {string | undefined} id @param {string} code @param {string} detail */
  #refused(id, code, detail) {
    clearTimeout(this.#watch);
    const sent = this.#queue.get(id || "");
    this.#queue.delete(id || "");
    this.on.refused(sent, code, detail);
  }

  /** @param {Sent} sent */
  #push(sent) {
    if (this.#polling) return void this.#post();
    if (!this.#welcomed || this.#socket?.readyState !== WebSocket.OPEN) return this.#wake();
    this.#socket.send(JSON.stringify(sent));
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#drop(), ACK_WITHIN);
  }

  /** @param {number} code */
  #closed(code) {
    clearTimeout(this.#watch);
    this.#socket = null;
    if (this.#over) return;
    if (code === 4410 || code === 4401) return this.#gone(code === 4410);
    if (!this.#welcomed && ++this.#inVain >= SOCKETS_IN_VAIN) return void this.#poll();
    this.#later(code === 4429 ? 3 : 0);
  }

  /** Try again after a pause that grows. @param {number} [more] doublings to add */
  #later(more = 0) {
    const pause = Math.min(WAIT_MOST, WAIT_FIRST * 2 ** (this.#tries++ + more));
    this.on.state(this.#tries >= STUCK_AFTER ? "stuck" : "offline");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random()));
  }

  #wake() {
    if (!this.#token || this.#over || this.#socket || this.#polling || document.hidden) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Long polling, for networks that let no WebSocket through. A network that is simply down ends it again. */
  async #poll() {
    let wait = 0;
    while (!this.#over) {
      try {
        const answer = await this.fetch(`messages?after=${this.#last}&wait=${wait}`);
        if (answer.status === 410 || answer.status === 401) return this.#gone(answer.status === 410);
        if (!answer.ok) throw new Error(await problem(answer));
        const { messages, erased } = /** @type {Frames.Answer} */ (await answer.json());
        if (erased) return this.on.erased(erased.certificate);
        if (!this.#polling) this.on.state("online");
        this.#polling = true;
        this.#tries = 0;
        for (const message of messages) this.#message(message);
        wait = POLL_SECONDS;
        void this.#post();
      } catch {
        this.#polling = false;
        this.#inVain = 0;
        return this.#later();
      }
    }
  }

  /** Send what waits, one after another, over HTTP. */
  async #post() {
    if (this.#posting) return;
    this.#posting = true;
    try {
      for (let sent = this.#first(); sent; sent = this.#first()) {
        const answer = await this.fetch("messages", { method: "POST", body: JSON.stringify(sent) });
        if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
        const body = await answer.json();
        if (answer.ok) this.#posted(sent, body);
        else this.#refused(sent.id, body.code, body.detail);
      }
    } catch {
      this.on.state("stuck"); // the queue keeps everything; the next poll sends it again
    }
    this.#posting = false;
  }

  #first() {
    return this.#over ? undefined : this.#queue.values().next().value;
  }

  /** @param {Sent} sent @param {Frames.Answer} body */
  #posted(sent, body) {
    this.#acked(sent.id);
    for (const message of body.messages) {
      if (message.seq === this.#last + 1) this.#message(message); // else the poll brings it
    }
    if (body.erased) this.on.erased(body.erased.certificate);
  }

  /** The desk knows this session no more. @param {boolean} erased */
  #gone(erased) {
    this.#token = "";
    this.#polling = false;
    this.on.state(erased ? "ended" : "expired");
  }
}

/** Return the stable code of a problem. @param {Response} answer */
const problem = async (answer) => (await answer.json().catch(() => ({}))).code || String(answer.status);
