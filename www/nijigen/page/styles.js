/** The list of styles, and the file of the one that is wanted. */

import { fetchList } from "../shared/assets.js";
import { NijigenError } from "../shared/errors.js";

/**
 * @typedef {object} StyleEntry a style in `styles/manifest.json`
 * @property {string} name
 * @property {string} [family] the look, which several entries may share; default: the name
 * @property {import("./variants.js").Variant} [variant] of the family: how large its network is
 * @property {number} [ms_512] time for 512 × 512 in native code on the machine that wrote the manifest
 * @property {string} file
 * @property {number} bytes
 * @property {string} sha256
 * @property {Record<string, string>} title by language
 * @property {string} credit
 * @property {string} license
 */

/** What addresses that a page gives are relative to. */
export function documentUrl() {
  return globalThis.document?.baseURI ?? location.href;
}

/** The folder that this package is in. */
export function defaultAssets() {
  return new URL("../..", import.meta.url);
}

/**
 * @param {string | URL} assets relative to the document
 * @returns {URL} with the slash at its end that relative addresses need
 */
export function toFolder(assets) {
  const folder = new URL(assets, documentUrl());
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder;
}

/**
 * The styles that are there.
 * @param {string | URL} [assets] folder that holds `nijigen/` and `styles/`
 * @returns {Promise<StyleEntry[]>}
 */
export async function listStyles(assets = defaultAssets()) {
  return (await fetchList(new URL("styles/manifest.json", toFolder(assets)), "styles")).styles;
}

/**
 * The networks of a style.
 * @param {string | {url: string, sha256?: string} | undefined} style a family (default: that of the first in the
 *   list), all networks of which may be used; the name of one of them, or a file elsewhere
 * @param {URL} assets
 * @returns {Promise<import("./variants.js").Network[]>} at least one
 */
export async function findStyle(style, assets) {
  if (typeof style === "object") {
    const url = new URL(style.url, documentUrl());
    return [{ url: url.href, sha256: style.sha256 ?? "" }];
  }
  const styles = await listStyles(assets);
  const familyOf = (/** @type {StyleEntry} */ { family, name }) => family ?? name;
  const wanted = style ?? (styles.length ? familyOf(styles[0]) : "");
  const family = styles.filter((entry) => familyOf(entry) === wanted);
  const found = family.length ? family : styles.filter(({ name }) => name === wanted);
  if (!found.length) {
    const names = styles.map(({ name }) => name).join(", ");
    throw new NijigenError("style-invalid", `There is no style "${wanted}" (there are: ${names}).`);
  }
  return found.map(({ file, bytes, sha256, variant = "full" }) => {
    return { url: new URL(`styles/${file}`, assets).href, bytes, sha256, variant };
  });
}
