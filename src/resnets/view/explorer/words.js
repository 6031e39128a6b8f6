// Every word of the page in every language that it speaks. What a view says, it takes from `say`.
// A group of words is a file in words/: English first, and Chinese of the same type, so that nothing can be missing.

import { LIVE_EN, LIVE_ZH } from "./words/live.js";
import { PAGE_EN, PAGE_ZH } from "./words/page.js";

const ENGLISH = { live: LIVE_EN, page: PAGE_EN };
/** @type {typeof ENGLISH} */
const CHINESE = { live: LIVE_ZH, page: PAGE_ZH };

/** @typedef {"en" | "zh"} Language */

/** The words of the language that the page speaks now. */
export const say = { ...ENGLISH };

/** Lets the page speak a language. @param {string} language */
export function speak(language) {
  Object.assign(say, language === "zh" ? CHINESE : ENGLISH);
}
