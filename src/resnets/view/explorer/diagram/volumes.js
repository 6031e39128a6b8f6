// Volumes as oblique boxes: channels to the right, height upwards, width into the page, on a scale that is stated.

import { halfEven } from "../structure/spec.js";
import { painted, traced, written } from "./marks.js";

/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Shape} Shape */
/** @typedef {{ largest: number, length: number, linear: boolean }} Ruled the scale of a size: the largest, and how long that is drawn */
/** @typedef {{ channels: Ruled, pixels: Ruled }} Scales */

export const SLOPE = Math.sqrt(0.5) / 2; // right and up, for each unit into the page: 45 degrees, at half length
const LARGEST_LINEAR = 64; // the largest size whose smallest companions, down to 1, still show on a linear scale

/** How long a size is drawn: linear where that shows the small ones too, with the square root where not. @param {Ruled} scale @param {number} size */
function drawnLength({ largest, length, linear }, size) {
  const share = size / largest;
  return length * (linear ? share : Math.sqrt(share));
}

/** Sizes to mark on a ruler: the largest and, where it is larger than 1, one drawn about half as long. @param {Ruled} scale */
function rulerMarks({ largest, linear }) {
  const half = halfEven(largest / (linear ? 2 : 4));
  return half > 0 && half < largest ? [half, largest] : [largest];
}

/** How long the three edges of a volume are, before the one into the page is foreshortened. @param {Scales} scales @param {Shape} shape */
export function edgesOf({ channels, pixels }, [depth, height, width]) {
  return [drawnLength(channels, depth), drawnLength(pixels, height), drawnLength(pixels, width)];
}

/** How wide the drawn box is. @param {Scales} scales @param {Shape} shape */
export function extentOf(scales, shape) {
  const [right, , back] = edgesOf(scales, shape);
  return right + SLOPE * back;
}

/** The scales on which a network's largest volumes have edges as long as given. @param {Network} network @param {number} channels @param {number} pixels @returns {Scales} */
export function scalesOf(network, channels, pixels) {
  const shapes = [network.operations[0].input, ...network.operations.map((one) => one.output)];
  const ruled = (/** @type {number} */ largest, /** @type {number} */ length) => ({ largest, length, linear: largest <= LARGEST_LINEAR });
  return {
    channels: ruled(Math.max(...shapes.map((shape) => shape[0])), channels),
    pixels: ruled(Math.max(...shapes.map((shape) => Math.max(shape[1], shape[2]))), pixels),
  };
}

/** The volume standing on `ground`, the middle of what is drawn at `x`. @param {Shape} shape @param {number} x @param {number} ground @param {Scales} scales */
export function standingBox(shape, x, ground, scales) {
  const [right, up, back] = edgesOf(scales, shape);
  const shift = SLOPE * back;
  return painted(
    "g", { stroke: "edge" }, { "stroke-linejoin": "round", "data-volume": sizeLabel(shape) },
    ...obliqueFaces(x - (right + shift) / 2, ground - up, { right, up, back: shift }),
  );
}

/** @param {number} left @param {number} top @param {{ right: number, up: number, back: number }} edges */
function obliqueFaces(left, top, { right, up, back }) {
  return [
    traced(["M", left, top, "l", back, -back, "h", right, "l", -back, back, "z"], { fill: "top" }),
    traced(["M", left + right, top, "l", back, -back, "v", up, "l", -back, back, "z"], { fill: "side" }),
    traced(["M", left, top, "h", right, "v", up, "h", -right, "z"], { fill: "front" }),
  ];
}

/** `512 × 28 × 28` @param {Shape} shape */
export function sizeLabel(shape) {
  return shape.join(" × ");
}

/** A ruler from zero with its marks below and a caption above. @param {number} x @param {number} y @param {Ruled} scale @param {string} caption */
export function ruler(x, y, scale, caption) {
  const marks = [0, ...rulerMarks(scale)];
  const places = marks.map((mark) => x + drawnLength(scale, mark));
  const line = traced(["M", x, y, "h", scale.length, ...places.flatMap((place) => ["M", place, y - 4, "v", 8])], { stroke: "line" }, 1.5);
  const numbers = marks.map((mark, index) => written(places[index], y + 18, String(mark), { size: 11, fill: "muted", anchor: "middle" }));
  return line + numbers.join("") + written(x, y - 12, caption, { size: 12, fill: "muted" });
}

/** A small box whose edges are named C, H and W, its front lower left corner at (x, y). @param {number} x @param {number} y */
export function axesBox(x, y) {
  const [right, up, back] = [42, 26, 18];
  /** @type {[string, number, number][]} */
  const letters = [["C", x + right / 2, y + 14], ["H", x - 9, y - up / 2 + 4], ["W", x + right + back / 2 + 11, y - back / 2 + 9]];
  const names = letters.map(([letter, a, b]) => written(a, b, letter, { size: 12, anchor: "middle" })).join("");
  return painted("g", { stroke: "edge" }, { "stroke-linejoin": "round" }, ...obliqueFaces(x, y - up, { right, up, back })) + names;
}
