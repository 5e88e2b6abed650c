/** A GPU that is played by the CPU's module: for what the package does with one, without the hours of an emulated one. */

/** @param {string} vendor @returns {string} a script that gives such an adapter to a page or worker, both of which want it */
export function adapter(vendor) {
  const given = `{ requestAdapter: async () => ({ info: { vendor: ${JSON.stringify(vendor)} } }) }`;
  return `Object.defineProperty(navigator, "gpu", { value: ${given}, configurable: true });`;
}

/**
 * @param {import("./browser.mjs").Browser} browser
 * @param {string} drawing what the GPU does before it draws, with the options of `stylize` as `options`
 */
export async function playGpu({ context, url }, drawing) {
  // The CPU's own script is a module of its own beside this one.
  const cpu = "/nijigen/wasm/cpu/nijigen.js?gpu";
  const unchecked = ["cpu", "cpu-relaxed", "cpu-threads", "cpu-relaxed-threads", "gpu"].map((name) => [
    `${name}/nijigen_bg.wasm`,
    { sha256: "" },
  ]);
  await context.route("**/wasm/manifest.json", (route) =>
    route.fulfill({ json: { version: 1, files: Object.fromEntries(unchecked) } }),
  );
  await context.route("**/wasm/gpu/nijigen_bg.wasm", async (route) =>
    route.fulfill({ response: await route.fetch({ maxRetries: 3, url: `${url}nijigen/wasm/cpu/nijigen_bg.wasm` }) }),
  );
  await context.route("**/wasm/gpu/nijigen.js", (route) =>
    route.fulfill({
      contentType: "text/javascript",
      body: `import { Stylizer } from "${cpu}";
        export * from "${cpu}";
        export { default } from "${cpu}";
        export const warm_up = async () => new BroadcastChannel("gpu").postMessage("started");
        const fail = (code) => Object.assign(new Error("sabotage"), { code });
        const { stylize } = Stylizer.prototype;
        Stylizer.prototype.stylize = async function (rgba, width, height, options) {
          ${drawing}
          return stylize.call(this, rgba, width, height, options);
        };`,
    }),
  );
}
