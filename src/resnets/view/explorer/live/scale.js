// A signed scale of colours: one hue for what is below zero, another for what is above, the ground's for zero.

import { html } from "../dom.js";
import { say } from "../words.js";

/** @typedef {{ packed: Uint32Array }} Scale 255 colours, the middle one for zero */

/** @type {Map<string, string>} */
const known = new Map(); // colours, by their names and whether the page is dark
/** @type {Map<string, Scale>} */
const scales = new Map();

/** A colour of the page's style, such as `--accent`; the style is asked once, for asking it lays the page out. @param {string} name */
export function pageColour(name) {
  const key = `${name} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  const found = known.get(key) ?? getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  known.set(key, found);
  return found;
}

/** The scale in the page's present colours. @returns {Scale} */
export function signedScale() {
  const ends = ["--negative", "--nought", "--positive"].map(pageColour);
  const found = scales.get(ends.join(" ")) ?? mixedScale(ends);
  scales.set(ends.join(" "), found);
  return found;
}

/** @param {string[]} ends @returns {Scale} */
function mixedScale(ends) {
  const [below, zero, above] = ends.map(channelsOf);
  const mixed = Array.from({ length: 255 }, (_, place) => {
    const part = (place - 127) / 127;
    const end = part < 0 ? below : above;
    return zero.map((from, index) => Math.round(from + (end[index] - from) * Math.abs(part)));
  });
  return {
    packed: Uint32Array.from(mixed, ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red),
  };
}

/** #rrggbb as three numbers. @param {string} colour */
function channelsOf(colour) {
  return [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16));
}

/** The place in the scale of a value, where `range` is the scale's end. @param {number} value @param {number} range */
export function shadeOf(value, range) {
  return range > 0 ? Math.max(0, Math.min(254, Math.round((127 * value) / range) + 127)) : 127;
}

/** A number in about three digits. @param {number} value */
export function shortNumber(value) {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = size > 0 && size < 0.001 ? size.toExponential(1).replace("e-", "e−") : size.toFixed(digits);
  return value < 0 && Number(size.toFixed(12)) > 0 ? `−${text}` : text;
}

/** The scale with its ends in numbers. @param {number} range @param {string} [note] */
export function scaleLegend(range, note = "") {
  return html(
    "p",
    { class: "scale small" },
    html("span", {}, `−${shortNumber(range)}`),
    html("span", { class: "ramp", "aria-hidden": "true" }, html("b", {}, "−"), html("b", {}, "0"), html("b", {}, "+")),
    html("span", {}, `+${shortNumber(range)}`),
    note && html("span", { class: "muted" }, note),
    html("span", { class: "hidden" }, say.live.scaleWords),
  );
}
