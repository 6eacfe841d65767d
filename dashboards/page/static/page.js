// What the pages do beyond HTML: charts, live updates, keys. Each page works without it.
import { drawCharts } from "./charts.js";
import { listenToKeys } from "./keys.js";
import { goLive } from "./live.js";

drawCharts();
listenToKeys();
goLive();
