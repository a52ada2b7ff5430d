// @ts-check
// Buttons of a page that open the chat, with a topic where they name one.
document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-chat]");
  if (!button) return;
  const { topic = "" } = /** @type {HTMLElement} */ (button).dataset;
  const { askfirst } = /** @type {any} */ (window);
  if (askfirst) askfirst.start({ topic });
});
