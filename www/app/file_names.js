/** Names for files that every file system takes. */

/** What a name may have of UTF-8: most file systems take 255 bytes, and some programs add to it. */
const MOST_BYTES = 200;

/** Control characters, halves of surrogate pairs, marks that turn the writing direction, and what Windows refuses. */
const REFUSED = /[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"\\|?*]/gu;

/** Devices of Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])(\.|$)/i;

const encoder = new TextEncoder();

/**
 * @param {string} path of a photo, perhaps with folders
 * @param {string} ending that takes the place of its extension
 * @returns {string} the path of a file made of it
 */
export function pathWithEnding(path, ending) {
  const folders = path.split("/");
  const stem = (folders.pop() ?? "").replace(/\.[^.]*$/, "");
  return [...folders.filter(Boolean).map((folder) => clean(folder)), clean(stem.trim() || "photo", ending)].join("/");
}

/**
 * @returns {(path: string) => string} the path itself, or for a second file of the same name one with a number; names that
 *   differ by case or by how Unicode writes a letter are the same to many file systems
 */
export function uniquePaths() {
  /** @type {Set<string>} */
  const taken = new Set();
  return (path) => {
    const [, folder, stem, extension] = /** @type {RegExpMatchArray} */ (path.match(/^(.*\/)?(.*?)(\.[^./]*)?$/s));
    for (let use = 1; ; use++) {
      const ending = (use === 1 ? "" : ` (${use})`) + (extension ?? "");
      const candidate = (folder ?? "") + shorten(stem, MOST_BYTES - byteLength(ending)) + ending;
      // Capitals first: "ß" is "ss" then.
      const folded = candidate.toUpperCase().toLowerCase().normalize("NFC");
      if (taken.has(folded)) continue;
      taken.add(folded);
      return candidate;
    }
  };
}

/**
 * @param {string} name of a folder, or of a file without its ending
 * @param {string} [ending]
 * @returns {string}
 */
function clean(name, ending = "") {
  const allowed = name.normalize("NFC").replace(REFUSED, "_");
  const short = shorten(allowed, MOST_BYTES - byteLength(ending)).trim();
  // Windows takes no dot at the end either, and nothing takes "..".
  const whole = (ending ? short : short.replace(/[. ]+$/, "")) + ending;
  return !whole || DEVICE.test(whole) ? `_${whole}` : whole;
}

/** @param {string} text @param {number} bytes of UTF-8 @returns {string} its beginning, in whole characters */
function shorten(text, bytes) {
  let short = "";
  for (const character of text) {
    bytes -= byteLength(character);
    if (bytes < 0) break;
    short += character;
  }
  return short;
}

/** @param {string} text */
const byteLength = (text) => encoder.encode(text).length;
