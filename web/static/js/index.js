// Comforts that every page has; each works without this file in a plainer way.
"use strict";

// A copy button for everything that is to be pasted elsewhere.
for (const block of document.querySelectorAll(".block")) {
  const code = block.querySelector("code");
  let caption = block.querySelector("figcaption");
  if (!caption) {
    caption = document.createElement("figcaption");
    caption.append(document.createElement("span"));
    block.prepend(caption);
  }
  caption.append(copyButton(() => code.textContent, caption.textContent.trim()));
}
for (const pre of document.querySelectorAll(".manual pre")) {
  const box = document.createElement("div");
  box.className = "pasted";
  pre.replaceWith(box);
  box.append(pre, copyButton(() => pre.textContent, ""));
}
for (const value of document.querySelectorAll("[data-copy]")) {
  value.after(copyButton(() => value.dataset.copy || value.textContent, ""));
}

function copyButton(text, what) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", what ? "Copy: " + what : "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = select(button) ? "Press Ctrl+C" : "Copy by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

// Plain http has no clipboard: then the text is selected, so that one key copies it.
function select(button) {
  const code = button.closest(".block")?.querySelector("code") || button.previousElementSibling;
  if (!code) return false;
  const range = document.createRange();
  range.selectNodeContents(code);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return true;
}

// "/" goes to the search box, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(input|textarea|select)$/i.test(document.activeElement?.tagName || "")) return;
  const find = document.querySelector("main input[type=search]:not([data-filter])") || document.getElementById("find");
  if (find) {
    event.preventDefault();
    find.focus();
    find.select();
  }
});

// An input with data-filter="#id" hides the rows of a table or the items of a list in which its words are not.
for (const input of document.querySelectorAll("input[data-filter]")) {
  const list = document.querySelector(input.dataset.filter);
  if (!list) continue;
  const rows = list.querySelectorAll("tbody > tr, :scope > li");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// A form with data-typed="name" cannot be sent before the name stands in its field; the server asks for the same.
for (const form of document.querySelectorAll("form[data-typed]")) {
  const input = form.querySelector("input[data-typed-here]");
  const button = form.querySelector("button");
  if (!input || !button) continue;
  const check = () => { button.disabled = input.value.trim() !== form.dataset.typed; };
  input.addEventListener("input", check);
  check();
}

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });
}
