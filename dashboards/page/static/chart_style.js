// How a chart looks: colours from the stylesheet, axes, lines. Blue is above zero, orange below: told apart by all.
import { clock, isSigned, linesOf, say, tick } from "./chart_data.js";

/** The stylesheet's colours as the theme has them now. A property by itself would still say light-dark(…). */
export function coloursOf(root) {
  const probe = root.appendChild(document.createElement("span"));
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    negative: read("negative"),
    positive: read("positive"),
    negativeFill: read("negative-fill"),
    positiveFill: read("positive-fill"),
    band: read("band"),
    muted: read("muted"),
    line: read("line"),
    several: [1, 2, 3, 4].map((at) => read(`series-${at}`)),
  };
  probe.remove();
  return colours;
}

export function rangeOf(spec) {
  return (plot, low, high) => {
    if (spec.y) return spec.y;
    return [Math.min(0, low ?? 0), Math.max(1, (high ?? 0) * 1.08)];
  };
}

const isBars = (spec) => spec.series.length === 1 && !isSigned(spec);

/** A bar stands from its window's start to its end: the last one needs room. */
export function spanOf(specNow) {
  return (plot, low, high) => {
    const [first, second] = plot.data[0];
    return isBars(specNow()) && second ? [low, high + second - first] : [low, high];
  };
}

const FONT = "11px Inter, system-ui, sans-serif";

export function axes(spec, colours) {
  const common = { font: FONT, stroke: colours.muted, ticks: { show: false } };
  const signed = isSigned(spec);
  return [
    {
      ...common,
      size: 22,
      gap: 4,
      space: 56,
      grid: { show: false },
      values: (plot, splits) => splits.map(tick),
    },
    {
      ...common,
      size: 34,
      gap: 4,
      space: 28,
      splits: signed ? () => [spec.y[0], 0, spec.y[1]] : undefined,
      values: (plot, splits) => splits.map((value) => (signed ? say(value, spec).replace(/\.00$/, "") : value)),
      grid: { stroke: colours.line, width: 1 },
    },
  ];
}

/** A colour that changes at zero: `above` over it, `below` under it. */
function atZero(plot, above, below) {
  const { top, height } = plot.bbox;
  const zero = (plot.valToPos(0, "y", true) - top) / height;
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  const stop = Math.min(1, Math.max(0, Number.isFinite(zero) ? zero : 0.5));
  gradient.addColorStop(0, above);
  gradient.addColorStop(stop, above);
  gradient.addColorStop(stop, below);
  gradient.addColorStop(1, below);
  return gradient;
}

/** Points that have no neighbour to draw a line to. */
function alone(plot, at) {
  const values = plot.data[at];
  return values.flatMap((value, i) =>
    value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : [],
  );
}

export function lines(spec, colours) {
  const one = spec.series.length === 1;
  let at = 0;
  return linesOf(spec).map(({ kind }) => {
    if (kind === "band") return { stroke: "transparent", width: 0, points: { show: false } };
    if (kind === "baseline") return { stroke: colours.muted, width: 1.5, dash: [5, 4], points: { show: false } };
    const plain = colours.several[at++ % colours.several.length];
    if (isBars(spec)) return bars(colours);
    if (!one || !isSigned(spec)) return { stroke: plain, width: 1.75, points: { filter: alone, size: 4, fill: plain } };
    return {
      stroke: (plot) => atZero(plot, colours.positive, colours.negative),
      fill: (plot) => atZero(plot, colours.positiveFill, colours.negativeFill),
      fillTo: 0,
      width: 1.75,
      points: { filter: alone, size: 4, fill: (plot) => atZero(plot, colours.positive, colours.negative) },
    };
  });
}

function bars(colours) {
  return {
    stroke: colours.negative,
    fill: colours.negativeFill,
    width: 1,
    paths: window.uPlot.paths.bars({ size: [0.7, 18], align: 1 }),
    points: { show: false },
  };
}

/** Shades the spans of spec.marks, such as the time that an alert was firing. */
export function marks(specNow, colours) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = colours.band;
    for (const [from, to] of specNow().marks ?? []) {
      const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };
}

/** What the pointer says: the time, then each line's name and value. */
export function readout(spec, plot, index) {
  const told = linesOf(spec).flatMap((line, at) => {
    if (line.kind === "band") return [];
    const value = say(plot.data[at + 1][index], spec);
    return [spec.series.length === 1 && line.kind === "series" && !spec.baseline ? value : `${line.name} ${value}`];
  });
  return [clock(plot.data[0][index]), ...told].join(" · ");
}
