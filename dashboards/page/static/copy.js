// Buttons that copy a text of the page: <button data-copy="ID of the element">.
import { word } from "./words.js";

const SHOWN_MS = 2_000;

export function offerCopies() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const said = button.textContent;
    const source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      // Browsers write to the clipboard for https and loopback only; elsewhere the text is selected for Ctrl-C.
      getSelection().selectAllChildren(source);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        return;
      }
      button.textContent = word("copied");
      setTimeout(() => (button.textContent = said), SHOWN_MS);
    });
  }
}
