// Passkeys: passes challenges to the device and its responses to the server. Bytes are encoded as base64url.
"use strict";
{
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const post = async (url, body) => {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) });
    const said = await answer.json().catch(() => ({ error: "Unexpected response from the server." }));
    if (answer.status === 403 && said.next) location.assign(said.next);
    if (!answer.ok) throw new Error(said.error || "Something went wrong. Try again.");
    return said;
  };

  const explain = (error, where) => {
    where.textContent = error.name === "NotAllowedError" ? "The device did not confirm in time. Try again." :
      error.name === "InvalidStateError" ? "This device already has a passkey for your account." : error.message;
    where.hidden = false;
  };

  const create = async (form, url) => {
    const { publicKey } = await post(url + "begin/", { name: form.elements.name.value });
    publicKey.challenge = bytes(publicKey.challenge);
    publicKey.user.id = bytes(publicKey.user.id);
    for (const c of publicKey.excludeCredentials || []) c.id = bytes(c.id);
    const made = await navigator.credentials.create({ publicKey });
    const said = await post(url, {
      name: form.elements.name.value,
      response: {
        id: made.id, rawId: text(made.rawId), type: made.type, authenticatorAttachment: made.authenticatorAttachment || undefined,
        response: { attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON), transports: made.response.getTransports?.() },
      },
    });
    location.assign(said.next);
  };

  const use = async (url) => {
    const { publicKey } = await post(url + "begin/");
    publicKey.challenge = bytes(publicKey.challenge);
    for (const c of publicKey.allowCredentials || []) c.id = bytes(c.id);
    const got = await navigator.credentials.get({ publicKey });
    const said = await post(url + location.search, {
      id: got.id, rawId: text(got.rawId), type: got.type,
      response: {
        authenticatorData: text(got.response.authenticatorData), clientDataJSON: text(got.response.clientDataJSON),
        signature: text(got.response.signature), userHandle: got.response.userHandle ? text(got.response.userHandle) : undefined,
      },
    });
    const held = document.querySelector("form[data-held]");
    if (held) held.submit();
    else location.assign(said.next);
  };

  if (window.PublicKeyCredential) {
    const failed = document.querySelector("[data-passkey-error]");
    for (const box of document.querySelectorAll("[data-passkey]")) {
      box.hidden = false;
      box.querySelector("[data-passkey-go]").addEventListener("click", () => use(box.dataset.passkey).catch((e) => explain(e, failed)));
    }
    for (const box of document.querySelectorAll("[data-passkey-new]")) {
      const go = box.querySelector("[data-passkey-go]");
      const { form } = go;
      box.hidden = false;
      go.addEventListener("click", () => {
        if (form.elements.name.reportValidity()) create(form, box.dataset.passkeyNew).catch((e) => explain(e, failed));
      });
    }
    for (const form of document.querySelectorAll("[data-passkey-add]")) {
      form.hidden = false;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        create(form, form.dataset.passkeyAdd).catch((e) => explain(e, failed));
      });
    }
  }
}
