"use strict";
// Enhancements only: every page works without this file.
(() => {
  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  if (navigator.serviceWorker) navigator.serviceWorker.register("/shop/worker.js", { scope: "/shop" }).catch(() => {});

  for (const buttons of document.querySelectorAll(".buttons")) buttons.hidden = false;
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }

  // A second press while the first is on its way is not sent; it would be the same sale anyhow.
  for (const form of document.querySelectorAll("form")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
  }
  // Back from the next page, the form may be sent again.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());

  // The camera, where the browser itself reads bar codes: the serial number's kind only, never the
  // square one under the panel, which is the code.
  const scan = document.querySelector("[data-scan]");
  if (!scan || !window.BarcodeDetector || !navigator.mediaDevices) return;
  const input = document.getElementById(scan.dataset.scan);
  const video = scan.querySelector("video");
  const button = scan.querySelector("button");
  const live = scan.querySelector(".live");
  const begin = button.textContent;
  let stream = null;
  const end = () => {
    for (const track of stream ? stream.getTracks() : []) track.stop();
    stream = null;
    video.hidden = true;
    button.textContent = begin;
  };
  const look = async (detector) => {
    if (!stream) return;
    const [found] = await detector.detect(video).catch(() => []);
    if (found && /^[0-9-]{6,20}$/.test(found.rawValue)) {
      input.value = found.rawValue;
      end();
      input.form.requestSubmit();
    } else setTimeout(look, 150, detector);
  };
  button.addEventListener("click", async () => {
    if (stream) return end();
    live.textContent = "";
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      video.hidden = false;
      button.textContent = scan.dataset.end;
      await video.play();
      look(new BarcodeDetector({ formats: ["code_128"] }));
    } catch {
      end();
      live.textContent = scan.dataset.failed;
    }
  });
  BarcodeDetector.getSupportedFormats().then((formats) => {
    scan.hidden = !formats.includes("code_128");
  });
})();
