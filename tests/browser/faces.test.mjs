/** Faces: the detector, landmarks and providers of an embedding page, and the page's own controls. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, convert, download, fixture, forgetFiles, openPage, openPlain, outcome } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

/** @typedef {[number, number]} Point */

const ASTRONAUT = join(ROOT, "www/samples/astronaut.jpg");
const COFFEE = join(ROOT, "www/samples/coffee.jpg");
const GROUP = fixture("group.jpg");
/** @type {{faceWidth: number, points: Point[]}[]} as `make_group.py` put them */
const PEOPLE = JSON.parse(await readFile(fixture("group.json"), "utf8"));
/** Eyes, nose and corners of the mouth of astronaut.jpg, as the trainer's MTCNN finds them. @type {Point[]} */
const ASTRONAUT_POINTS = [[204.8, 101.6], [246.6, 103.1], [224.2, 130.2], [200.5, 140.5], [245.2, 141.7]];

const browser = freshBrowser();

/**
 * Runs `body` in a document of the page's origin. It sees `stylizer` on the CPU, `astronaut`, `coffee`
 * and `group` (photos), `people` (where the group's faces are), `five`, which makes faces of five
 * points each, and `failure`, which waits for a promise's error.
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(body) {
  await openPlain(browser);
  await browser.context.route("**/group.jpg", (route) => route.fulfill({ path: GROUP }));
  return browser.page.evaluate(`(async () => {
    const { createStylizer } = await import("/nijigen/index.js");
    const load = async (path) => (await fetch(path)).blob();
    const [astronaut, coffee, group] = await Promise.all(
      ["/samples/astronaut.jpg", "/samples/coffee.jpg", "/group.jpg"].map(load),
    );
    const people = ${JSON.stringify(PEOPLE)};
    const five = (...faces) => faces.map((points) => ({
      kind: "5", score: 1, box: [0, 0, 1, 1], landmarks: new Float32Array(points.flat()),
    }));
    const portrait = five(${JSON.stringify(ASTRONAUT_POINTS)});
    const failure = (promise) => promise.then(
      () => ({ name: "", code: "", message: "it succeeded" }),
      ({ name, code, message }) => ({ name, code, message }),
    );
    const stylizer = await createStylizer({ device: "cpu" });
    try {
      ${body}
    } finally {
      stylizer.dispose();
    }
  })()`);
}

/**
 * Eyes, nose and corners of the mouth of a face mesh, by the points of `src/face/landmarks.rs`.
 * @param {number[]} landmarks
 * @returns {Point[]}
 */
function fivePoints(landmarks) {
  /** @param {number[]} indices @returns {Point} */
  const mean = (...indices) => {
    const sum = [0, 1].map((axis) => indices.reduce((sum, i) => sum + landmarks[2 * i + axis], 0));
    return [sum[0] / indices.length, sum[1] / indices.length];
  };
  return [mean(33, 133, 159), mean(362, 263, 386), mean(1, 4), mean(57, 62), mean(287, 292)];
}

/**
 * @param {Point[]} points
 * @param {Point[]} expected
 * @returns {{mean: number, largest: number}} the distances between them, by that of the eyes
 */
function error(points, expected) {
  /** @param {Point} a @param {Point} b */
  const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  const eyes = distance(expected[0], expected[1]);
  const distances = points.map((point, i) => distance(point, expected[i]) / eyes);
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / points.length;
  return { mean, largest: Math.max(...distances) };
}

/** By the distance of the eyes: MTCNN's points move by 3 % on average when a photo is mirrored. */
const CLOSE = 0.04;
const CLOSE_LARGEST = 0.05;

test("the eighteen faces of a group are found, from 48 to 200 pixels, and nothing else", async () => {
  const found = await run(`
    const faces = await stylizer.detectFaces(group);
    return faces.map(({ landmarks, ...face }) => ({ ...face, landmarks: [...landmarks] }));`);
  assert.equal(found.length, PEOPLE.length);
  for (const { kind, score, box, landmarks } of found) {
    assert.deepEqual([kind, landmarks.length], ["468", 936]);
    assert.ok(score > 0.5 && score <= 1, `score ${score}`);
    const [x, y] = fivePoints(landmarks)[2];
    assert.ok(x > box[0] && x < box[0] + box[2] && y > box[1] && y < box[1] + box[3], "the nose is in the box");
  }
  for (const { faceWidth, points } of PEOPLE) {
    const errors = found.map((/** @type {any} */ { landmarks }) => error(fivePoints(landmarks), points));
    errors.sort((/** @type {any} */ a, /** @type {any} */ b) => a.mean - b.mean);
    const [{ mean, largest }] = errors;
    const off = `the face ${faceWidth} pixels wide at ${points[2]} is off by ${mean}, at most ${largest}`;
    assert.ok(mean < CLOSE && largest < CLOSE_LARGEST, off);
  }
});

test("landmarks are pixels of the upright photo: EXIF orientation, photos that are shrunk, bitmaps", async () => {
  const found = await run(`
    const bitmap = await createImageBitmap(astronaut);
    // Stored on its side; orientation 6 says "turn clockwise by 90 degrees to view".
    const side = new OffscreenCanvas(512, 512);
    const context = side.getContext("2d");
    context.setTransform(0, -1, 1, 0, 0, 512);
    context.drawImage(bitmap, 0, 0);
    const jpeg = await side.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    const exif = [0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8,
      0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    const rotated = new Blob([jpeg.slice(0, 2), new Uint8Array(exif), jpeg.slice(2)]);
    // More than the 24 megapixels that are copied to the engine.
    const huge = new OffscreenCanvas(5120, 5120);
    huge.getContext("2d").drawImage(bitmap, 0, 0, 5120, 5120);
    const large = await huge.convertToBlob({ type: "image/jpeg", quality: 0.9 });
    const found = [];
    for (const source of [astronaut, bitmap, rotated, large]) {
      const faces = await stylizer.detectFaces(source);
      found.push(faces.map(({ landmarks }) => [...landmarks]));
    }
    return found;`);
  for (const [i, faces] of found.entries()) {
    assert.equal(faces.length, 1, `photo ${i}`);
    const scale = i === 3 ? 10 : 1;
    const expected = ASTRONAUT_POINTS.map(([x, y]) => /** @type {Point} */ ([x * scale, y * scale]));
    const { mean, largest } = error(fivePoints(faces[0]), expected);
    assert.ok(mean < CLOSE && largest < CLOSE_LARGEST, `photo ${i} is off by ${mean}, at most ${largest}`);
  }
});

test("landmarks of the host: drawn, and no detector is loaded", async () => {
  const before = browser.requests.length;
  const made = await run(`
    const plain = await stylizer.stylize(astronaut, { size: 384, output: "imagedata" });
    const both = await stylizer.stylize(astronaut, {
      size: 384, output: "imagedata", faces: "both", landmarks: portrait,
    });
    const beside = await stylizer.stylize(astronaut, {
      size: 384, faces: "both", landmarks: portrait, sideBySide: true,
    });
    const alone = await stylizer.stylize(astronaut, { faces: "faces", landmarks: portrait });
    const nobody = await stylizer.stylize(astronaut, { size: 128, faces: "both", landmarks: [] });
    const wholes = [plain, both].map(({ imageData }) => imageData.data);
    let changed = { inside: 0, outside: 0 };
    for (let y = 0; y < 384; y++) {
      for (let x = 0; x < 384; x++) {
        const i = 4 * (y * 384 + x);
        const isFace = Math.hypot(x - 168, y - 85) < 110;
        if (wholes[0][i] !== wholes[1][i]) changed[isFace ? "inside" : "outside"]++;
      }
    }
    return {
      changed,
      outcomes: [both, alone, nobody].map(({ faces }) => faces.map(({ outcome }) => outcome)),
      sizes: [both, beside, alone].map(({ width, height }) => [width, height]),
      times: [both.elapsedMs > 0, both.detectMs, "faces" in plain],
      type: alone.blob.type,
    };`);
  assert.deepEqual(made.outcomes, [["done"], ["done"], []]);
  assert.ok(made.changed.inside > 1000, `${made.changed.inside} pixels of the face changed`);
  assert.equal(made.changed.outside, 0, "pixels far from the face changed");
  const [[width, height], beside, alone] = made.sizes;
  assert.deepEqual([width, height, ...alone], [384, 384, 512, 512]);
  assert.ok(beside[0] > 1.9 * beside[1], `side by side is ${beside}`);
  assert.deepEqual(made.times, [true, null, false].map((v) => v ?? undefined));
  const asked = browser.requests.slice(before).filter((url) => /nijigen\/faces/.test(url));
  assert.deepEqual(asked, []);
});

test("a provider of the host is asked instead of the detector", async () => {
  const before = browser.requests.length;
  const made = await run(`
    const calls = [];
    const faceProvider = {
      async detect(image, { signal }) {
        calls.push([image instanceof ImageData, image.width, image.height, signal instanceof AbortSignal]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        return portrait;
      },
    };
    const { signal } = new AbortController();
    const { faces, detectMs, elapsedMs } = await stylizer.stylize(astronaut, {
      size: 384, faces: "both", faceProvider, signal,
    });
    const found = await stylizer.detectFaces(coffee, { faceProvider });
    return { calls, outcome: faces[0].outcome, detectMs, elapsedMs, found: found.length };`);
  assert.deepEqual(made.calls, [[true, 512, 512, true], [true, 600, 400, false]]);
  assert.deepEqual([made.outcome, made.found], ["done", 1]);
  assert.ok(made.detectMs >= 299, `detection took ${made.detectMs} ms`);
  assert.ok(made.elapsedMs > 0);
  assert.ok(!browser.requests.slice(before).some((url) => /faces\/|face_worker/.test(url)));
});

test("a provider that fails costs the faces, not the picture", async () => {
  const made = await run(`
    const NAN = five(Array.from({ length: 5 }, () => [NaN, 1]));
    const answers = {
      throws: async () => { throw new Error("no camera"); },
      throwsAtOnce: () => { throw new Error("at once"); },
      throwsNothing: async () => { throw undefined; },
      notAList: async () => 7,
      tooShort: async () => [{ kind: "68", landmarks: new Float32Array(10) }],
      nan: async () => NAN,
    };
    const made = {};
    for (const [name, detect] of Object.entries(answers)) {
      const { width, faces, facesFailed } = await stylizer.stylize(astronaut, {
        size: 64, faces: "both", faceProvider: { detect },
      });
      made[name] = { width, outcomes: faces.map(({ outcome }) => outcome), failed: facesFailed };
    }
    const alone = { faces: "faces", faceProvider: { detect: answers.throws } };
    made.alone = await failure(stylizer.stylize(astronaut, alone));
    made.aloneNan = await failure(stylizer.stylize(astronaut, { faces: "faces", landmarks: NAN }));
    return made;`);
  for (const name of ["throws", "throwsAtOnce", "throwsNothing", "notAList", "tooShort", "nan"]) {
    assert.equal(made[name].width, 64, name);
  }
  assert.equal(made.throws.failed, "no camera");
  assert.equal(made.throwsAtOnce.failed, "at once");
  assert.match(made.notAList.failed, /faces is 7, expected an array/);
  assert.match(made.tooShort.failed, /\[0\].landmarks has 10 numbers, expected 136/);
  assert.deepEqual([made.nan.failed ?? "", made.nan.outcomes], ["", ["invalid"]]);
  assert.equal(made.alone.code, "no-face");
  assert.match(made.alone.message, /no camera/);
  assert.equal(made.aloneNan.code, "no-face");
});

test("wrong options are named", async () => {
  const made = await run(`
    const face = portrait[0];
    const wrong = {
      mode: { faces: "some" },
      likeness: { faces: "both", likeness: -1 },
      irises: { faces: "both", landmarks: [{ kind: "478", landmarks: new Float32Array(936) }] },
      provider: { faces: "both", faceProvider: {} },
      list: { faces: "both", landmarks: face },
      kind: { faces: "both", landmarks: [{ ...face, kind: "12" }] },
      numbers: { faces: "both", landmarks: [{ ...face, landmarks: [1, 2] }] },
      mixed: { faces: "both", landmarks: [face, { kind: "68", landmarks: new Float32Array(136) }] },
      many: { faces: "both", landmarks: Array(101).fill(face) },
    };
    const made = {};
    for (const [name, options] of Object.entries(wrong)) {
      made[name] = (await failure(stylizer.stylize(astronaut, options))).message;
    }
    return made;`);
  assert.match(made.mode, /faces is "some", expected one of "off", "faces", "both"/);
  assert.match(made.likeness, /likeness is -1, expected a number from 0 to 1/);
  assert.match(made.irises, /landmarks\[0\].landmarks has 936 numbers, expected 956/);
  assert.match(made.provider, /faceProvider is .*"detect"/);
  assert.match(made.list, /landmarks is .*, expected an array/);
  assert.match(made.kind, /landmarks\[0\].kind is "12", expected "5", "68", "468" or "478"/);
  assert.match(made.numbers, /landmarks\[0\].landmarks is 1,2, expected a Float32Array/);
  assert.match(made.mixed, /landmarks\[1\].kind is "68", but landmarks\[0\].kind is "5"/);
  assert.match(made.many, /101 faces/);
});

test("thirty faces are accepted", async () => {
  const made = await run(`
    const points = Array.from({ length: 30 }, (_, i) => people[i % people.length].points);
    const { faces } = await stylizer.stylize(group, { size: 256, faces: "both", landmarks: five(...points) });
    return faces.map(({ outcome }) => outcome);`);
  assert.equal(made.length, 30);
  assert.ok(made.includes("done") && !made.includes("invalid"), `outcomes ${made}`);
});

test("a file of the detector that is not the listed one is fetched again; one that stays wrong is refused", async () => {
  for (const [spoilt, expected] of /** @type {[number, RegExp][]} */ ([[1, /^1 face$/], [2, /facemesh.bin has not the SHA-256/]])) {
    await forgetFiles(browser);
    let served = 0;
    await browser.context.route("**/facemesh.bin", async (route) => {
      const response = await route.fetch({ maxRetries: 3 });
      const body = await response.body();
      if (served++ < spoilt) body[99] ^= 1;
      await route.fulfill({ response, body });
    });
    const said = await run(`
      const { faces, facesFailed } = await stylizer.stylize(astronaut, { size: 128, faces: "both" });
      return facesFailed ?? faces.length + " face";`);
    assert.match(said, expected);
    assert.equal(served, 2);
    await browser.context.unroute("**/facemesh.bin");
  }
});

test("detection can be aborted, by the detector's leave or without; the next one works", async () => {
  const made = await run(`
    await stylizer.detectFaces(astronaut);
    const controller = new AbortController();
    const aborted = failure(stylizer.detectFaces(group, { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = performance.now();
    controller.abort();
    const { code } = await aborted;
    const waited = performance.now() - before;
    const next = await stylizer.detectFaces(astronaut);
    const freed = performance.now() - before;
    const startedAt = performance.now();
    await stylizer.detectFaces(group);
    const whole = performance.now() - startedAt;

    const asleep = new AbortController();
    const faceProvider = { detect: () => new Promise(() => setTimeout(() => asleep.abort(), 50)) };
    const options = { size: 64, faces: "both", faceProvider, signal: asleep.signal };
    const stuck = await failure(stylizer.stylize(astronaut, options));
    const { width } = await stylizer.stylize(astronaut, { size: 64 });
    return { code, waited, next: next.length, freed, whole, stuck: stuck.code, width };`);
  assert.equal(made.code, "cancelled");
  assert.ok(made.waited < 500, `aborting took ${made.waited} ms`);
  assert.equal(made.next, 1);
  assert.ok(made.freed < made.whole, `the detector was busy for ${made.freed} ms; all takes ${made.whole} ms`);
  assert.deepEqual([made.stuck, made.width], ["cancelled", 64]);
});

test("the page: one click draws a group with its faces, offline once the detector is there", async () => {
  const { page, context } = browser;
  await openPage(browser);
  await page.selectOption("#size", "768");
  await page.check("#faces input[value=both]");
  const first = await convert(page, ASTRONAUT);
  assert.match("status" in first ? first.status : first.error, /512 × 512 .* 1 face drawn\. Finding the faces took/);
  assert.equal(await page.locator("#face-boxes button").count(), 1);
  await context.setOffline(true);
  try {
    const group = await convert(page, GROUP);
    const said = "status" in group ? group.status : group.error;
    // The others' landmarks are those of faces of less than 48 pixels.
    const large = PEOPLE.filter(({ faceWidth }) => faceWidth > 50).length;
    const [, done] = / (\d+) of 18 faces drawn: \d+ too small/.exec(said) ?? [];
    assert.ok(Number(done) >= large, said);
    const boxes = page.locator("#face-boxes button");
    assert.equal(await boxes.count(), 18);
    assert.match((await boxes.nth(0).getAttribute("aria-label")) ?? "", /^Draw face 1 of 18( \(too small at this size\))?$/);
    assert.equal(await page.locator("#face-boxes .left-out").count(), 18 - Number(done));
    const { png } = await download(page);
    assert.deepEqual([png.width, png.height], [768, 512]);
  } finally {
    await context.setOffline(false);
  }
});

test("the page: boxes lie on the faces, and switch them off and on by keyboard", async () => {
  const { page } = browser;
  await page.selectOption("#size", "512");
  await outcome(page);
  await convert(page, ASTRONAUT);
  const box = page.locator("#face-boxes button");
  assert.equal(await box.getAttribute("aria-pressed"), "true");
  assert.equal(await box.getAttribute("aria-label"), "Draw face 1 of 1");
  const [on, canvas] = await Promise.all([box.boundingBox(), page.locator("#photo").boundingBox()]);
  assert.ok(on && canvas);
  const middle = [(on.x + on.width / 2 - canvas.x) / canvas.width, (on.y + on.height / 2 - canvas.y) / canvas.height];
  assert.ok(Math.hypot(middle[0] - 224 / 512, middle[1] - 122 / 512) < 0.02, `the box is at ${middle}`);
  const before = browser.requests.length;
  await box.focus();
  await page.keyboard.press("Space");
  assert.equal(await box.getAttribute("aria-pressed"), "false");
  const off = await outcome(page);
  assert.match("status" in off ? off.status : off.error, /No face is chosen/);
  assert.ok(await box.isVisible(), "the box is there to be switched on again");
  await page.keyboard.press("Enter");
  const again = await outcome(page);
  assert.match("status" in again ? again.status : again.error, /1 face drawn/);
  assert.equal(await box.getAttribute("aria-pressed"), "true");
  assert.equal(browser.requests.length, before, "nothing was loaded for that");
});

test("the page: portraits, and the whole picture without boxes", async () => {
  const { page } = browser;
  await page.check("#faces input[value=faces]");
  const portrait = await outcome(page);
  assert.match("status" in portrait ? portrait.status : portrait.error, /512 × 512 .* 1 face drawn/);
  await page.check("#faces input[value=off]");
  const whole = await outcome(page);
  assert.doesNotMatch("status" in whole ? whole.status : whole.error, /face/);
  assert.ok(!(await page.isVisible("#face-boxes")));
});

test("the page: a photo without faces becomes a whole picture, which is said", async () => {
  const { page } = browser;
  for (const mode of ["both", "faces"]) {
    await page.check(`#faces input[value=${mode}]`);
    const coffee = await convert(page, COFFEE);
    assert.match("status" in coffee ? coffee.status : coffee.error, /512 × 341 .* No face was found: this is the whole/);
    assert.equal(await page.locator("#face-boxes button:visible").count(), 0);
  }
});

test("the page: a detector that cannot be loaded costs the faces only, and is tried again", async () => {
  const { page, context } = browser;
  assert.deepEqual(browser.complaints.filter((text) => !/status of 404/.test(text)), []);
  await context.route("**/nijigen/faces/**", (route) => route.fulfill({ status: 404, body: "" }));
  await openPage(browser);
  await page.selectOption("#size", "512");
  await page.check("#faces input[value=faces]");
  const failed = await convert(page, ASTRONAUT);
  const said = "status" in failed ? failed.status : failed.error;
  assert.match(said, /512 × 512 .* Faces could not be looked for: this is the whole picture\./);
  await context.unrouteAll({ behavior: "ignoreErrors" });
  await page.check("#faces input[value=both]");
  const again = await outcome(page);
  assert.match("status" in again ? again.status : again.error, /1 face drawn/);
});

test("no request left the origin", () => {
  const origin = new URL(browser.url).origin;
  assert.deepEqual(browser.requests.filter((url) => !url.startsWith(origin) && !url.startsWith("blob:")), []);
});
