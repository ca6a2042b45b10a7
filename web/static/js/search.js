// Arrow keys move between the results, and from the search box to the first result.
"use strict";
{
  const links = [...document.querySelectorAll("#results .name")];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp" || event.ctrlKey || event.metaKey || event.altKey) return;
    const here = document.activeElement;
    if (/^(select|textarea)$/i.test(here?.tagName || "")) return;
    const at = links.indexOf(here);
    const typing = here?.type === "search";
    if (at < 0 && !typing && here !== document.body) return;
    const next = event.key === "ArrowDown" ? at + 1 : at - 1;
    if (at < 0 && event.key === "ArrowUp") return;
    event.preventDefault();
    if (next < 0) document.getElementById("q")?.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  });
}
