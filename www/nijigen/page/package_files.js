/**
 * Where the package's files are: beside its scripts, where a bundler has put them, or in a folder that the host has
 * copied.
 */

import { fetchList, listFiles } from "../shared/assets.js";
import { NijigenError } from "../shared/errors.js";
import { plainFolder } from "../shared/plain_files.js";
import { documentUrl, toFolder } from "./addresses.js";
import { bundledFiles } from "./bundled_files.js";

/** @typedef {import("../shared/assets.js").Asset} Asset */

/**
 * @typedef {object} PackageFiles each list fails with "load-failed"
 * @property {(signal?: AbortSignal) => Promise<import("./styles.js").StyleEntry[]>} styles
 * @property {(signal?: AbortSignal) => Promise<Record<string, Asset>>} modules by their paths in `nijigen/wasm/`
 * @property {(signal?: AbortSignal) => Promise<Record<string, Asset>>} faces what the detector of faces reads, by name
 * @property {string} [scripts] folder `nijigen/` with the workers' scripts; nothing if they are where a bundler has put them
 */

/** This script's address, as far as the bundler tells, when it is run. @type {string | undefined} */
const address =
  import.meta.url ?? /** @type {HTMLScriptElement | null | undefined} */ (globalThis.document?.currentScript)?.src;

/** The copied folder, once it was found. @type {URL | undefined} */
let copy;

/**
 * @param {string | URL} [assets] folder that holds `nijigen/` and `styles/`
 * @returns {Promise<PackageFiles>}
 * @throws {NijigenError} with code "load-failed" if a bundler has left the files behind, and no copy of them is found
 */
export async function findFiles(assets) {
  const plain = plainFolder(address, "page/package_files.js");
  if (plain) return filesIn(assets === undefined ? new URL("..", plain) : toFolder(assets), plain);
  if (areBundled(bundledFiles)) return assets === undefined ? listed(bundledFiles) : filesIn(toFolder(assets));
  const folder = assets === undefined ? await findCopy() : toFolder(assets);
  return filesIn(folder, new URL("nijigen/", folder));
}

/**
 * @param {URL} folder that holds `nijigen/` and `styles/`
 * @param {URL} [scripts]
 * @returns {PackageFiles}
 */
function filesIn(folder, scripts) {
  /** @param {string} path @param {AbortSignal} [signal] */
  const list = async (path, signal) => {
    const at = new URL(path, folder).href;
    const files = Object.entries(await listFiles(at, signal));
    return Object.fromEntries(files.map(([name, about]) => [name, { ...about, url: at + name }]));
  };
  return {
    styles: async (signal) => {
      const { styles } = await fetchList(new URL("styles/manifest.json", folder), "styles", signal);
      return styles.map((/** @type {{file: string}} */ entry) => ({ ...entry, url: new URL(`styles/${entry.file}`, folder).href }));
    },
    modules: (signal) => list("nijigen/wasm/", signal),
    faces: (signal) => list("nijigen/faces/", signal),
    ...(scripts ? { scripts: scripts.href } : {}),
  };
}

/**
 * @param {import("./bundled_files.js").BundledFiles} files
 * @returns {PackageFiles}
 */
function listed({ styles, modules, faces }) {
  /** Next.js writes paths. @template {{url: () => URL}} File @param {File} file */
  const address = ({ url, ...about }) => ({ ...about, url: new URL(url().href, documentUrl()).href });
  /** @param {typeof modules} files */
  const list = async (files) => Object.fromEntries(Object.entries(files).map(([name, file]) => [name, address(file)]));
  return {
    styles: async () => styles.map(address),
    modules: () => list(modules),
    faces: () => list(faces),
  };
}

/**
 * Whether a bundler has put the files somewhere: one that has not leaves their addresses as they are written.
 * @param {import("./bundled_files.js").BundledFiles | undefined} files
 * @returns {files is import("./bundled_files.js").BundledFiles}
 */
function areBundled(files) {
  if (!files) return false;
  try {
    return Object.entries(files.modules).every(([name, { url }]) => url().href !== new URL(`../wasm/${name}`, address).href);
  } catch {
    // It knows no addresses at all.
    return false;
  }
}

/** What `npx nijigen copy` has made, beside the bundle or at the root of the site. @returns {Promise<URL>} */
async function findCopy() {
  if (copy) return copy;
  const folders = [new URL("nijigen/", address ?? documentUrl()).href, new URL("/nijigen/", documentUrl()).href];
  for (const folder of new Set(folders)) {
    // Some hosts answer with a page where there is no file.
    const isThere = await fetchList(`${folder}styles/manifest.json`, "styles").then(Boolean, () => false);
    if (isThere) return (copy = new URL(folder));
  }
  // Vite's development server (Astro's and SvelteKit's, too) bundles what is imported, but not what that needs.
  if (address?.includes("/.vite/")) {
    const line = `optimizeDeps: { exclude: ["nijigen"] }`;
    throw new NijigenError("load-failed", `Vite's development server needs one line in its configuration: ${line}.`);
  }
  throw new NijigenError(
    "load-failed",
    `Your bundler has left files of the package nijigen behind. Run "npx nijigen copy FOLDER", where FOLDER is the one ` +
      `that your site is served from, so that they are at ${folders[1]}; or name where they are: createStylizer({ assets: "…" }).`,
  );
}
