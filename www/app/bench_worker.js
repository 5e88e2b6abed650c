/** Runs an engine's network for bench.js. */

import { loadModule } from "../nijigen/engine_worker/module.js";
import { listFiles } from "../nijigen/shared/assets.js";
import { threadCount } from "../nijigen/shared/capabilities.js";
import { engineFile } from "../nijigen/shared/engine_files.js";

/** The style on the engine. @type {import("../nijigen/engine_worker/module.js").Stylizer} */
let stylizer;

addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ result: await answer(data) });
  } catch (thrown) {
    self.postMessage({ error: String(thrown) });
  }
});

/** @param {any} request @returns {Promise<any>} */
async function answer(request) {
  const { size } = request;
  switch (request.type) {
    case "start": {
      const threads = threadCount(request.threads);
      const folder = new URL("../nijigen/wasm/", import.meta.url).href;
      const name = request.module ?? engineFile(await listFiles(folder), "cpu", threads).name;
      const url = `${folder}${name}/nijigen_bg.wasm`;
      const module = await loadModule(name, { url }, threads);
      const style = new Uint8Array(await (await fetch(request.style)).arrayBuffer());
      stylizer = await module.Stylizer.create(style, "", request.int8);
      return {
        threads,
        module: name,
        knownAnswerError: await stylizer.known_answer_error(),
        // Not on a GPU, as below.
        int8Speedup: module.int8_speedup?.(() => performance.now()),
      };
    }
    case "bench": {
      const input = new Float32Array(3 * size * size).fill(0.25);
      const times = [];
      for (let i = 0; i < request.repeats; i++) {
        const start = performance.now();
        await stylizer.run(input, size, size);
        times.push(performance.now() - start);
      }
      return times;
    }
    case "run":
      return {
        output: await stylizer.run(request.input, size, size),
        peakBytes: stylizer.peak_bytes?.(size, size),
      };
    case "profile":
      return stylizer.profile(size, size, () => performance.now());
    default:
      throw new TypeError(`there is no request ${request.type}`);
  }
}
