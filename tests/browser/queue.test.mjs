/** The queue's rules, with an engine that is told when to succeed and when to fail. No browser needed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NijigenError, cancelled } from "../../www/nijigen/shared/errors.js";
import { Queue } from "../../www/nijigen/page/queue.js";

/** @typedef {import("../../www/nijigen/page/queue.js").Job} Job */

/**
 * A queue whose photos are strings, with an engine in the test's hands.
 * @param {{concurrency?: number, retries?: number}} [options]
 */
function start(options) {
  /** Photos under way. @type {Map<string, {resolve: (picture: any) => void, reject: (error: unknown) => void, options: any}>} */
  const engine = new Map();
  /** @type {string[]} */
  const started = [];
  const queue = new Queue((source, options) => {
    const name = String(source);
    started.push(name);
    return new Promise((resolve, reject) => {
      engine.set(name, { resolve, reject, options });
      options.signal?.addEventListener("abort", () => reject(cancelled()));
    });
  }, options);
  /** @type {string[]} */
  const events = [];
  queue.addEventListener("change", (event) => {
    const job = /** @type {CustomEvent<Job>} */ (event).detail;
    events.push(`${job.source} ${job.state} ${job.share}`);
  });
  queue.addEventListener("idle", () => events.push("idle"));
  const picture = /** @type {any} */ ({ width: 1, height: 1, engine: "cpu", elapsedMs: 1 });
  return {
    queue,
    started,
    events,
    picture,
    /** @param {string} name */
    engine: (name) => {
      const work = engine.get(name);
      assert.ok(work, `${name} was not started`);
      return work;
    },
  };
}

/** Lets what was settled be heard of. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** @param {Queue} queue */
const states = (queue) => queue.jobs.map(({ source, state }) => `${source} ${state}`);

const broken = () => new NijigenError("engine-failed", "broken");

test("photos are converted in order, one at a time, and tell how they are doing", async () => {
  const { queue, started, events, engine, picture } = start();
  const [a] = [queue.add("a"), queue.add("b")];
  assert.deepEqual(started, ["a"]);
  engine("a").options.onProgress(0.5);
  engine("a").resolve(picture);
  assert.equal(await a.done, picture);
  await settled();
  assert.deepEqual([a.state, a.share, a.attempts, a.picture], ["done", 1, 1, picture]);
  assert.deepEqual(started, ["a", "b"]);
  engine("b").resolve(picture);
  await queue.idle();
  assert.deepEqual(events, [
    "a waiting 0",
    "a running 0",
    "b waiting 0",
    "a running 0.5",
    "a done 1",
    "b running 0",
    "b done 1",
    "idle",
  ]);
});

test("a photo that fails does not stop the next; an engine's failure is tried again", async () => {
  const { queue, started, engine, picture } = start();
  const bad = queue.add("bad");
  const unlucky = queue.add("unlucky");
  engine("bad").reject(new NijigenError("photo-unreadable", "no photo"));
  await assert.rejects(bad.done, { code: "photo-unreadable" });
  await settled();
  engine("unlucky").reject(broken());
  await settled();
  engine("unlucky").resolve(picture);
  await queue.idle();
  assert.deepEqual([unlucky.state, unlucky.attempts], ["done", 2]);
  assert.deepEqual(started, ["bad", "unlucky", "unlucky"]);
  const hopeless = queue.add("hopeless");
  for (let i = 0; i < 2; i++) {
    engine("hopeless").reject(broken());
    await settled();
  }
  assert.deepEqual([hopeless.state, hopeless.error?.message, hopeless.attempts], ["failed", "broken", 2]);
  assert.deepEqual(states(queue), ["bad failed", "unlucky done", "hopeless failed"]);
});

test("what runs or waits can be cancelled, by the host's signal too", async () => {
  const { queue, started, engine, picture } = start({ concurrency: 2 });
  const controller = new AbortController();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) =>
    queue.add(name, name === "d" ? { signal: controller.signal } : {}),
  );
  assert.deepEqual(started, ["a", "b"]);
  queue.cancel(a.id);
  assert.equal(a.state, "cancelled");
  await assert.rejects(a.done, { code: "cancelled" });
  controller.abort();
  assert.equal(d.state, "cancelled");
  await settled();
  assert.deepEqual(started, ["a", "b", "c"]);
  engine("a").options.onProgress(0.9);
  assert.equal(a.share, 0, "a cancelled job goes on");
  engine("b").resolve(picture);
  engine("c").resolve(picture);
  await queue.idle();
  queue.cancel(b.id);
  assert.deepEqual([b.state, c.state], ["done", "done"]);
  const late = queue.add("late", { signal: controller.signal });
  assert.equal(late.state, "cancelled");
  assert.ok(!started.includes("late"));
});

test("a pause holds back what waits", async () => {
  const { queue, started, engine, picture } = start();
  queue.pause();
  queue.add("a");
  assert.deepEqual([queue.paused, started], [true, []]);
  queue.resume();
  assert.deepEqual(started, ["a"]);
  queue.pause();
  queue.add("b");
  engine("a").resolve(picture);
  await settled();
  assert.deepEqual(states(queue), ["a done", "b waiting"]);
  let idle = false;
  const ended = queue.idle().then(() => (idle = true));
  await settled();
  assert.equal(idle, false, "a queue with a waiting photo is idle");
  queue.resume();
  engine("b").resolve(picture);
  await ended;
});

test("jobs are moved, removed and done again, with other options", async () => {
  const { queue, started, engine, picture } = start();
  const [a, b, c] = ["a", "b", "c"].map((name) => queue.add(name));
  queue.move(c.id, 1);
  assert.deepEqual(states(queue), ["a running", "c waiting", "b waiting"]);
  queue.remove(b.id);
  assert.equal(b.state, "cancelled");
  engine("a").resolve(picture);
  await settled();
  engine("c").resolve(picture);
  await queue.idle();
  assert.throws(() => queue.retry(b.id), /no job 2 in the queue/);
  queue.retry(a.id, { size: 99 });
  assert.throws(() => queue.retry(a.id), /job 1 is running/);
  assert.deepEqual([a.state, a.picture, engine("a").options.size], ["running", undefined, 99]);
  engine("a").resolve(picture);
  await a.done;
  queue.add("e");
  queue.clear();
  assert.deepEqual(queue.jobs, []);
  await queue.idle();
  assert.deepEqual(started, ["a", "c", "a", "e"]);
});

test("a job that was cancelled and tried again is not ended by its former run", async () => {
  const { queue, engine, picture } = start();
  const a = queue.add("a");
  const former = engine("a");
  queue.cancel(a.id);
  queue.retry(a.id);
  await settled();
  assert.equal(a.state, "running");
  former.resolve(picture);
  await settled();
  assert.equal(a.state, "running");
  engine("a").resolve(picture);
  assert.equal(await a.done, picture);
});

test("wrong values are named", () => {
  const { queue } = start();
  assert.throws(() => start({ concurrency: 0 }), /concurrency is 0/);
  assert.throws(() => start({ retries: -1 }), /retries is -1/);
  assert.throws(() => queue.cancel(7), /no job 7/);
  const { id } = queue.add("a");
  assert.throws(() => queue.move(id, 0.5), /index is 0.5/);
});
