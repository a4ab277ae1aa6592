"use strict";
// Asks the browser for a passkey, puts its answer into the form, and sends that. A page without
// this file says what else opens the account.
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    return [made, { attestationObject: text(made.response.attestationObject) }];
  };
  const get = async (options) => {
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: named(options.allowCredentials),
    };
    const shown = await navigator.credentials.get({ publicKey });
    const said = shown.response;
    return [shown, {
      authenticatorData: text(said.authenticatorData),
      signature: text(said.signature),
      userHandle: said.userHandle ? text(said.userHandle) : null,
    }];
  };

  for (const place of document.querySelectorAll("[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    const form = place.closest("form");
    const button = place.querySelector("[data-ask]");
    const failed = place.querySelector("[data-failed]");
    place.querySelector("[data-without]").hidden = true;
    button.hidden = false;
    button.addEventListener("click", async () => {
      // What goes with the passkey comes first: who gives it need not be asked twice.
      const missing = [...form.querySelectorAll("[data-before]")].find(
        (one) => one.value.trim().length < Math.max(1, one.minLength),
      );
      if (missing) return missing.focus();
      button.disabled = true;
      failed.textContent = "";
      try {
        const answer = await fetch(place.dataset.options, { redirect: "error" });
        if (!answer.ok) throw new Error(answer.status);
        const ask = place.dataset.passkey === "create" ? create : get;
        const [key, said] = await ask(await answer.json());
        place.querySelector("[name=passkey]").value = JSON.stringify({
          id: key.id,
          rawId: text(key.rawId),
          type: key.type,
          response: { clientDataJSON: text(key.response.clientDataJSON), ...said },
        });
        form.submit();
      } catch {
        failed.textContent = failed.dataset.failed;
        button.disabled = false;
      }
    });
  }
})();
