// The visitor's chat says for five seconds that a colleague is typing: so while an answer is written, it is told anew.
const EVERY = 3_000; // ms, at least, between two tellings

const reply = /** @type {HTMLTextAreaElement} */ (document.getElementById("reply"));
const csrf = /** @type {HTMLInputElement} */ (reply.form?.elements.namedItem("csrf"));
let told = -EVERY; // ms since the page began

reply.addEventListener("input", () => {
  const now = performance.now();
  if (now - told < EVERY || !reply.value.trim()) return;
  told = now;
  const asked = { method: "POST", headers: { "X-CSRF-Token": csrf.value } };
  fetch(String(reply.dataset.typing), asked).catch(() => {}); // who is not told misses nothing: the answer comes all the same
});
