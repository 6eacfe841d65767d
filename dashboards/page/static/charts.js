// Charts: each <figure class="chart" data-chart='{"series": …}'> gets a canvas, drawn by uPlot.
// The figure's caption and its table say the same to those who do not see the canvas.
import { columnsOf, linesOf } from "./chart_data.js";
import { pointer } from "./chart_pointer.js";
import { axes, coloursOf, lines, marks, rangeOf, spanOf } from "./chart_style.js";
import { fillTable, sayLatest } from "./chart_table.js";

const charts = new Map(); // figure id → {figure, spec, plot}

export function drawCharts() {
  if (!window.uPlot) return;
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) charts.get(target.id)?.plot.setSize(sizeOf(target));
  });
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const spec = JSON.parse(figure.dataset.chart);
    draw(figure, spec);
    sayLatest(figure, spec);
    resized.observe(figure);
  }
  document.addEventListener("themechange", () => {
    for (const { figure, spec } of charts.values()) draw(figure, spec);
  });
}

/** New points for the charts on this page; `specs` maps figure ids to what data-chart holds. */
export function updateCharts(specs) {
  // The page was opened on an empty store: only the server knows the figures' words.
  if (!document.querySelector("figure[data-chart]") && Object.keys(specs).length) location.reload();
  for (const [id, spec] of Object.entries(specs)) {
    const figure = document.getElementById(id);
    if (!figure || JSON.stringify(charts.get(id)?.spec) === JSON.stringify(spec)) continue;
    const chart = charts.get(id);
    // What is usual can be said from now on: the table's columns and the note are the server's.
    if (chart && linesOf(chart.spec).length !== linesOf(spec).length) location.reload();
    fillTable(figure, spec);
    sayLatest(figure, spec);
    if (chart) {
      chart.spec = spec;
      chart.plot.setData(columnsOf(spec));
    }
    figure.dataset.updates = String(Number(figure.dataset.updates ?? 0) + 1);
  }
}

const sizeOf = (figure) => ({
  width: Math.max(120, figure.querySelector(".canvas").clientWidth),
  height: figure.classList.contains("tall") ? 280 : 132,
});

function draw(figure, spec) {
  charts.get(figure.id)?.plot.destroy();
  let place = figure.querySelector(".canvas");
  if (!place) {
    place = document.createElement("div");
    place.className = "canvas";
    place.setAttribute("aria-hidden", "true");
    figure.querySelector("figcaption").after(place);
  }
  const colours = coloursOf(document.documentElement);
  const specNow = () => charts.get(figure.id)?.spec ?? spec;
  const plot = new window.uPlot(
    {
      ...sizeOf(figure),
      class: "plot",
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { range: spanOf(specNow) }, y: { range: rangeOf(spec) } },
      axes: axes(spec, colours),
      series: [{}, ...lines(spec, colours)],
      bands: spec.bands ? [{ series: [1, 2], fill: colours.band }] : undefined,
      plugins: [pointer(specNow)],
      hooks: { drawClear: [marks(specNow, colours)] },
    },
    columnsOf(spec),
    place,
  );
  charts.set(figure.id, { figure, spec, plot });
}
