// Keys: / search, j and k along the tape, Enter opens (the links' own), ? help. They can be switched off.
const OFF = "keys-off";

function isOff() {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false;
  }
}

function isTyping(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** Focuses the headline after (1) or before (-1) the one in focus; from elsewhere, the first. */
function move(step) {
  const links = [...document.querySelectorAll("[data-row]")];
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)];
  next?.focus();
  next?.closest("li, tr")?.scrollIntoView({ block: "nearest" });
}

export function listenToKeys() {
  const help = document.querySelector("dialog#help");
  const openHelp = () => help?.open || help?.showModal();
  for (const button of document.querySelectorAll("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", openHelp);
  }
  const choice = help?.querySelector("[data-keys-on]");
  if (choice) {
    choice.checked = !isOff();
    choice.addEventListener("change", () => {
      try {
        localStorage.setItem(OFF, choice.checked ? "0" : "1");
      } catch {
        // nothing is kept; the keys stay on
      }
    });
  }
  const actions = {
    "/": () => document.querySelector("input[type=search]")?.focus(),
    "?": openHelp,
    j: () => move(1),
    k: () => move(-1),
  };
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || help?.open || isOff()) return;
    event.preventDefault();
    action();
  });
}
