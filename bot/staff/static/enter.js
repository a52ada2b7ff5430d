// The secret of a one-time link stands after the "#", so that no server or log on the way ever sees it.
addEventListener("DOMContentLoaded", () => {
  const secret = location.hash.slice(1);
  if (!secret) return;
  document.getElementById("link").value = secret;
  history.replaceState(null, "", location.pathname);
  document.querySelector("form button").focus();
});
