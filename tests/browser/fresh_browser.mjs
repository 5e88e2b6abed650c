/** The browser of a file of tests. */

import { after, afterEach, before } from "node:test";
import { openBrowser } from "./browser.mjs";

/** @typedef {import("./browser.mjs").Browser} Browser */

/**
 * Opens a browser before a file's tests and closes it after them. What one of them routes, the next does not see.
 * @param {Parameters<typeof openBrowser>[0]} [options]
 * @param {(browser: Browser) => Promise<void>} [prepare] runs once, before the tests
 * @returns {Browser} the browser, once the tests run
 */
export function freshBrowser(options, prepare) {
  const browser = /** @type {Browser} */ ({});
  before(async () => {
    Object.assign(browser, await openBrowser(options));
    await prepare?.(browser);
  });
  afterEach(() => browser.context.unrouteAll({ behavior: "ignoreErrors" }));
  after(() => browser.close());
  return browser;
}
