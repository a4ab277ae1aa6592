"use strict";
// Enhancements only: the phone works without this file, one form after another. With it, keys are
// taken while a prompt plays, they sound, and silence counts as it does on a telephone.
(() => {
  const phone = document.getElementById("phone");
  const keyed = document.getElementById("keyed");
  const counts = document.getElementById("counts");
  const live = ["state", "said", "sound", "ask", "inbox"];
  let timer = 0;
  let busy = false;

  const part = (id) => document.getElementById(id);
  const ask = () => part("ask").dataset;
  const isVoice = () => "voice" in ask();
  const isOn = () => !part("keys").hidden;

  // A key's two tones (ITU-T Q.23).
  const rows = [697, 770, 852, 941];
  const columns = [1209, 1336, 1477];
  let sounder;
  const beep = (key) => {
    const at = "123456789*0#".indexOf(key);
    try {
      sounder = sounder || new AudioContext();
      const gain = sounder.createGain();
      gain.gain.value = 0.08;
      gain.connect(sounder.destination);
      for (const hertz of [rows[Math.floor(at / 3)], columns[at % 3]]) {
        const tone = new OscillatorNode(sounder, { frequency: hertz });
        tone.connect(gain);
        tone.start();
        tone.stop(sounder.currentTime + 0.12);
      }
    } catch {
      // Without sound.
    }
  };

  const quiet = () => {
    clearTimeout(timer);
    const audio = phone.querySelector("audio");
    if (audio) audio.pause();
  };
  const wait = (seconds, then) => {
    clearTimeout(timer);
    if (isOn() && isVoice() && counts.checked) timer = setTimeout(then, seconds * 1000);
  };
  const silence = () => (keyed.value ? send({}) : send({ event: "silence" }));

  // Silence begins when the prompt is over; where nothing is heard, when it has been read.
  const listen = () => {
    if (!isOn() || !isVoice()) return;
    const audio = phone.querySelector("audio");
    const begin = (reading) => wait(Number(ask().first) + reading, silence);
    const read = () => begin(part("said").textContent.trim().length / 12);
    if (!audio) return read();
    audio.addEventListener("ended", () => begin(0));
    audio.addEventListener("error", read);
    audio.play().catch(read);
  };

  const show = (html, ids) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const id of ids) {
      const fresh = page.getElementById(id);
      const shown = part(id);
      // A prompt that is said again is read out again; messages are told when they are new.
      if (!fresh || (id === "inbox" && fresh.innerHTML === shown.innerHTML)) continue;
      shown.replaceChildren(...fresh.childNodes);
    }
    return page;
  };
  const refresh = async () => {
    try {
      show(await (await fetch(location.pathname + location.search)).text(), ["inbox"]);
    } catch {
      // The next look will tell.
    }
  };
  // A telephone takes keys one by one; a screen of USSD is typed and sent.
  const fit = () => {
    keyed.readOnly = isVoice();
    part("timing").hidden = !isVoice();
  };
  const post = async (form, body) => {
    quiet();
    busy = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(body) });
      const page = show(await answer.text(), live);
      const was = isOn();
      part("keys").hidden = page.getElementById("keys").hidden;
      part("screen").className = page.getElementById("screen").className;
      for (const name of ["most", "first", "between", "voice"]) delete ask()[name];
      Object.assign(ask(), page.getElementById("ask").dataset);
      keyed.value = "";
      part("dialled").value = part("dialled").defaultValue;
      fit();
      if (isOn() && !was) phone.querySelector(".key").focus();
      if (!isOn() && was) phone.querySelector(".dial .go").focus();
      for (const after of [1500, 4000]) setTimeout(refresh, after);
    } catch {
      form.submit();
    }
    busy = false;
    listen();
  };
  const send = (more) => {
    if (!busy) post(part("keys"), { step: phone.querySelector("[name=step]").value, keyed: keyed.value, ...more });
  };

  const press = (key) => {
    if (!isOn() || busy) return;
    beep(key);
    quiet();
    if (!isVoice()) keyed.value += key;
    else if (key === "#") send({});
    else {
      keyed.value += key;
      if (key === "*" || keyed.value.length >= Number(ask().most)) send({});
      else wait(Number(ask().between), silence);
    }
    const button = phone.querySelector(`.key[value="${key}"]`);
    button.classList.add("down");
    setTimeout(() => button.classList.remove("down"), 120);
  };

  for (const form of phone.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { name, value } = event.submitter || {};
      if (name === "key") press(value);
      else if (form.id === "keys") send(name ? { [name]: value } : {});
      else if (!busy) post(form, new FormData(form));
    });
  }
  // Only while the phone has the focus, and not where text is typed.
  phone.addEventListener("keydown", (event) => {
    const types = event.target.matches("select, input:not([type=radio], [type=checkbox])");
    if (event.ctrlKey || event.metaKey || event.altKey || (types && !event.target.readOnly)) return;
    if (/^[0-9*#]$/.test(event.key) && isOn()) {
      event.preventDefault();
      press(event.key);
    }
  });
  counts.addEventListener("change", () => wait(Number(ask().first), silence));

  fit();
  listen();
})();
