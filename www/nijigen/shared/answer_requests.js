/** A worker's end of the protocol: requests are answered in order, and cancelled ones are dropped. */

import { NijigenError, cancelled, toNijigenError } from "./errors.js";
import { PROTOCOL_VERSION } from "./protocol.js";

/** Requests are answered in order. */
let queue = Promise.resolve();
/** Ids of the requests that somebody waits for. @type {Set<number>} */
const awaited = new Set();

/** @typedef {(key: import("./protocol.js").ProgressKey, current: number, total: number) => void} Progress */

/**
 * What a request's answer may use.
 * @typedef {object} Call
 * @property {Progress} progress tells the client
 * @property {() => boolean} isCancelled whether nobody waits for the answer any more
 * @property {Transferable[]} transfer what of the answer is to be transferred, not copied
 */

/**
 * A function for each type of request.
 * @template {import("./protocol.js").Requests} Asked
 * @typedef {{[Type in keyof Asked]:
 *   (request: Asked[Type]["request"], call: Call) => Asked[Type]["result"] | Promise<Asked[Type]["result"]>}} Answers
 */

/**
 * Fails the request that is being answered, if any.
 * @type {((thrown: unknown) => void) | undefined}
 */
let fail;

/**
 * Answers all requests from now on.
 * @template {import("./protocol.js").Requests} Asked
 * @param {Answers<Asked>} answers
 */
export function answerRequests(answers) {
  // A trap inside an asynchronous call leaves its promise pending for ever; it shows up only here.
  addEventListener("unhandledrejection", (event) => {
    if (!fail) return;
    event.preventDefault();
    fail(event.reason);
  });
  addEventListener("error", (event) => {
    if (!fail) return;
    event.preventDefault();
    fail(event.error ?? event.message);
  });
  addEventListener("message", (event) => {
    const { v, id, type, ...request } = Object(event.data);
    if (v !== PROTOCOL_VERSION) return;
    if (type === "cancel") {
      awaited.delete(request.request);
      return;
    }
    awaited.add(id);
    queue = queue.then(() =>
      answerOne(id, (call) => {
        if (!Object.hasOwn(answers, type)) throw new NijigenError("engine-failed", "The worker was asked what it does not know.");
        return answers[type](request, call);
      }),
    );
  });
}

/**
 * @param {number} id
 * @param {(call: Call) => unknown} answer
 */
async function answerOne(id, answer) {
  /** @type {Transferable[]} */
  const transfer = [];
  /** @param {object} reply @param {Transferable[]} [transfer] */
  const reply = (reply, transfer = []) =>
    self.postMessage({ v: PROTOCOL_VERSION, id, ...reply }, { transfer });
  try {
    if (!awaited.has(id)) throw cancelled();
    const failed = new Promise((_, reject) => (fail = reject));
    /** @type {Progress} */
    const progress = (key, current, total) => reply({ type: "progress", key, current, total });
    const answered = answer({ progress, isCancelled: () => !awaited.has(id), transfer });
    const result = await Promise.race([answered, failed]);
    reply({ type: "result", result }, transfer);
  } catch (thrown) {
    const { code, message } = toNijigenError(thrown);
    reply({ type: "error", code, message });
  } finally {
    fail = undefined;
    awaited.delete(id);
  }
}

/** A task behind those of the messages that have arrived. */
const { port1: bell, port2: ear } = new MessageChannel();

/** Lets the messages that have arrived be handled. @returns {Promise<void>} */
export function messagesHandled() {
  return new Promise((resolve) => {
    ear.onmessage = () => resolve();
    bell.postMessage(undefined);
  });
}
