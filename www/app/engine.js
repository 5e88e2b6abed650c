/** The engine and style that are chosen: one stylizer with its queue at a time. */

import { createStylizer } from "../nijigen/index.js";
import { chosenDevice } from "./faster_engine.js";

/** @typedef {Awaited<ReturnType<typeof createStylizer>>} Stylizer */
/** @typedef {{stylizer: Stylizer, queue: ReturnType<Stylizer["queue"]>}} Engine */

/**
 * What a picture is made with.
 * @typedef {object} EngineChoice
 * @property {string} style family in the manifest
 * @property {"auto" | import("../nijigen/index.js").Variant} variant which network of the family
 * @property {import("../nijigen/index.js").Device} device
 */

/** @type {{key: string, engine: Promise<Engine>} | undefined} */
let current;

/**
 * The engine for a choice; kept until something else is chosen, and started again if it failed.
 * @param {EngineChoice} choice
 * @param {(key: "engine" | "style", loaded: number, total: number) => void} onProgress bytes
 * @returns {Promise<Engine>}
 */
export function openEngine({ style, variant, device: wanted }, onProgress) {
  const device = chosenDevice(wanted);
  const key = `${style} ${variant} ${device}`;
  if (current?.key === key) return current.engine;
  current?.engine.then(({ stylizer }) => stylizer.dispose()).catch(() => {});
  const engine = createStylizer({ style, variant, device, onProgress }).then((stylizer) => ({
    stylizer,
    queue: stylizer.queue(),
  }));
  current = { key, engine };
  engine.catch(() => {
    if (current?.engine === engine) current = undefined;
  });
  return engine;
}
