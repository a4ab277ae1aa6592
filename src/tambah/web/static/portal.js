"use strict";
// Enhancements only: every page works without this file.
(() => {
  const separators = /[\s\-‐-―−().·/_]+/g;
  const fold = (text) => text.normalize("NFKC").replace(separators, "");

  // A well-formed number, and a code of sixteen keys whose check digit (Damm) is right. Nothing
  // is asked of the server: whether a number or a code exists is told on pressing only.
  const table = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"];
  const keys = "22233344455566677778889999";
  const digitsOf = (text) =>
    fold(text).toUpperCase().replace(/[A-Z]/g, (letter) => keys[letter.charCodeAt(0) - 65]);
  const isCode = (digits) =>
    /^[0-9]{16}$/.test(digits) && [...digits].reduce((at, digit) => table[at][digit], "0") === "0";

  const number = document.getElementById("number");
  const code = document.getElementById("code");
  const judge = (input, isGood) => {
    const live = document.getElementById(input.id + "-live");
    const show = (final) => {
      const good = isGood(input.value);
      live.className = good ? "live good" : "live";
      live.textContent = good ? "✓" : final && input.value.trim() ? input.dataset.bad : "";
    };
    input.addEventListener("input", () => show(false));
    input.addEventListener("change", () => show(true));
    return show;
  };
  if (number && code) {
    const wellFormed = new RegExp(number.dataset.pattern);
    judge(number, (text) => wellFormed.test(fold(text)));
    const showCode = judge(code, (text) => isCode(digitsOf(text)));
    code.addEventListener("input", () => {
      const length = digitsOf(code.value).length;
      if (length >= 16) showCode(true);
      else if (length) document.getElementById("code-live").textContent = length + " / 16";
    });
  }

  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  for (const buttons of document.querySelectorAll(".buttons")) buttons.hidden = false;
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) button.hidden = true;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
    });
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }

  const refreshing = document.querySelector("[data-refresh]");
  if (refreshing) {
    // Not under the hands of someone who is moving through the page with the keyboard.
    setInterval(() => {
      if (!document.hidden && document.activeElement === document.body) location.reload();
    }, refreshing.dataset.refresh * 1000);
  }
})();
