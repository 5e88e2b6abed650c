/** A short form of soak.mjs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./soak.mjs";

test("photos of all kinds, killed workers, full storage and a reload: each ends done or in its own words", {
  timeout: 300_000,
}, async (t) => {
  const { done, failed, wrong, kills, kept, restored, complaints } = await soak(25, (words) => t.diagnostic(words));
  assert.deepEqual(wrong, []);
  assert.equal(done + failed, 25);
  assert.ok(kills >= 1 && failed >= 2, `${kills} workers were killed, ${failed} photos failed`);
  assert.ok(kept >= 4, `${kept} pictures were there when the storage became full`);
  assert.equal(restored, kept, "pictures that came back after the reload");
  assert.deepEqual(complaints, []);
});
