/** One thread of the CPU engine: the engine's module on the engine's memory. */

addEventListener(
  "message",
  async (event) => {
    const { script, compiled, memory } = event.data;
    let loaded;
    try {
      loaded = await import(script);
      await loaded.default({ module_or_path: compiled, memory });
    } catch (thrown) {
      self.postMessage(String(thrown));
      return;
    }
    self.postMessage("ready");
    // Never returns.
    loaded.run_thread();
  },
  { once: true },
);
