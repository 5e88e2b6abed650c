import { fileURLToPath } from "node:url";

/** @param {string} path */
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default {
  mode: "production",
  entry: at("main.js"),
  output: { path: at("../../target/examples/webpack"), filename: "main.js", clean: true },
  // Engines and styles are larger than what webpack warns of.
  performance: { hints: false },
};
