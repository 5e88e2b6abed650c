/** Names of saved files: no browser is needed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathWithEnding, uniquePaths } from "../../www/app/file_names.js";

test("what file systems refuse is replaced, in files and folders", () => {
  const paths = Object.entries({
    "cat.jpg": "cat-anime.png",
    "cat.v2.jpg": "cat.v2-anime.png",
    ".jpg": "photo-anime.png",
    " .jpg": "photo-anime.png",
    "no extension": "no extension-anime.png",
    "holiday/beach/cat.jpg": "holiday/beach/cat-anime.png",
    "/../..//x/cat.jpg": "_/_/x/cat-anime.png",
    "con/aux.d/cat.jpg": "_con/_aux.d/cat-anime.png",
    "day 1. /a\\b\tc.jpg": "day 1/a_b_c-anime.png",
    "gpj.\u202ecat.jpg": "gpj._cat-anime.png",
    "half \ud83d.jpg": "half _-anime.png",
    "cafe\u0301.jpg": "caf\u00e9-anime.png",
  });
  for (const [path, expected] of paths) assert.equal(pathWithEnding(path, "-anime.png"), expected, path);
});

test("long names are cut between characters, and keep their ending", () => {
  const unique = uniquePaths();
  for (const letter of ["a", "é", "漢", "😀"]) {
    const paths = Array.from({ length: 12 }, () => unique(pathWithEnding(`${letter.repeat(300)}/${letter.repeat(300)}.jpeg`, "-anime.png")));
    assert.equal(new Set(paths).size, 12);
    for (const path of paths) {
      for (const name of path.split("/")) {
        const bytes = Buffer.byteLength(name);
        assert.ok(bytes <= 200 && bytes > 190, `${name} has ${bytes} bytes`);
        assert.ok(!/\p{Cs}|\ufffd/u.test(name), name);
      }
      assert.ok(path.endsWith(".png"), path);
    }
  }
});

test("no two paths are the same to a file system that ignores case or composes letters", () => {
  const unique = uniquePaths();
  const paths = ["A.png", "a.png", "a (2).png", "a.png", "ſ.png", "S.png", "x/a.png", "X/A.png", "a.webp"].map(unique);
  assert.deepEqual(paths, [
    "A.png", "a (2).png", "a (2) (2).png", "a (3).png", "ſ.png", "S (2).png", "x/a.png", "X/A (2).png", "a.webp",
  ]);
});
