"use strict";
// Enhancements only: every page works without this file.
(() => {
  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  // A stroke goes to the search box, unless somebody is typing.
  const box = document.getElementById("q");
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    const typing = at && at.matches("input, textarea, select");
    if (!box || typing || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
})();
