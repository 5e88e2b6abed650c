/** Where faces are searched for, and which boxes are one face: no browser is needed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { distinct, squaresToSearch } from "../../www/nijigen/face_worker/search.js";

test("the squares of each layer cover the photo, and overlap by more than a face of the next", () => {
  for (const [width, height] of [[1, 1], [512, 512], [600, 400], [1600, 1067], [900, 5000], [6000, 4000]]) {
    const squares = squaresToSearch(width, height);
    const sides = [...new Set(squares.map(({ side }) => side))];
    assert.equal(sides[0], Math.max(width, height), "the first square holds the whole photo");
    assert.ok(squares.length <= 60, `${squares.length} squares for ${width} x ${height}`);
    for (const side of sides) {
      const layer = squares.filter((square) => square.side === side);
      // A face a quarter as large as the squares lies in one of them as a whole, wherever it is.
      const face = Math.min(side / 4, width, height);
      for (let y = 0; y <= height - face; y += face / 3) {
        for (let x = 0; x <= width - face; x += face / 3) {
          const isSeen = layer.some(
            (square) =>
              square.x <= x + 1e-6 &&
              square.y <= y + 1e-6 &&
              x + face <= square.x + side + 1e-6 &&
              y + face <= square.y + side + 1e-6,
          );
          assert.ok(isSeen, `a face at ${x}, ${y} of ${width} x ${height} is cut in layer ${side}`);
        }
      }
    }
  }
});

test("small photos are looked at once, large ones in finer and finer squares", () => {
  assert.equal(squaresToSearch(512, 512).length, 1);
  assert.deepEqual(
    [...new Set(squaresToSearch(1600, 1067).map(({ side }) => side))],
    [1600, 800, 400],
  );
});

test("of boxes that are the same face the surest is kept; neighbours are kept apart", () => {
  /** @param {number} score @param {import("../../www/nijigen/face_worker/search.js").Box} box */
  const found = (score, ...box) => ({ score, box });
  const sure = found(0.9, 100, 100, 50, 50);
  const shifted = found(0.8, 110, 105, 50, 50);
  const part = found(0.95, 105, 130, 18, 18);
  const neighbour = found(0.5, 145, 100, 50, 50);
  assert.deepEqual(distinct([shifted, neighbour, sure]), [sure, neighbour]);
  assert.deepEqual(distinct([sure, part]), [part], "a part of a box is the same face");
  assert.deepEqual(distinct([]), []);
});
