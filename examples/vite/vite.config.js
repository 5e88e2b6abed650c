export default {
  // Components import nothing from React for their markup.
  esbuild: { jsx: "automatic" },
  // For the development server only, which would take the package apart.
  optimizeDeps: { exclude: ["nijigen"] },
};
