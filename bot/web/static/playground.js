// @ts-check
// The playground of the demo site: buttons that call the chat as any page can, and a list of the calls and of what the page
// hears of the chat. No event carries what anybody said.
(() => {
  const ROWS_MOST = 60; // older ones go, so that the list never grows without end
  const EVENTS = ["ready", "opened", "closed", "message", "consent", "submitted", "error"]; // docs/contract.md, "On a page"
  const list = document.querySelector("[data-events]");
  if (!list) return;

  /** @param {string} tag @param {string} text */
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  /** @param {"called" | "heard"} kind @param {string} text */
  const show = (kind, text) => {
    const row = document.createElement("li");
    const at = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
    const { dataset } = /** @type {HTMLElement} */ (list);
    row.append(element("time", at), element("span", dataset[kind] || kind), element("code", text));
    row.className = kind;
    list.append(row);
    while (list.childElementCount > ROWS_MOST) list.firstElementChild?.remove();
    const scroller = /** @type {HTMLElement} */ (list.parentElement);
    scroller.scrollTop = scroller.scrollHeight;
  };

  for (const name of EVENTS) {
    addEventListener(`askfirst:${name}`, (event) => {
      const { detail } = /** @type {CustomEvent<object>} */ (event);
      show("heard", `askfirst:${name}${Object.keys(detail).length ? ` ${JSON.stringify(detail)}` : ""}`);
    });
  }

  document.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("[data-call]");
    const { askfirst } = /** @type {any} */ (window);
    if (!button || !askfirst) return;
    const { call = "", given = "" } = /** @type {HTMLElement} */ (button).dataset;
    show("called", `askfirst.${button.textContent?.trim()}`);
    askfirst[call](...(given ? [JSON.parse(given)] : []));
  });
})();
