// @ts-check
// One person's data on the my-data page: what is kept, who saw it, and every right one button away.

import { button, fill, h, when } from "./page_elements.js";

/**
 * @typedef {{token: string, until: string, words: any, inputs: Record<string, string>, outdated: any, alone: boolean, again: (why?: string) => void,
 *   call: (path: string, more?: RequestInit & {token?: string, json?: unknown}) => Promise<Response>}} Given
 */

/** A row of the list that needs its whole width. @param {any} label @param {HTMLElement} form */
const wide = (label, form) => h("div", { class: "wide-row" }, h("dt", {}, label), h("dd", {}, form));

const TYPES = { tel: "tel", email: "email" };

export class Person {
  #given;
  #status = h("p", { role: "status", class: "status" });
  #alert = h("p", { role: "alert", class: "fault" });
  #body = h("div");
  #title = h("h2", { tabindex: -1 });

  /** @param {Given} given */
  constructor(given) {
    this.#given = given;
    setTimeout(() => this.#hide(), new Date(given.until).getTime() - Date.now());
    this.place = h("section", { class: "person" }, this.#title, this.#status, this.#alert, this.#body);
  }

  /** Ask the desk as this person. @param {string} path @param {RequestInit & {json?: unknown}} [more] */
  #ask(path, more = {}) {
    return this.#given.call(path, { ...more, token: this.#given.token });
  }

  /** Read and show what is kept. */
  async read() {
    await this.#try(async () => this.#show(await (await this.#ask("me")).json()));
  }

  /** Let values go when the time to read them is over; what is being typed is left alone. */
  #hide() {
    if (this.place.isConnected && !this.place.querySelector("form, .ok")) void this.read();
  }

  /** Do something; what the desk refuses is said here, and a visit that is over leads back to the door.
   * @param {() => Promise<void>} work @returns {Promise<any>} the problem, if there was one */
  async #try(work) {
    this.#alert.textContent = "";
    try {
      return void (await work());
    } catch (fault) {
      const problem = /** @type {any} */ (fault);
      if (problem.status === 401) this.#given.again(problem.detail);
      else this.#alert.textContent = problem.detail || this.#given.words.fault;
      return problem;
    }
  }

  /** @param {any} record */
  #show(record) {
    const { words, alone } = this.#given;
    const visit = record.fields.find((/** @type {any} */ one) => one.keeps_until)?.keeps_until;
    const first = record.fields.map((/** @type {any} */ one) => one.given_at).sort()[0];
    this.#title.textContent = alone || !first ? words.details : fill(words.one_of, { at: when(first) });
    if (record.masked) document.querySelector(".opened")?.remove(); // it says that all can be read
    const bars = record.fields.length > 0 && this.#mustBeAskedAgain(record.consents);
    this.#body.replaceChildren(
      ...(bars ? [h("p", { class: "note" }, fill(words.asked_again, { contact: this.#given.outdated.contact }))] : []),
      ...(record.unusable ? [h("p", { class: "note" }, record.unusable)] : []),
      ...(record.masked ? [h("p", { class: "note" }, `${words.masked} `, button(words.another, () => this.#given.again()))] : []),
      record.fields.length ? h("dl", { class: "rows" }, record.fields.map((/** @type {any} */ one) => this.#row(one, record.masked || bars))) : h("p", {}, words.nothing),
      ...(record.keeps_until ? [h("p", { class: "second" }, fill(words.kept, { at: when(record.keeps_until) }))] : []),
      ...(visit ? [h("p", { class: "second" }, fill(words.visit_kept, { at: when(visit) }))] : []),
      ...this.#decisions(record.consents),
      ...this.#list(words.receivers, record.recipients, (one) => fill(words.entry, { what: one.name, at: when(one.at) })),
      ...this.#list(words.viewers, record.opened_by, (one) => fill(words.opening, { name: one.name, about: one.about, at: when(one.at) })),
      ...(record.masked ? [] : this.#copies()),
      this.#deleting(record),
    );
  }

  /** Say whether the consent is older than a major version of the policy: then the desk takes no correction.
   * @param {any[]} consents */
  #mustBeAskedAgain(consents) {
    const { purpose, versions } = this.#given.outdated;
    const latest = consents.filter((one) => one.purpose === purpose).at(-1);
    return latest?.decision === "agreed" && (versions[latest.policy] ?? versions[""]);
  }

  /** What stands in a row. @param {any} one @param {boolean} fixed hidden, or not to be corrected now */
  #row(one, fixed) {
    const { words } = this.#given;
    const at = { at: when(one.given_at), policy: one.policy };
    const row = h(
      "div",
      {},
      h("dt", {}, one.label, one.sensitive && h("span", { class: "badge" }, words.sensitive)),
      h("dd", { dir: "auto" }, one.value),
      h("dd", { class: "second" }, fill(one.policy ? words.under : words.given, at)),
    );
    const correct = button(words.correct, () => row.replaceWith(this.#form(one, row)), "link", { "aria-label": words.correct + words.colon + one.label });
    if (one.correctable && !fixed) row.append(h("dd", { class: "act" }, correct));
    return row;
  }

  /** The form in a row's place. @param {any} one @param {HTMLElement} row */
  #form(one, row) {
    const { words, inputs } = this.#given;
    const id = `new-${one.field}-${this.#given.token.slice(0, 6)}`;
    const type = TYPES[/** @type {"tel"} */ (inputs[one.field])] || "text";
    const input = h(one.field === "need" ? "textarea" : "input", { id, dir: "auto", autocomplete: "off", ...(one.field === "need" ? { rows: 3 } : { type }) });
    if (!one.value.includes("•")) input.value = one.value;
    const fault = h("p", { role: "alert", class: "fault", id: `${id}-fault` });
    const wrong = (/** @type {any} */ problem) => {
      fault.textContent = problem.detail;
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", fault.id);
      input.focus();
    };
    const back = () => (place.replaceWith(row), row.querySelector("button")?.focus());
    const form = h(
      "form",
      { class: "correcting", novalidate: true, onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void this.#correct(one, input.value, place, wrong);
      } },
      input,
      fault,
      h("div", { class: "row" }, h("button", { class: "filled" }, words.save), button(words.leave, back)),
    );
    setTimeout(() => input.focus());
    const place = wide(h("label", { for: id }, one.label), form);
    return place;
  }

  /** @param {any} one @param {string} value @param {HTMLElement} place @param {(problem: any) => void} wrong */
  async #correct(one, value, place, wrong) {
    const { words } = this.#given;
    try {
      this.#show(await (await this.#ask("me", { method: "PATCH", json: { [one.field]: value } })).json());
      this.#tell(fill(words.corrected, { label: one.label }));
    } catch (problem) {
      const { challenge, sent_to: to } = /** @type {any} */ (problem);
      if (challenge) place.replaceWith(this.#confirming(one, challenge, to));
      else wrong(problem);
    }
  }

  /** A new address waits for the code that went there. @param {any} one @param {string} challenge @param {string} to */
  #confirming(one, challenge, to) {
    const { words } = this.#given;
    const id = `confirm-${this.#given.token.slice(0, 6)}`;
    const input = h("input", { id, inputmode: "numeric", autocomplete: "one-time-code", maxlength: 12, "aria-describedby": `${id}-hint ${id}-fault` });
    const fault = h("p", { role: "alert", class: "fault", id: `${id}-fault` });
    const confirm = async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        await this.#ask("rights/confirm", { method: "POST", json: { challenge, code: input.value } });
        await this.read();
        this.#tell(fill(words.corrected, { label: one.label }));
      } catch (problem) {
        fault.textContent = /** @type {any} */ (problem).detail;
        input.setAttribute("aria-invalid", "true");
        input.focus();
      }
    };
    setTimeout(() => input.focus());
    const form = h(
      "form",
      { class: "correcting", novalidate: true, onsubmit: confirm },
      h("p", { id: `${id}-hint` }, fill(words.new_code, { to })),
      h("label", { for: id }, words.code),
      input,
      fault,
      h("div", { class: "row" }, h("button", { class: "filled" }, words.confirm), button(words.leave, () => void this.read().then(() => this.#title.focus()))),
    );
    return wide(one.label, form);
  }

  /** Of each purpose the decision that holds, and the way out of it. @param {any[]} consents */
  #decisions(consents) {
    const { words } = this.#given;
    const latest = [...new Map(consents.map((one) => [one.purpose, one])).values()];
    const draw = (/** @type {any} */ one) => [
      h("span", {}, fill(words.decision, { label: one.label, decision: words[one.decision] || one.decision, at: when(one.at) })),
      one.decision === "agreed" &&
        button(words.withdraw, () => this.#withdraw(one.purpose), "link", { "aria-label": words.withdraw + words.colon + one.label }),
    ];
    return latest.length ? this.#list(words.decisions, latest, draw) : [];
  }

  /** @param {string} title @param {any[]} items @param {(one: any) => any} draw */
  #list(title, items, draw) {
    const lines = items.length ? items.map((one) => h("li", {}, draw(one))) : [h("li", {}, this.#given.words.nobody)];
    return [h("h3", {}, title), h("ul", { class: "plain" }, lines)];
  }

  /** @param {string} purpose */
  async #withdraw(purpose) {
    await this.#try(async () => {
      this.#show(await (await this.#ask("me/withdraw", { method: "POST", json: { purposes: [purpose] } })).json());
      this.#tell(this.#given.words.withdrew);
    });
  }

  /** Say what was done, where the focus goes as well: what was pressed is not there any more. @param {string} text */
  #tell(text) {
    this.#status.textContent = text;
    this.#title.focus();
  }

  #copies() {
    const { words } = this.#given;
    const save = (/** @type {string} */ path, /** @type {string} */ name) => () => this.#save(path, name);
    return [
      h("h3", {}, words.copies),
      h(
        "p",
        { class: "row" },
        button(words.copy, save("me/export?format=html", "my-data.html")),
        button(words.copy_json, save("me/export?format=json", "my-data.json")),
        button(words.receipts, save("me/receipts", "consent-receipts.json")),
      ),
    ];
  }

  /** Save an answer of the desk as a file; nothing of it stays in the page. @param {string} path @param {string} name */
  async #save(path, name) {
    const problem = await this.#try(async () => {
      const url = URL.createObjectURL(await (await this.#ask(path)).blob());
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      this.#status.textContent = this.#given.words.saved;
    });
    if (problem?.code === "verification_required") await this.read();
  }

  /** The last button, and the one question after it. @param {any} record */
  #deleting(record) {
    const { words } = this.#given;
    const has = (/** @type {(one: any) => boolean} */ some) => record.fields.some(some);
    const scopes = ["all", has((one) => one.field === "need") && "lead", has((one) => one.keeps_until) && "visit"].filter(Boolean);
    const place = h("div", { class: "deleting" });
    const closed = () => [button(words.delete, () => {
      const title = h("h3", { tabindex: -1 }, words.delete_ask);
      place.replaceChildren(h("div", { class: "card" }, title, h("p", {}, words.delete_what), h("div", { class: "stack" },
        scopes.map((scope) => button(words[`delete_${scope}`], () => this.#erase(String(scope)), "danger")),
        button(words.delete_nothing, () => (place.replaceChildren(...closed()), place.querySelector("button")?.focus())))));
      title.focus();
    }, "danger")];
    place.append(...closed());
    return place;
  }

  /** @param {string} scope */
  async #erase(scope) {
    await this.#try(async () => {
      const certificate = await (await this.#ask("me", { method: "DELETE", json: { scope } })).json();
      if (scope !== "all") await this.read();
      else this.#body.replaceChildren();
      this.#certify(certificate);
    });
  }

  /** What was erased, what stays and why, and the certificate's id. @param {any} certificate */
  #certify(certificate) {
    const { words } = this.#given;
    const what = (/** @type {string} */ name, /** @type {string} */ why) => words.what[name] || (why ? name + words.colon + why : name);
    const whole = certificate.scope === "all";
    const title = whole ? this.#title : h("h3", { tabindex: -1 }, words.erased);
    title.textContent = words.erased;
    title.classList.add("ok");
    this.#status.textContent = "";
    if (whole && this.#given.alone) document.querySelector(".opened")?.remove();
    this.#body.prepend(
      h(
        "div",
        { class: "card" },
        !whole && title,
        h("p", {}, words.certificate + words.colon, h("code", {}, certificate.id)),
        h(whole ? "h3" : "h4", {}, words.gone),
        h("ul", {}, certificate.destroyed.map((/** @type {string} */ name) => h("li", {}, what(name, "")))),
        h(whole ? "h3" : "h4", {}, words.stays),
        h("ul", {}, certificate.remaining.map((/** @type {any} */ one) => h("li", {}, what(one.what, one.why)))),
      ),
    );
    title.focus();
  }
}
