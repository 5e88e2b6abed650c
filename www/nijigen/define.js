/** Registers `<nijigen-photo>`: `<script type="module" src="nijigen/define.js"></script>`. */

import { NijigenPhoto } from "./element.js";

export { NijigenPhoto };

NijigenPhoto.define();
