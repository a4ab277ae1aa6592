"use strict";
// Enhancements only: every page works without this file.
(() => {
  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  // Counters are asked for again every five seconds, while the page is looked at and not paused.
  const live = document.querySelector("[data-live]");
  if (live) {
    const button = live.querySelector("[data-pause]");
    let paused = false;
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.textContent = paused ? button.dataset.resume : button.dataset.pause;
    });
    const ask = async () => {
      if (paused || document.hidden) return;
      try {
        const answer = await fetch(live.dataset.live, { redirect: "error" });
        if (!answer.ok) throw new Error(answer.status);
        const counts = await answer.json();
        for (const at of live.querySelectorAll("[data-count]")) {
          at.textContent = counts[at.dataset.count] ?? "–";
        }
        live.classList.remove("stale");
      } catch {
        live.classList.add("stale");
      }
    };
    setInterval(ask, 5000);
  }

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
