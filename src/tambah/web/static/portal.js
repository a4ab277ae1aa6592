"use strict";
// Enhancements only: every page works without this file.
(() => {
  const separators = /[\s\-‐-―−().·/_]+/g;
  const fold = (text) => text.normalize("NFKC").replace(separators, "");

  // A well-formed number, and a code of sixteen keys whose check digit (Damm) is right. No code
  // is ever sent before the button is pressed; a whole number is, where it can be paid for.
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
    // Not at once: what appears when a field is left must not move the button under the finger.
    input.addEventListener("change", () => setTimeout(show, 300, true));
    return show;
  };
  // Whether a whole number can be topped up here: asked once the typing pauses, told as it comes.
  const ask = (input, isWhole) => {
    const live = document.getElementById(input.id + "-live");
    const known = new Map();
    let waiting = 0;
    const tell = (text, answer) => {
      if (fold(input.value) !== text || !answer.text) return;
      live.className = answer.good ? "live good" : "live bad";
      live.textContent = (answer.good ? "✓ " : "") + answer.text;
    };
    const send = async (text) => {
      try {
        const body = new URLSearchParams({ number: text });
        const answer = await (await fetch(input.dataset.ask, { method: "POST", body })).json();
        known.set(text, answer);
        tell(text, answer);
      } catch {
        // Not told now; it is told when the form is sent.
      }
    };
    const look = () => {
      clearTimeout(waiting);
      const text = fold(input.value);
      if (!isWhole(input.value)) return;
      if (known.has(text)) tell(text, known.get(text));
      else waiting = setTimeout(send, 500, text);
    };
    input.addEventListener("input", look);
    input.addEventListener("change", () => setTimeout(() => known.has(fold(input.value)) && look(), 310));
    if (input.value) look();
  };
  if (number && code) {
    const wellFormed = new RegExp(number.dataset.pattern);
    const isWhole = (text) => wellFormed.test(fold(text));
    judge(number, isWhole);
    if (number.dataset.ask) ask(number, isWhole);
    const showCode = judge(code, (text) => isCode(digitsOf(text)));
    code.addEventListener("input", () => {
      const length = digitsOf(code.value).length;
      if (length >= 16) showCode(true);
      else if (length) document.getElementById("code-live").textContent = length + " / 16";
    });
  }

  // A photo over the limit is made smaller here; without this file the server says so.
  for (const input of document.querySelectorAll("[data-most-bytes]")) {
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (!file || file.size <= input.dataset.mostBytes) return;
      try {
        const picture = await createImageBitmap(file);
        const scale = Math.min(1, 2000 / Math.max(picture.width, picture.height));
        const canvas = document.createElement("canvas");
        canvas.width = picture.width * scale;
        canvas.height = picture.height * scale;
        canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
        const smaller = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
        const chosen = new DataTransfer();
        chosen.items.add(new File([smaller], "photo.jpg", { type: "image/jpeg" }));
        input.files = chosen.files;
      } catch {
        // No picture: the server says so.
      }
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
