// Publishing pages: updates the preview while the user types, and adds the values of the form to the links of other tabs.
"use strict";

for (const form of document.querySelectorAll("form[data-preview]")) {
  const into = form.querySelector("#preview");
  const links = document.querySelectorAll("[data-carry] a");
  let timer = 0;
  let asked = 0;
  const typed = () => {
    const all = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "") all.append(name, value);
    }
    return all;
  };
  const show = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: typed() });
      if (!answer.ok || answer.redirected || mine !== asked) return;
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      into.replaceChildren(...part.body.childNodes);
    } catch {
      // Without a response the page works as it does without scripts.
    }
  };
  const carry = () => {
    for (const link of links) {
      const url = new URL(link.href);
      for (const [name, value] of typed()) {
        if (!["provider", "issuer", "preset"].includes(name)) url.searchParams.set(name, value);
      }
      link.href = url.href;
    }
  };
  form.addEventListener("input", () => {
    carry();
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
}
