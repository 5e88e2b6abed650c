/** The page: what is needed for its first sight, and the studio after that. */

import { startComparison } from "./comparison.js";
import { element } from "./dom.js";
import { startIntake } from "./intake.js";
import { startLanguage } from "./language.js";

/** Loaded once the page is painted; photos that come earlier wait for it. */
const studio = new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))).then(() =>
  import("./studio.js"),
);

startComparison(element("demo", HTMLElement));
startIntake(
  (photos) => void studio.then(({ take }) => take(photos)),
  (words) => void studio.then(({ showError }) => showError({ words })),
);
startLanguage()
  .then(() => studio)
  .then(({ startStudio }) => startStudio())
  .catch(console.error);
