// Applies the reader's color scheme before the page is drawn. Without a choice the scheme of the system applies.
"use strict";
{
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    // Storage is disabled: the scheme of the system applies.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
