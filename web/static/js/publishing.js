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
  // A pasted address, or owner/name, fills in both fields. The server does the same.
  const pairs = [["owner", "repository"], ["namespace", "project"], ["organization", "pipeline"], ["organization", "project"]];
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const split = (event) => {
    const pair = pairs.find((p) => p.includes(event.target.name) && p.every((name) => form.elements[name]));
    if (!pair) return;
    let text = event.target.value.trim().replace(/^git@([^:/]+):/, "https://$1/");
    const address = URL.canParse(text) ? new URL(text) : null;
    if (address && address.host !== form.dataset.site) return;
    if (address) text = decoded(address.pathname.slice(1)).replace(/\/-\/.*$/, "");
    const parts = text.replace(/\/+$/, "").replace(/\.git$/, "").split("/");
    const deep = pair[0] === "namespace";
    if (parts.length < 2 || parts.some((part) => part === "") || !address && (deep || parts.length > 2)) return;
    const values = deep ? [parts.slice(0, -1).join("/"), parts.at(-1)] : parts;
    const other = pair[1 - pair.indexOf(event.target.name)];
    const filled = form.elements[other].value.trim();
    if (filled !== "" && filled !== values[pair.indexOf(other)]) return;
    pair.forEach((name, n) => { form.elements[name].value = values[n]; });
  };
  form.addEventListener("change", split);
  form.addEventListener("paste", (event) => setTimeout(() => { split(event); event.target.dispatchEvent(new Event("input", { bubbles: true })); }));
  form.addEventListener("input", () => {
    carry();
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
}
