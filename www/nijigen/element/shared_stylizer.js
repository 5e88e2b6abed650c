/** One stylizer for all who want the same, as long as somebody does. */

import { createStylizer } from "../index.js";

/** A stylizer that nobody uses is kept for so long: elements are often moved, or replaced by others. */
const UNUSED_LIMIT_MS = 5000;

/**
 * @typedef {object} Shared
 * @property {ReturnType<typeof createStylizer>} stylizer
 * @property {number} users
 * @property {ReturnType<typeof setTimeout>} [timer] until it is disposed of
 */

/** @type {Map<string, Shared>} */
const all = new Map();

/**
 * Starts a stylizer, or takes the one that was started with the same options.
 * @param {import("../page/options.js").StylizerOptions} options
 * @returns {{stylizer: Promise<import("../page/stylizer.js").Stylizer>, release: () => void}} release it once
 */
export function shareStylizer(options) {
  const key = JSON.stringify(options);
  /** @type {Shared} */
  const shared = all.get(key) ?? { stylizer: createStylizer(options), users: 0 };
  if (!all.has(key)) {
    all.set(key, shared);
    // A failed start is tried again by the next user.
    shared.stylizer.catch(() => all.delete(key));
  }
  clearTimeout(shared.timer);
  shared.users += 1;
  const release = () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.timer = setTimeout(() => {
      if (all.get(key) === shared) all.delete(key);
      shared.stylizer.then((stylizer) => stylizer.dispose()).catch(() => {});
    }, UNUSED_LIMIT_MS);
  };
  return { stylizer: shared.stylizer, release };
}
