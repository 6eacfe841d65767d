// The theme: what the system prefers, until the reader chooses. Loaded before the first paint.
"use strict";
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden
    }
  }

  function show(theme) {
    root.dataset.theme = theme;
    document.dispatchEvent(new Event("themechange"));
    const other = theme === "dark" ? "light" : "dark"; // the button says what it does
    const words = JSON.parse(document.body?.dataset.words || "{}");
    for (const button of document.querySelectorAll("[data-theme-toggle]")) button.textContent = words[other];
  }

  const current = () => stored() ?? (system.matches ? "dark" : "light");
  show(current());
  system.addEventListener("change", () => show(current()));

  document.addEventListener("DOMContentLoaded", () => {
    show(current());
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const theme = root.dataset.theme === "dark" ? "light" : "dark";
        try {
          localStorage.setItem("theme", theme);
        } catch {
          // it holds for this page only
        }
        show(theme);
      });
    }
  });
})();
