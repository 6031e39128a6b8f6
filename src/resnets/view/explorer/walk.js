// The canvas, as a walk: the volume before an operation, the window that moves over it, the volume after it, and where
// on the way through the network it stands.

import { dims, svg, whole } from "./dom.js";
import { caption, moves } from "./kinds.js";
import { arrow, box, edge, frame, slice } from "./pictures.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./pictures.js").BoxStyle} BoxStyle */
/** @typedef {"log" | "linear"} Scale */
/** @typedef {{ style: Omit<BoxStyle, "kind">, left: number, floor: number, after: number, between: number, narrow: boolean, width: number }} Layout */

/**
 * @param {Network} network
 * @param {Operation} operation
 * @param {Scale} scale
 * @param {number} width of the drawing in pixels
 * @returns {SVGElement}
 */
export function drawWalk(network, operation, scale, width) {
  const layout = layoutOf(network, operation, scale, width);
  const { style, left, floor, after, between, narrow } = layout;
  const image = network.operations[0].input;
  return frame(
    width,
    floor + 128,
    `${caption(operation)}: ${say.operations.to(dims(operation.input), dims(operation.output))}`,
    svg("text", { class: "strong", x: 4, y: 22 }, say.views.walk.place(operation.index + 1, network.operations.length, operation.name)),
    svg("text", { class: "muted", x: 4, y: 44 }, caption(operation)),
    svg("text", narrow ? { class: "muted small", x: 4, y: 64 } : { class: "muted small", x: width - 4, y: 22, "text-anchor": "end" }, say.views.walk.proportion(scale)),
    ...(scale === "linear" ? [left, after].map((x) => box(x, floor, image, { ...style, kind: "ghost" })) : []),
    box(left, floor, operation.input, { ...style, kind: "before" }),
    ...numbers(operation.input, left, floor, say.views.walk.into),
    ...filters(operation, between, floor - style.room / 2 - 12),
    arrow(between - (narrow ? 16 : 35), floor - style.room / 2, narrow ? 32 : 70),
    box(after, floor, operation.output, { ...style, kind: "after" }),
    ...numbers(operation.output, after, floor, say.views.walk.out),
    svg("g", { class: "moving", "aria-hidden": "true" }),
    profile(network, operation, floor + 64, width),
  );
}

/**
 * Where the two volumes stand, and how large they are.
 * @param {Network} network
 * @param {Operation} operation
 * @param {Scale} scale
 * @param {number} width
 * @returns {Layout}
 */
export function layoutOf(network, operation, scale, width) {
  const narrow = width < 620;
  const style = {
    scale, room: narrow ? 92 : 210, channels: Math.max(...network.operations.map((one) => one.output[0]), network.inChannels),
    pixels: Math.max(...network.imageSize),
  };
  const [left, floor] = [narrow ? 4 : 40, narrow ? 250 : 350];
  const shown = scale === "linear" ? [operation.input, network.operations[0].input] : [operation.input];
  const across = Math.max(...shown.map((shape) => edge(shape[0], scale, style.channels, style.room) + 0.4 * edge(shape[2], scale, style.pixels, style.room)));
  const after = Math.max(width * 0.55, left + across + (narrow ? 66 : 180));
  return { style, left, floor, after, between: (left + across + after) / 2, narrow, width };
}

/**
 * The window that a convolution or a pool moves over its input, at one place, and the numbers that it makes there.
 * @param {Operation} operation
 * @param {Layout} layout
 * @param {{ row: number, column: number }} at of the output
 * @returns {SVGElement[]}
 */
export function windowAt(operation, { style, left, floor, after }, { row, column }) {
  if (!moves(operation.kind)) return [];
  const [channels, height, width] = operation.input;
  const reads = readBy(operation, row, column);
  const depth = operation.kind === "conv" ? channels / operation.groups : channels;
  const from = { x: left, floor, shape: operation.input, part: { channels: [0, depth / channels], rows: [reads.top / height, (reads.bottom + 1) / height], columns: [reads.left / width, (reads.right + 1) / width] } };
  const [, rows, columns] = operation.output;
  const to = { x: after, floor, shape: operation.output, part: { channels: [0, 1], rows: [row / rows, (row + 1) / rows], columns: [column / columns, (column + 1) / columns] } };
  return [from, to].map((one) => slice(one, { ...style, kind: "window" }));
}

/**
 * The rows and columns of the input, from 0, that one output position reads; beyond the edges lies padding.
 * @param {Operation} one
 * @param {number} row
 * @param {number} column
 */
export function readBy(one, row, column) {
  const reach = one.dilation * (one.kernel - 1);
  const [top, left] = [row * one.stride - one.padding, column * one.stride - one.padding];
  return { top, left, bottom: top + reach, right: left + reach };
}

/** @param {readonly number[]} shape @param {number} x @param {number} floor @param {(count: string) => string} way */
function numbers(shape, x, floor, way) {
  const count = shape[0] * shape[1] * shape[2];
  return [svg("text", { x, y: floor + 24 }, dims(shape)), svg("text", { class: "muted small", x, y: floor + 42 }, way(whole(count)))];
}

/** What a convolution moves over its input, above the arrow. @param {Operation} operation @param {number} x @param {number} y */
function filters(operation, x, y) {
  if (operation.kind !== "conv") return [];
  const shape = dims([operation.input[0] / operation.groups, operation.kernel, operation.kernel]);
  const lines = [say.views.walk.filters(operation.output[0]), shape, ...(operation.groups > 1 ? [say.operations.groups(operation.groups)] : [])];
  return lines.map((line, index) => svg("text", { class: "small", x, y: y - 16 * (lines.length - 1 - index), "text-anchor": "middle" }, line));
}

/**
 * How many numbers leave each operation, as a skyline with the present one marked.
 * @param {Network} network
 * @param {Operation} operation
 * @param {number} y
 * @param {number} width
 */
function profile(network, operation, y, width) {
  const sizes = network.operations.map((one) => one.output[0] * one.output[1] * one.output[2]);
  const [most, step, low] = [Math.max(...sizes), (width - 8) / sizes.length, y + 38];
  const top = (/** @type {number} */ size) => (low - 34 * (size / most)).toFixed(1);
  const outline = sizes.map((size, index) => `V ${top(size)} H ${(4 + (index + 1) * step).toFixed(1)}`).join(" ");
  const x = 4 + operation.index * step;
  return svg(
    "g",
    { class: "profile" },
    svg("path", { class: "skyline", d: `M 4 ${low} ${outline} V ${low} Z` }),
    svg("rect", { class: "here", x: x - Math.max(0, 1.5 - step / 2), y: y + 1, width: Math.max(3, step), height: 37 }),
    svg("text", { class: "muted small", x: 4, y: low + 16 }, say.views.walk.profile(whole(sizes[operation.index]))),
  );
}
