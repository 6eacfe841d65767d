// Sends an alert's acknowledgement to the API, with the key that the reader gives. The key is kept nowhere.
import { word } from "./words.js";

export function sendAcknowledgements() {
  for (const form of document.querySelectorAll("form[data-ack]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
}

async function send(form) {
  const answer = form.querySelector("[data-ack-answer]");
  const { note, snooze_seconds, key } = Object.fromEntries(new FormData(form));
  answer.textContent = "";
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${key.trim()}` },
      body: JSON.stringify({ note, snooze_seconds: Number(snooze_seconds) }),
    });
    if (response.ok) form.reset();
    answer.textContent = response.ok ? word("acknowledged") : word("not_acknowledged", (await response.json()).detail);
  } catch (error) {
    answer.textContent = word("not_acknowledged", error.message);
  }
}
