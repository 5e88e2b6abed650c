/** Components import nothing from React for their markup. */
export default { esbuild: { jsx: "automatic" } };
