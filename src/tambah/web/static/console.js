"use strict";
// Enhancements only: every page works without this file.
(() => {
  const summary = document.getElementById("summary");
  if (summary) summary.focus();
})();
