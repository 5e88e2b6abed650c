/**
 * The package's files, each address spelt out, so that bundlers find and keep them. In the npm package this is the list
 * that `npm/assemble.mjs` writes; plain files have their lists beside them.
 */

/**
 * @typedef {object} BundledFile
 * @property {() => URL} url as the bundler has written it
 * @property {number} bytes
 * @property {string} sha256
 */

/**
 * @typedef {object} BundledFiles
 * @property {Record<string, BundledFile>} modules by their paths in `nijigen/wasm/`
 * @property {Record<string, BundledFile>} faces by their paths in `nijigen/faces/`
 * @property {(Omit<import("./styles.js").StyleEntry, "url"> & {url: () => URL})[]} styles
 */

/** @type {BundledFiles | undefined} */
export const bundledFiles = undefined;
