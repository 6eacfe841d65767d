// What the pages do beyond HTML: charts, live updates, keys, copies, acknowledgements. Each page works without it.
import { sendAcknowledgements } from "./acknowledge.js";
import { drawCharts } from "./charts.js";
import { offerCopies } from "./copy.js";
import { listenToKeys } from "./keys.js";
import { goLive } from "./live.js";

drawCharts();
offerCopies();
sendAcknowledgements();
listenToKeys();
goLive();
