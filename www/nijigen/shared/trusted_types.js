/** Addresses of scripts on pages with `require-trusted-types-for 'script'`. */

/** What a content security policy knows this package by: `trusted-types nijigen`. */
const POLICY = "nijigen";

/** @type {{createScriptURL: (url: string) => any} | undefined} */
let policy;

/**
 * @param {string} url of a script of this package or its host
 * @returns {string} the same, as a `TrustedScriptURL` where the browser has such
 * @throws {TypeError} if the page's policy names others and not this one
 */
export function scriptUrl(url) {
  policy ??= /** @type {any} */ (globalThis).trustedTypes?.createPolicy(POLICY, { createScriptURL: String });
  return policy ? policy.createScriptURL(url) : url;
}
