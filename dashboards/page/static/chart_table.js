// What a chart's figure says in words: the latest sentiment beside its title, and the table of its numbers.
import { columnsOf, isSigned, linesOf, say, tick } from "./chart_data.js";

/** Puts the latest sentiment into the caption; a chart of counts has none. */
export function sayLatest(figure, spec) {
  if (!isSigned(spec) || spec.series.length > 1) return;
  const value = spec.series[0].points.findLast((point) => point[1] !== null)?.[1];
  let place = figure.querySelector("figcaption .score");
  if (!place) {
    place = document.createElement("span");
    figure.querySelector("figcaption").append(place);
  }
  const shown = say(value, spec);
  const side = shown.startsWith("−") ? "neg" : shown.startsWith("+") ? "pos" : "";
  place.className = `score ${side}`;
  const arrow = document.createElement("span");
  arrow.setAttribute("aria-hidden", "true");
  arrow.textContent = { neg: "▼", pos: "▲" }[side] ?? "■";
  place.replaceChildren(arrow, ` ${shown}`);
}

export function fillTable(figure, spec) {
  const body = figure.querySelector("tbody");
  if (!body) return;
  const [times, ...columns] = columnsOf(spec);
  const shown = linesOf(spec).flatMap((line, at) => (line.kind === "band" ? [] : [columns[at]]));
  body.replaceChildren(
    ...times.map((time, at) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = tick(time);
      row.append(head, ...shown.map((values) => cell(say(values[at], spec))));
      return row;
    }),
  );
}

function cell(text) {
  const cell = document.createElement("td");
  cell.className = "number";
  cell.textContent = text;
  return cell;
}
