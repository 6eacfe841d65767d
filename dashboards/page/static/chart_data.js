// The numbers of a chart's spec in the shapes that the drawing, the table and the pointer want. Pure.
// spec: {series: [{name, points: [[epoch_s, value|null], …]}, …], y?: [low, high], unit?,
//        baseline?: {name, points}, bands?: {lower: points, upper: points}, marks?: [[from_s, to_s], …]}

/** Which lines a chart has, in the order of its columns: band, baseline, series. */
export function linesOf(spec) {
  return [
    ...(spec.bands
      ? [
          { kind: "band", points: spec.bands.upper },
          { kind: "band", points: spec.bands.lower },
        ]
      : []),
    ...(spec.baseline ? [{ kind: "baseline", ...spec.baseline }] : []),
    ...spec.series.map((series) => ({ kind: "series", ...series })),
  ];
}

/** uPlot's columns: all times of all lines in order, then each line's values there (null: none). */
export function columnsOf(spec) {
  const lines = linesOf(spec);
  const times = [...new Set(lines.flatMap((line) => line.points.map(([time]) => time)))].sort((a, b) => a - b);
  return [
    times,
    ...lines.map((line) => {
      const values = new Map(line.points);
      return times.map((time) => values.get(time) ?? null);
    }),
  ];
}

export const isSigned = (spec) => (spec.y?.[0] ?? 0) < 0;

/** Signed with two places for a sentiment (with a true minus sign), else at most one place. */
export function say(value, spec) {
  if (value === null || value === undefined) return "–";
  if (!isSigned(spec)) return String(Math.round(value * 10) / 10);
  const rounded = Math.round(value * 100) / 100;
  const sign = rounded > 0 ? "+" : rounded < 0 ? "−" : "";
  return sign + Math.abs(rounded).toFixed(2);
}

/** Such as 14:05, in UTC as everywhere on the page. */
export const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 16);

/** Such as 2026-03-01 at midnight, else 14:05. */
export function tick(seconds) {
  return seconds % 86_400 === 0 ? new Date(seconds * 1000).toISOString().slice(5, 10) : clock(seconds);
}
