// The publishing pages: the sentence that a form becomes, and links to other forms that keep what is typed.
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
      // Without an answer the page does what it does without a script.
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
