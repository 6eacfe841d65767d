// Shows the values under the pointer in a line above the chart.
import { readout } from "./chart_style.js";

export function pointer(specNow) {
  let place;
  return {
    hooks: {
      init: (plot) => {
        place = document.createElement("div");
        place.className = "readout";
        plot.over.append(place);
      },
      setCursor: (plot) => {
        const index = plot.cursor.idx;
        place.textContent = index === null || index === undefined ? "" : readout(specNow(), plot, index);
      },
    },
  };
}
