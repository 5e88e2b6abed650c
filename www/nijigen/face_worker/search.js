/** Where to look for faces in a photo, and which of the boxes found are the same face. */

/**
 * @typedef {object} Square
 * @property {number} x left edge, in pixels of the photo
 * @property {number} y
 * @property {number} side
 */

/** @typedef {[x: number, y: number, width: number, height: number]} Box in pixels of the photo */

/** Side of what the detector sees, in pixels: each square is drawn that large. */
export const SEEN_PX = 256;

/** The finest squares have about this side, so that their smallest faces are worth drawing. */
const FINEST_SIDE_PX = 400;

/** Each finer layer of squares is so much finer, and squares of a layer overlap by so much. */
const STEP = 2;
const OVERLAP = 0.3;

/** Layers at most: smaller faces would be a few pixels wide in a picture of usual size. */
const MAX_LAYERS = 3;

/**
 * Squares that cover a photo, coarse ones first. The detector overlooks faces that fill less than
 * about a tenth of what it sees; large ones it finds in the coarse squares, small ones in the fine.
 * @param {number} width of the photo in pixels
 * @param {number} height
 * @returns {Square[]} the first holds the whole photo; squares may reach beyond the photo
 */
export function squaresToSearch(width, height) {
  const longSide = Math.max(width, height);
  const squares = [centred(width, height, longSide)];
  for (let layer = 1; layer < MAX_LAYERS; layer++) {
    const side = longSide / STEP ** layer;
    if (side < FINEST_SIDE_PX / Math.SQRT2) break;
    for (const y of starts(height, side)) {
      for (const x of starts(width, side)) squares.push({ x, y, side });
    }
  }
  return squares;
}

/** @param {number} width @param {number} height @param {number} side @returns {Square} */
function centred(width, height, side) {
  return { x: (width - side) / 2, y: (height - side) / 2, side };
}

/**
 * @param {number} length to cover
 * @param {number} side of the squares
 * @returns {number[]} where squares start, evenly apart
 */
function starts(length, side) {
  if (length <= side) return [(length - side) / 2];
  const gaps = Math.ceil((length - side) / (side * (1 - OVERLAP)));
  return Array.from({ length: gaps + 1 }, (_, i) => ((length - side) * i) / gaps);
}

/** Boxes that share so much of their union, or of the smaller one, are the same face. */
const SAME_UNION = 0.3;
const SAME_SMALLER = 0.7;

/**
 * Keeps the best of the boxes that are the same face (non-maximum suppression).
 * @template {{box: Box, score: number}} T
 * @param {T[]} found
 * @returns {T[]} best first
 */
export function distinct(found) {
  /** @type {T[]} */
  const kept = [];
  for (const candidate of [...found].sort((a, b) => b.score - a.score)) {
    if (!kept.some(({ box }) => isSame(box, candidate.box))) kept.push(candidate);
  }
  return kept;
}

/** @param {Box} a @param {Box} b */
function isSame([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  if (width <= 0 || height <= 0) return false;
  const shared = width * height;
  const smaller = Math.min(aw * ah, bw * bh);
  const union = aw * ah + bw * bh - shared;
  return shared > SAME_UNION * union || shared > SAME_SMALLER * smaller;
}
