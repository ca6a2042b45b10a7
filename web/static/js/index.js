// Conveniences on every page. All pages work without this script.
"use strict";

// Adds a copy button to text blocks.
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
      button.textContent = select(button) ? "Press Ctrl+C" : "Copy manually";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

// Without HTTPS there is no clipboard API. Select the text instead, so that Ctrl+C copies it.
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

// "/" focuses the search box, unless the focus is in a field.
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

// An input with data-filter="#id" hides the table rows or list items that do not contain all its words, and sections
// without a row that is left.
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
    for (const part of list.querySelectorAll(":scope > section")) {
      part.hidden = !part.querySelector("tbody > tr:not([hidden])");
    }
  });
}

// A form with data-typed="name" cannot be sent until its field contains the name. The server checks it again.
for (const form of document.querySelectorAll("form[data-typed]")) {
  const input = form.querySelector("input[data-typed-here]");
  const button = form.querySelector("button");
  if (!input || !button) continue;
  const check = () => { button.disabled = input.value.trim() !== form.dataset.typed; };
  input.addEventListener("input", check);
  check();
}

// Prevents double submission of forms.
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

// The color scheme in the footer. theme.js applies the choice when a page loads.
const theme = document.getElementById("theme");
if (theme) {
  const root = document.documentElement;
  theme.value = root.dataset.theme || "";
  theme.parentElement.hidden = false;
  theme.addEventListener("change", () => {
    if (theme.value) root.dataset.theme = theme.value;
    else delete root.dataset.theme;
    try {
      if (theme.value) localStorage.setItem("theme", theme.value);
      else localStorage.removeItem("theme");
    } catch {
      // Storage is disabled: the choice applies to this page only.
    }
  });
}
