/**
 * Messages between page and workers, whatever is in them: every request gets one answer, and nothing is thrown.
 * NIJIGEN_INPUTS=1000000 tries as many; docs/reliability.md has the figures.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

const INPUTS = Number(process.env.NIJIGEN_INPUTS ?? 5000);

/** What a worker's global scope has, and Node has not. */
const worker = new EventTarget();
/** @type {any[]} */
let replies = [];
Object.assign(globalThis, {
  self: globalThis,
  addEventListener: worker.addEventListener.bind(worker),
  postMessage: (/** @type {any} */ reply, /** @type {any} */ options) => replies.push(structuredClone(reply, options)),
});

const { answerRequests } = await import("../../www/nijigen/shared/answer_requests.js");
const { PROTOCOL_VERSION } = await import("../../www/nijigen/shared/protocol.js");
const { Client } = await import("../../www/nijigen/page/client.js");
const photos = await import("../../www/nijigen/engine_worker/photos.js");

/** @param {any} data */
const send = (data) => worker.dispatchEvent(Object.assign(new Event("message"), { data: structuredClone(data) }));

answerRequests(
  /** @type {any} */ ({
    open: (/** @type {any} */ request) => photos.openPhoto(request, /** @type {any} */ ({})),
    close: photos.closePhoto,
    copy: photos.copyPhoto,
    echo: (/** @type {any} */ request) => request,
    fail: () => {
      throw undefined;
    },
    function: () => () => {},
  }),
);

/** Mulberry32. */
function randomOf(/** @type {number} */ state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {() => number} random @param {number} [depth] @returns {any} */
function anything(random, depth = 0) {
  const values = [
    undefined, null, true, 0, -1, 1.5, NaN, Infinity, 2 ** 53, 10n, "", "open", "__proto__", "\u0000", "x".repeat(300),
    new Date(0), /x/, new Uint8ClampedArray(16), new Float32Array([NaN, 1]), new ArrayBuffer(8), new Map([[1, 2]]), new Error("x"),
  ];
  const at = Math.floor(random() * (values.length + (depth < 3 ? 8 : 0)));
  if (at < values.length) return values[at];
  const some = Array.from({ length: Math.floor(random() * 5) }, () => anything(random, depth + 1));
  if (at % 2) return some;
  return Object.fromEntries(some.map((value) => [choose(random, KEYS), value]));
}

const KEYS = [
  "v", "id", "type", "photo", "content", "request", "port", "key", "current", "total", "result", "code", "message", "rgba", "width",
  "height", "toString", "then", "length",
];
const TYPES = ["open", "close", "copy", "echo", "fail", "function", "cancel", "toString", "constructor", "__proto__", "nothing"];

/** @param {any} value */
function isPlain(value) {
  return Object(value) === value && Object.getPrototypeOf(value) === Object.prototype;
}

/** @template T @param {() => number} random @param {T[]} list @returns {T} */
function choose(random, list) {
  return list[Math.floor(random() * list.length)];
}

/** What nobody caught. @type {unknown[]} */
const thrown = [];
const note = (/** @type {unknown} */ error) => void thrown.push(error);
before(() => void process.on("uncaughtException", note).on("unhandledRejection", note));
after(() => void process.off("uncaughtException", note).off("unhandledRejection", note));

test("a worker answers each request once, whatever it is asked", async () => {
  const random = randomOf(1);
  const begun = performance.now();
  let worst = 0;
  for (let done = 0; done < INPUTS; done += 50) {
    replies = [];
    const asked = new Map();
    const from = performance.now();
    for (let i = 0; i < 50; i++) {
      const message = random() < 0.15 ? anything(random) : { v: PROTOCOL_VERSION, id: done + i, type: choose(random, TYPES) };
      if (isPlain(message)) {
        const more = anything(random);
        if (isPlain(more) && random() < 0.8) {
          const { v: _v, id: _id, type: _type, ...rest } = more;
          Object.assign(message, rest);
        }
        if (random() < 0.1) message[choose(random, KEYS)] = anything(random);
      }
      const { v, id, type } = Object(message);
      // Of ids that are no numbers, only this is asked: that nothing breaks.
      if (v === PROTOCOL_VERSION && type !== "cancel" && Number.isInteger(id) && id >= done) asked.set(id, type);
      send(message);
    }
    send({ v: PROTOCOL_VERSION, id: "last", type: "echo", content: done });
    while (!replies.some(({ id }) => id === "last")) await new Promise((resolve) => setTimeout(resolve));
    worst = Math.max(worst, performance.now() - from);
    const ended = replies.filter(({ type }) => type !== "progress");
    for (const [id, type] of asked) {
      const mine = ended.filter((reply) => reply.id === id);
      assert.ok(mine.length >= 1, `${inspect(type)} has no answer`);
      for (const reply of mine) {
        // What is no word may be read as one.
        const isKnown = typeof type !== "string" || ["open", "close", "copy", "echo"].includes(type);
        assert.ok(reply.type === "error" || isKnown, `${inspect(type)} was answered: ${inspect(reply)}`);
        assert.ok(reply.type === "result" || (typeof reply.code === "string" && typeof reply.message === "string"));
      }
    }
    assert.deepEqual(thrown, []);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`protocol, to a worker: ${INPUTS} messages in ${seconds} s, the slowest 50 in ${worst.toFixed(1)} ms`);
  assert.ok(worst < 2000);
});

test("a page takes any reply, and ends a request by the first that is for it", async () => {
  const random = randomOf(2);
  const begun = performance.now();
  for (let done = 0; done < INPUTS; done += 50) {
    const target = Object.assign(new EventTarget(), { postMessage() {}, terminate() {} });
    const client = /** @type {any} */ (new Client(/** @type {any} */ (target)));
    const reply = (/** @type {any} */ data) => target.dispatchEvent(Object.assign(new Event("message"), { data }));
    const requests = [1, 2, 3].map(() => client.request("estimate", { width: 1, height: 1 }).then(() => "done", () => "refused"));
    for (let i = 0; i < 47; i++) {
      const data = anything(random);
      if (isPlain(data) && random() < 0.7) {
        Object.assign(data, { v: PROTOCOL_VERSION, id: Math.ceil(random() * 3) });
        if (random() < 0.9) data.type = choose(random, ["progress", "error", "result", "", null, "cancel"]);
      }
      reply(data);
    }
    for (const id of [1, 2, 3]) reply({ v: PROTOCOL_VERSION, id, type: "result", result: id });
    for (const ended of await Promise.all(requests)) assert.ok(["done", "refused"].includes(ended));
    assert.deepEqual(thrown, []);
  }
  console.log(`protocol, to a page: ${INPUTS} replies in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
});
