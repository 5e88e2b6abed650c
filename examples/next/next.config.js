/** Static files in `out/`; a server does as well. */
export default {
  output: "export",
  // The example's packages are in the folder above.
  turbopack: { root: new URL("..", import.meta.url).pathname },
};
