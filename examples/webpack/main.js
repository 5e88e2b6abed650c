/** The element with webpack. */

import "nijigen/define";

const [input, status, photo] = ["input", "p", "nijigen-photo"].map((name) => document.querySelector(name));

photo.addEventListener("load", () => (status.textContent = "Drawn."));
photo.addEventListener("error", () => (status.textContent = photo.error.message));
input.addEventListener("change", () => (photo.src = URL.createObjectURL(input.files[0])));
