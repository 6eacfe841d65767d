// Puts a new HTML fragment in place of the old one, and leaves what the reader holds: focus, opened details.
// Rows of a list (an <ol> directly in the fragment) are known by their id; a row that did not change stays.
import { word } from "./words.js";

export function replaceContent(target, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const now = target.querySelector(":scope > ol");
  const next = [...template.content.children].find((child) => child.tagName === "OL");
  if (!now || !next) {
    if (plain(target) === plain(template)) return;
    keeping(target, () => target.replaceChildren(template.content));
    for (const row of target.querySelectorAll(":scope > ol > li")) announce(row);
    return;
  }
  replaceAround(target, now, [...template.content.childNodes], next);
  replaceRows(now, [...next.children]);
}

/** What stands before and after the list, such as a heading with a count. */
function replaceAround(target, now, nodes, next) {
  for (const node of [...target.childNodes]) if (node !== now) node.remove();
  const at = nodes.indexOf(next);
  now.before(...nodes.slice(0, at));
  now.after(...nodes.slice(at + 1));
}

function replaceRows(list, rows) {
  const before = new Map([...list.children].map((row) => [row.id, row]));
  const wanted = new Set(rows.map((row) => row.id));
  for (const [id, row] of before) if (!wanted.has(id)) row.remove();
  let place = list.firstElementChild;
  for (const row of rows) {
    const old = before.get(row.id);
    if (old) replaceRow(old, row);
    else {
      row.classList.add("fresh");
      announce(row);
    }
    const here = old ?? row;
    if (here === place) place = place.nextElementSibling;
    else list.insertBefore(here, place);
  }
}

const plain = (row) => row.innerHTML.replaceAll(' open=""', "").trim();

function replaceRow(old, row) {
  if (plain(old) === plain(row)) return;
  const isNews = row.dataset.announce && !old.dataset.announce; // a pending alert fires
  keeping(old, () => old.replaceChildren(...row.childNodes));
  for (const name of ["class", "data-announce"]) {
    if (row.hasAttribute(name)) old.setAttribute(name, row.getAttribute(name));
    else old.removeAttribute(name);
  }
  if (isNews) announce(old);
}

/** Changes an element's content; the link that has the focus keeps it, and what was opened stays open. */
function keeping(element, change) {
  const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = [...element.querySelectorAll("details")].map((details) => details.open);
  change();
  element.querySelectorAll("details").forEach((details, at) => (details.open = open[at] ?? false));
  if (focused) element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** Tells screen readers of a row that asks for it (a new alert); the tape's ticks are not told. */
function announce(row) {
  const region = document.querySelector("[data-announcer]");
  if (region && row.dataset.announce) region.textContent = word("new_alert", row.dataset.announce);
}
