// The secret of a one-time link stands after the "#", so that no server or log on the way ever sees it.
const fill = () => {
  const secret = location.hash.slice(1);
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById("link"));
  if (!secret || !field) return;
  field.value = secret;
  history.replaceState(null, "", location.pathname);
  field.form?.querySelector("button")?.focus();
};
addEventListener("DOMContentLoaded", fill);
addEventListener("hashchange", fill); // the link was opened where this page stood already
