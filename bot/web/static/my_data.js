// @ts-check
// The my-data page: an address, a code to it, and then every right. Tokens live in this page's memory and nowhere else.

import { Person } from "./my_record.js";
import { fill, h } from "./page_elements.js";

const door = /** @type {HTMLElement} */ (document.querySelector("#door"));
const words = JSON.parse(door.dataset.words || "{}");
const inputs = JSON.parse(door.dataset.fields || "{}");
const outdated = JSON.parse(door.dataset.outdated || "{}");
const records = /** @type {HTMLElement} */ (document.querySelector("#records"));
const status = /** @type {HTMLElement} */ (door.querySelector("[role=status]"));
const alert = /** @type {HTMLElement} */ (door.querySelector("[role=alert]"));
const [ask, enter] = /** @type {HTMLFormElement[]} */ ([...door.querySelectorAll("form")]);
const address = /** @type {HTMLInputElement} */ (ask.querySelector("input"));
const code = /** @type {HTMLInputElement} */ (enter.querySelector("input"));
let challenge = "";

/** Ask the desk; what it refuses is thrown as its problem, a desk that is away as `offline`.
 * @param {string} path @param {RequestInit & {token?: string, json?: unknown}} [more] @returns {Promise<Response>} */
async function call(path, { token = "", json, ...more } = {}) {
  const headers = { "Accept-Language": document.documentElement.lang, ...(token && { Authorization: `Bearer ${token}` }), ...(json ? { "Content-Type": "application/json" } : {}) };
  const body = json ? JSON.stringify(json) : undefined;
  /** @type {Response} */ let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, { ...more, headers, body, cache: "no-store" });
  } catch {
    throw { code: "offline", detail: words.offline };
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw { ...problem, status: answer.status, detail: said(answer.status, problem) };
}

/** What a person is told of a problem. @param {number} status @param {{code?: string, detail?: string}} problem */
function said(status, { code: fault = "", detail = "" }) {
  if (status === 429) return words.too_fast;
  if (status > 500) return words.away; // the desk starts or stops, or what stands before it cannot reach it
  if (status === 401 || status === 410) return words.over;
  return ["wrong_code", "code_expired", "rejected", "verification_required", "consent_required", "held"].includes(fault)
    ? detail
    : words.fault;
}

/** Say what went wrong at a field, or that nothing did. @param {string} text @param {HTMLInputElement} [field] */
function trouble(text, field) {
  alert.textContent = text;
  for (const one of [address, code]) {
    if (text && one === field) one.setAttribute("aria-invalid", "true");
    else one.removeAttribute("aria-invalid");
  }
  if (text) field?.focus();
}

/** Show one of the two forms. @param {HTMLFormElement} form */
function show(form) {
  for (const one of [ask, enter]) one.hidden = one !== form;
  form.querySelector("input")?.focus();
}

/** Let a form do its work once at a time. @param {HTMLFormElement} form @param {() => Promise<void>} work */
function submits(form, work) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector(".filled"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    await work();
    button.ariaDisabled = "false";
  });
}

submits(ask, async () => {
  trouble("");
  if (!/^\S+@\S+$/.test(address.value.trim())) return trouble(words.no_address, address);
  try {
    const email = address.value.trim();
    const asked = await (await call("rights/verify", { method: "POST", json: { email, locale: document.documentElement.lang } })).json();
    if (!asked.sent_by) return trouble(asked.detail, address);
    challenge = asked.challenge;
    code.value = "";
    status.textContent = fill(words.sent, { to: email });
    show(enter);
  } catch (problem) {
    trouble(/** @type {any} */ (problem).detail, address);
  }
});

submits(enter, async () => {
  trouble("");
  if (code.value.replace(/\D/g, "").length !== 6) return trouble(words.no_code, code);
  try {
    const confirmed = await (await call("rights/confirm", { method: "POST", json: { challenge, code: code.value } })).json();
    open([confirmed, ...confirmed.others]);
  } catch (problem) {
    trouble(/** @type {any} */ (problem).detail, code);
  }
});

/** Show what is kept of each person who gave the address. @param {{token: string, verified_until: string}[]} admitted */
async function open(admitted) {
  door.hidden = true;
  status.textContent = "";
  const shared = { words, inputs, outdated, call, again, alone: admitted.length === 1 };
  const people = admitted.map((one) => new Person({ token: one.token, until: one.verified_until, ...shared }));
  const opened = h("p", { role: "status", tabindex: -1, class: "opened" }, words.opened);
  records.replaceChildren(opened, ...people.map((one) => one.place));
  await Promise.all(people.map((one) => one.read()));
  opened.focus();
}

/** Begin again with another code. @param {string} [why] */
function again(why = "") {
  records.replaceChildren();
  door.hidden = false;
  trouble(why);
  status.textContent = "";
  show(ask);
}

document.querySelector("#other")?.addEventListener("click", () => again());
document.querySelector("#loading")?.remove();
door.hidden = false;
