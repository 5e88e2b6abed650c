/** The engine and style that are chosen: one stylizer with its queue at a time. */

import { createStylizer } from "../nijigen/index.js";

/** @typedef {Awaited<ReturnType<typeof createStylizer>>} Stylizer */
/** @typedef {{stylizer: Stylizer, queue: ReturnType<Stylizer["queue"]>}} Engine */

/**
 * What a picture is made with.
 * @typedef {object} EngineChoice
 * @property {string} style name in the manifest
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
export function openEngine({ style, device }, onProgress) {
  const key = `${style} ${device}`;
  if (current?.key === key) return current.engine;
  current?.engine.then(({ stylizer }) => stylizer.dispose()).catch(() => {});
  const engine = createStylizer({ style, device, onProgress }).then((stylizer) => ({
    stylizer,
    queue: stylizer.queue(),
  }));
  current = { key, engine };
  engine.catch(() => {
    if (current?.engine === engine) current = undefined;
  });
  return engine;
}
