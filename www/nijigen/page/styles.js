/** The list of styles, the looks that they make, and the files of the one that is wanted. */

import { NijigenError } from "../shared/errors.js";
import { documentUrl } from "./addresses.js";
import { findFiles } from "./package_files.js";

/** @typedef {"portrait" | "segmentation"} FaceVariant of networks that are for faces alone */

/**
 * @typedef {object} StyleEntry a style in `styles/manifest.json`
 * @property {string} name
 * @property {string} [family] the look, which several entries may share; default: the name
 * @property {import("./variants.js").Variant | FaceVariant} [variant] of the family: how large its network is, or that it
 *   draws faces, or tells skin and hair around them. The families "portrait" and "segmentation" have only one that does, for all
 *   looks that have none of their own
 * @property {number} [ms_512] time for 512 × 512 in native code on the machine that wrote the manifest
 * @property {string} file its name
 * @property {string} url its address
 * @property {number} bytes
 * @property {string} sha256
 * @property {Record<string, string>} title by language
 * @property {Record<string, string>} [about] what its pictures look like, in a line, by language
 * @property {string} credit
 * @property {string} license
 */

/**
 * @typedef {object} Look what a visitor chooses: places and whole pictures are drawn by one of its networks, faces by
 *   its portrait network
 * @property {string} name of the family
 * @property {Record<string, string>} title by language
 * @property {Record<string, string>} about what its pictures look like, in a line, by language; may be empty
 * @property {(StyleEntry & {variant: import("./variants.js").Variant})[]} networks that differ in size, at least one
 * @property {StyleEntry} [portrait] its own, or the one for all looks
 * @property {StyleEntry} [segmentation] the same of the network that tells skin and hair around faces
 */

/** @type {FaceVariant[]} */
const FACE_VARIANTS = ["portrait", "segmentation"];

/**
 * The styles that are there.
 * @param {string | URL} [assets] folder that holds `nijigen/` and `styles/`
 * @returns {Promise<StyleEntry[]>}
 */
export async function listStyles(assets) {
  return (await findFiles(assets)).styles();
}

/**
 * The looks that are there.
 * @param {string | URL} [assets] folder that holds `nijigen/` and `styles/`
 * @returns {Promise<Look[]>}
 */
export async function listLooks(assets) {
  return groupLooks(await listStyles(assets));
}

/**
 * @param {StyleEntry[]} styles
 * @returns {Look[]} in the order of their first entries
 */
function groupLooks(styles) {
  /** @param {FaceVariant} wanted @param {string} look */
  const forFaces = (wanted, look) => {
    const of = (/** @type {string} */ family) => styles.find((entry) => entry.variant === wanted && familyOf(entry) === family);
    return of(look) ?? of(wanted);
  };
  const families = [...new Set(styles.map(familyOf))];
  return families.flatMap((name) => {
    const networks = styles.flatMap((entry) => {
      const { variant = "full" } = entry;
      return familyOf(entry) === name && !isForFaces(variant) ? [{ ...entry, variant }] : [];
    });
    if (!networks.length) return [];
    const about = networks.find((entry) => entry.about)?.about ?? {};
    const [portrait, segmentation] = FACE_VARIANTS.map((variant) => forFaces(variant, name));
    return [{ name, title: networks[0].title, about, networks, portrait, segmentation }];
  });
}

/** @param {import("./variants.js").Variant | FaceVariant} variant @returns {variant is FaceVariant} */
function isForFaces(variant) {
  return FACE_VARIANTS.some((other) => other === variant);
}

/** @param {StyleEntry} entry */
function familyOf({ family, name }) {
  return family ?? name;
}

/**
 * The networks of a style.
 * @typedef {object} Networks
 * @property {import("./variants.js").Network[]} networks at least one
 * @property {import("./variants.js").Network} [portrait] for faces
 * @property {import("./variants.js").Network} [segmentation] for what is around them
 */

/**
 * @param {string | {url: string, sha256?: string} | undefined} style a look (default: the first), all networks of which
 *   may be used; the name of one of them, or a file elsewhere, which has no networks for faces
 * @param {import("./package_files.js").PackageFiles} files
 * @returns {Promise<Networks>}
 */
export async function findStyle(style, files) {
  if (typeof style === "object") {
    const url = new URL(style.url, documentUrl());
    return { networks: [{ url: url.href, sha256: style.sha256 ?? "" }] };
  }
  const looks = groupLooks(await files.styles());
  const wanted = style ?? looks[0]?.name;
  const isWanted = (/** @type {StyleEntry} */ { name }) => name === wanted;
  const look = looks.find(({ name }) => name === wanted) ?? looks.find(({ networks }) => networks.some(isWanted));
  if (!look) {
    const names = looks.flatMap(({ networks }) => networks.map(({ name }) => name)).join(", ");
    throw new NijigenError("style-invalid", `There is no style "${wanted}" (there are: ${names}).`);
  }
  /** @param {StyleEntry} entry @returns {import("./variants.js").Network} */
  const source = ({ url, bytes, sha256, ms_512: ms }) => ({ url, bytes, sha256, ms });
  const { name, networks, portrait, segmentation } = look;
  return {
    networks: networks
      .filter((entry) => name === wanted || isWanted(entry))
      .map((entry) => ({ ...source(entry), variant: entry.variant })),
    ...(portrait ? { portrait: source(portrait) } : {}),
    ...(segmentation ? { segmentation: source(segmentation) } : {}),
  };
}
