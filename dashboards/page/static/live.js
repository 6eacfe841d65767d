// Live updates by server-sent events. Every event is a full state, so a lost one costs nothing.
import { updateCharts } from "./charts.js";
import { replaceContent } from "./replace.js";
import { word } from "./words.js";

const RETRY_MS = 3_000;

export function goLive() {
  const url = document.body.dataset.liveUrl;
  if (!url || !window.EventSource) return;
  const parts = [...document.querySelectorAll("[data-live]")].map((part) => part.dataset.live);
  const names = new Set([...parts, "charts"]);
  const waiting = new Map(); // event name → data, kept while paused
  let paused = false;

  const sign = document.querySelector("[data-connection]");
  let connection = "reconnecting";
  function show(state = connection) {
    connection = state;
    const shown = paused ? "paused" : state;
    if (!sign || sign.dataset.connection === shown) return;
    sign.dataset.connection = shown;
    sign.textContent = word(shown);
  }

  const receive = (name) => (event) => {
    show("live");
    if (paused) waiting.set(name, event.data);
    else apply(name, event.data);
  };

  const button = document.querySelector("[data-pause]");
  button?.addEventListener("click", () => {
    paused = !paused;
    button.textContent = word(paused ? "resume" : "pause");
    show();
    if (paused) return;
    for (const [name, data] of waiting) apply(name, data);
    waiting.clear();
  });
  for (const part of document.querySelectorAll("[data-live-controls]")) part.hidden = false;

  let source;
  function connect() {
    source?.close();
    source = new EventSource(url);
    source.addEventListener("open", () => show("live"));
    source.addEventListener("error", () => {
      show("reconnecting");
      // After a refusal (such as a 503 while the service starts) EventSource itself gives up.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
    });
    for (const name of names) source.addEventListener(name, receive(name));
  }
  connect();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
}

function apply(name, data) {
  if (name === "charts") updateCharts(JSON.parse(data));
  else for (const target of document.querySelectorAll(`[data-live="${name}"]`)) replaceContent(target, data);
}
