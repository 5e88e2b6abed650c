/** The class of `<nijigen-photo>`, for hosts that set its options or its name before it is registered. */

export { NijigenPhoto } from "./element/nijigen_photo.js";
