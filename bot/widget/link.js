// @ts-check
// The link to the desk: one session in memory, a WebSocket that resumes by watermark, long polling where sockets cannot
// open. What was typed waits here, under its own id, until the desk says that it is kept, and the next one waits for
// it: so nothing is lost, doubled or swapped.

import { Opening } from "./opening.js";
import { Socket } from "./socket.js";
import { Unsent } from "./unsent.js";

const STALE = 15_000; // ms of silence after which a page that wakes up does not believe its socket
const STUCK_AFTER = 3; // vain attempts before the visitor is offered another try
const SOCKETS_IN_VAIN = 2; // sockets that never opened before long polling is tried
const WAIT_FIRST = 500; // ms, doubled with every attempt …
const WAIT_MOST = 30_000; // … up to this, halved to doubled by chance, so that a crowd does not return at once

/** @import * as Frames from "./frames" */
export class Link {
  remembered = false; // whether this browser is
  #token = "";
  #last = 0; // the highest message number seen
  #known = 0; // the highest that the desk is known or believed to have
  #unsent = new Unsent();
  /** @type {Socket | null} */ #socket = null;
  #heard = 0; // ms; when a poll was last answered
  /** @type {Opening | null} */ #opening = null;
  /** @type {import("./polling.js").Polling | null} */ #polling = null;
  #tries = 0;
  #inVain = 0;
  #over = new AbortController();
  /** @type {number | undefined} */ #timer; // waits for the next attempt

  /** @param {{api: URL, site: string, on: Frames.Listener}} given */
  constructor({ api, site, on }) {
    this.api = api;
    this.site = site;
    this.on = on;
    const { signal } = this.#over;
    for (const name of ["online", "focus", "pageshow"]) addEventListener(name, () => this.#wake(), { signal });
    document.addEventListener("visibilitychange", () => this.#wake(), { signal });
    addEventListener("offline", () => this.#drop(), { signal });
    const stay = (/** @type {Event} */ event) => this.waiting && event.preventDefault(); // words would be lost
    addEventListener("beforeunload", stay, { signal });
  }

  /**
   * Begin a session, or go on as the cookie says, unless `fresh`.
   * @param {string} locale @param {string} topic or "" @param {boolean} fresh
   */
  begin(locale, topic, fresh) {
    this.#opening = new Opening({
      fetch: (path, more) => this.fetch(path, more),
      body: JSON.stringify({ site: this.site, locale, ...(topic && { topic }) }),
      credentials: fresh ? "omit" : "include",
      opened: (session) => this.#opened(session),
      refused: (code) => this.#notOpened("failed", code),
      away: (again) => this.#notOpened(again ? "away" : "failed", "offline"),
    });
    this.on.state("opening");
    this.#opening.ask();
  }

  /** @param {Frames.Session} session */
  #opened(session) {
    this.#token = session.token;
    this.remembered = Boolean(session.resumed);
    this.on.session(session);
    this.#connect();
  }

  /** @param {Frames.LinkState} state @param {string} code */
  #notOpened(state, code) {
    this.on.state(state);
    this.on.refused(undefined, code, "");
  }

  get begun() {
    return this.#token !== "";
  }

  /** Whether anything of this visitor still waits for its ack. */
  get waiting() {
    return this.#unsent.any;
  }

  /** What was typed and not yet kept by the desk. */
  get unsent() {
    return this.#unsent.text;
  }

  get #ended() {
    return this.#over.signal.aborted;
  }

  /**
   * Queue what was typed or picked and send it as soon as it can be.
   * @param {Frames.Say | Frames.Pick} what @returns {string}
   */
  send(what) {
    const id = this.#unsent.add(what);
    this.#next();
    return id;
  }

  /** Try at once, whatever the back-off says. */
  retry() {
    this.#tries = 0;
    if (this.#polling) this.#polling.post();
    else this.#wake();
  }

  /** Read everything again from the start: some of it was erased. */
  replay() {
    this.#last = 0;
    this.#resume();
  }

  /** Hang up for good and forget everything. */
  end() {
    this.#over.abort();
    this.#opening?.end();
    this.#token = "";
    this.#unsent.clear();
    this.#polling?.end();
    clearTimeout(this.#timer);
    this.#leave();
  }

  /** Ask the desk over HTTP as this session. @param {string} path @param {RequestInit} [more] */
  fetch(path, more = {}) {
    const headers = {
      ...(more.body && { "Content-Type": "application/json" }),
      ...(this.#token && { Authorization: `Bearer ${this.#token}` }),
    };
    return fetch(new URL(path, this.api), { credentials: "omit", ...more, headers, cache: "no-store" });
  }

  #connect() {
    if (this.#ended || this.#socket || this.#inVain >= SOCKETS_IN_VAIN) return; // then it polls, or is about to
    this.#socket = new Socket(this.api, {
      hello: () => ({ type: "hello", token: this.#token, after: this.#last }),
      frame: (frame) => this.#take(frame),
      closed: (code) => this.#closed(code),
      silent: () => this.#resume(),
      behind: () => this.#last < this.#known,
    });
  }

  /** Leave the socket. @returns {boolean} whether there was one */
  #leave() {
    const there = this.#socket;
    this.#socket = null;
    there?.leave();
    return Boolean(there);
  }

  /** Give up a socket that is of no use. */
  #drop() {
    if (this.#socket) this.#closed(0);
  }

  /** Go on from the watermark on a new socket. */
  #resume() {
    if (this.#leave()) this.#connect();
  }

  /** @param {Frames.Frame} frame */
  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "message") this.#message(frame);
    else if (frame.type === "ack") this.#acked(frame.id, frame.seq);
    else if (frame.type === "typing") this.on.typing(frame.from);
    else if (frame.type === "erased") this.on.erased(frame.certificate);
    else if (frame.type === "error") this.#refused(frame.id, frame.code, frame.detail);
  }

  /** @param {Frames.Welcome} frame */
  #welcome(frame) {
    this.#tries = this.#inVain = 0;
    this.#known = frame.seq;
    this.on.state("online");
    this.on.welcome(frame);
    this.#next();
  }

  /** @param {Frames.Message} frame */
  #message(frame) {
    if (frame.seq > this.#last + 1) return this.#resume(); // a gap
    if (frame.seq <= this.#last) return; // a poll and an answer may both bring it; drawn again it would tear a draft
    this.#last = frame.seq;
    const mine = !frame.erased && frame.from === "visitor" && frame.id;
    if (mine) this.#acked(mine, frame.seq); // as good as the ack itself
    this.on.message(frame);
  }

  /** @param {string} id @param {number} seq */
  #acked(id, seq) {
    const sent = this.#unsent.take(id);
    if (!sent) return;
    this.#known = Math.max(this.#known, seq + 1); // what the desk says to it; a welcome knows better
    this.on.ack(sent);
    this.#next();
  }

  /** @param {string | undefined} id @param {string} code @param {string} detail */
  #refused(id = "", code, detail) {
    this.on.refused(this.#unsent.take(id), code, detail);
    this.#next();
  }

  /** Send the first that waits; the desk knows a repeat by its id. */
  #next() {
    const sent = this.#unsent.first;
    if (sent && this.#polling) this.#polling.post();
    else if (sent && !this.#socket) this.#wake();
    else this.#socket?.carry(sent);
  }

  /** @param {number} code */
  #closed(code) {
    const welcomed = this.#socket?.welcomed;
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
    if (this.#ended || document.hidden) return;
    if (!this.#token) {
      this.#opening?.ask();
      return;
    }
    const stale = Date.now() - (this.#socket?.heard || this.#heard) > STALE;
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
        fetch: this.fetch.bind(this),
        after: () => this.#last,
        first: () => this.#unsent.first,
        heard: (answer) => this.#polled(answer),
        posted: this.#posted.bind(this),
        refused: this.#refused.bind(this),
        gone: this.#gone.bind(this),
        state: this.on.state,
      });
      this.#heard = Date.now();
      await this.#polling.run();
    } catch {
      this.#stop();
      this.#inVain = 0;
      if (!this.#ended) this.#later();
    }
  }

  #stop() {
    this.#polling?.end();
    this.#polling = null;
  }

  /** @param {Frames.Answer} answer */
  #polled({ messages, erased }) {
    this.#heard = Date.now();
    this.#tries = 0;
    for (const message of messages) this.#message(message);
    if (erased) this.on.erased(erased.certificate);
  }

  /** @param {Frames.Sent} sent @param {Frames.Answer} answer */
  #posted(sent, answer) {
    this.#acked(sent.id, answer.ack?.seq || 0);
    this.#polled(answer); // what does not follow what is known already comes again with the poll
  }

  /** The desk knows this session no more. @param {boolean} erased */
  #gone(erased) {
    this.#token = "";
    this.#stop();
    this.on.state(erased ? "ended" : "expired");
  }
}
