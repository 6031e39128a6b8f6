// Every word of the page in every language that it speaks. What a view says, it takes from `say`.
// A group of words is a file in words/: English first, and Chinese of the same type, so that nothing can be missing.

import { CHANGE_EN, CHANGE_ZH } from "./words/change.js";
import { DEPTH_EN, DEPTH_ZH } from "./words/depth.js";
import { DIAGRAM_EN, DIAGRAM_ZH } from "./words/diagram.js";
import { INSPECTOR_EN, INSPECTOR_ZH } from "./words/inspector.js";
import { LIVE_EN, LIVE_ZH } from "./words/live.js";
import { OPERATIONS_EN, OPERATIONS_ZH } from "./words/operations.js";
import { PAGE_EN, PAGE_ZH } from "./words/page.js";
import { PARTS_EN, PARTS_ZH } from "./words/parts.js";
import { PROBLEMS_EN, PROBLEMS_ZH } from "./words/problems.js";
import { SHORTCUTS_EN, SHORTCUTS_ZH } from "./words/shortcuts.js";
import { STRUCTURE_EN, STRUCTURE_ZH } from "./words/structure.js";
import { COSTS_EN, TOURS_EN } from "./words/tours.js";
import { COSTS_ZH, TOURS_ZH } from "./words/tours_zh.js";
import { VIEWS_EN, VIEWS_ZH } from "./words/views.js";

const ENGLISH = {
  change: CHANGE_EN,
  costs: COSTS_EN,
  depth: DEPTH_EN,
  diagram: DIAGRAM_EN,
  inspector: INSPECTOR_EN,
  live: LIVE_EN,
  operations: OPERATIONS_EN,
  page: PAGE_EN,
  parts: PARTS_EN,
  problems: PROBLEMS_EN,
  shortcuts: SHORTCUTS_EN,
  structure: STRUCTURE_EN,
  tours: TOURS_EN,
  views: VIEWS_EN,
};
/** @type {typeof ENGLISH} */
const CHINESE = {
  change: CHANGE_ZH,
  costs: COSTS_ZH,
  depth: DEPTH_ZH,
  diagram: DIAGRAM_ZH,
  inspector: INSPECTOR_ZH,
  live: LIVE_ZH,
  operations: OPERATIONS_ZH,
  page: PAGE_ZH,
  parts: PARTS_ZH,
  problems: PROBLEMS_ZH,
  shortcuts: SHORTCUTS_ZH,
  structure: STRUCTURE_ZH,
  tours: TOURS_ZH,
  views: VIEWS_ZH,
};

/** The languages that the page speaks, each by its own name. */
export const LANGUAGES = /** @type {const} */ ({ en: "English", zh: "中文" });
/** @typedef {keyof typeof LANGUAGES} Language */

/** The words of the language that the page speaks now. */
export const say = { ...ENGLISH };

/** Lets the page speak a language. @param {Language} language */
export function speak(language) {
  Object.assign(say, language === "zh" ? CHINESE : ENGLISH);
}
