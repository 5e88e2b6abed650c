/** The visitor's choices, remembered for the next visit. */

/** @param {string} name @returns {string} what was remembered, or nothing */
export function recall(name) {
  try {
    return localStorage.getItem(`nijigen.${name}`) ?? "";
  } catch {
    // Storage may be forbidden: then nothing is remembered.
    return "";
  }
}

/** @param {string} name @param {string} value for the next visit */
export function remember(name, value) {
  try {
    localStorage.setItem(`nijigen.${name}`, value);
  } catch {
    // The choice holds for this visit.
  }
}
