/** A component with esbuild and Vue: `npx nijigen copy` puts what esbuild leaves behind beside the bundle. */

import { createStylizer } from "nijigen";
import { createApp, h, onBeforeUnmount, ref } from "vue";

const AnimePhoto = {
  setup() {
    const canvas = ref();
    const status = ref("");
    const starting = createStylizer();
    starting.catch(() => {});
    onBeforeUnmount(() => starting.then((stylizer) => stylizer.dispose()).catch(() => {}));

    async function draw({ target }) {
      try {
        const stylizer = await starting;
        const { imageData } = await stylizer.stylize(target.files[0], { output: "imagedata" });
        canvas.value.width = imageData.width;
        canvas.value.height = imageData.height;
        canvas.value.getContext("2d").putImageData(imageData, 0, 0);
        status.value = `Drawn on the ${stylizer.engine}.`;
      } catch (error) {
        status.value = error.message;
      }
    }

    return () => [
      h("input", { type: "file", accept: "image/*", "aria-label": "Photo", onChange: draw }),
      h("p", { role: "status" }, status.value),
      h("canvas", { ref: canvas }),
    ];
  },
};

createApp(AnimePhoto).mount("#app");
