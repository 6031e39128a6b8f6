// Which class is looked at, and how its map is drawn.

import { html } from "../dom.js";
import { say } from "../words.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../state.js").State} State */
/** @typedef {(changes: Partial<State>) => void} Change */

/**
 * @param {LiveRecord} record
 * @param {State} state
 * @param {Change} change
 * @param {HTMLElement} choices as `classChoices` makes them
 */
export function classChooser(record, state, change, choices) {
  const { classes } = record.classifier;
  const field = /** @type {HTMLInputElement} */ (html("input", { type: "search", id: "class", list: "classes", "data-key": "class", autocomplete: "off", placeholder: classes[record.answers[0]], value: state.label }));
  field.addEventListener("change", () => change({ label: typedClass(classes, field.value) }));
  const toggle = (/** @type {boolean} */ smooth, /** @type {string} */ words) =>
    html("button", { type: "button", "data-key": smooth ? "smooth" : "raw", "aria-pressed": String(state.smooth === smooth), click: () => change({ smooth }) }, words);
  return html(
    "div",
    { class: "controls chooser" },
    html("label", { for: "class" }, say.live.chooseClass(classes.length)),
    field,
    choices,
    state.label !== "" && html("button", { type: "button", "data-key": "own", click: () => change({ label: "" }) }, say.live.ownAnswer),
    html("span", { class: "pair", role: "group", "aria-label": say.live.cells }, toggle(false, say.live.raw), toggle(true, say.live.smooth)),
  );
}

/** A list of classes for a field to offer. @param {string[]} classes */
export function classChoices(classes) {
  return html("datalist", { id: "classes" }, ...classes.map((name) => html("option", { value: name })));
}

/** The class that was typed, by its name or the beginning of it; else none. @param {string[]} classes @param {string} text */
function typedClass(classes, text) {
  const typed = text.trim().toLowerCase();
  if (!typed) return "";
  return classes.find((name) => name.toLowerCase() === typed) ?? classes.find((name) => name.toLowerCase().startsWith(typed)) ?? classes.find((name) => name.toLowerCase().includes(typed)) ?? "";
}
