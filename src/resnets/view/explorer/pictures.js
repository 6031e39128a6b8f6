// Drawings that several views use: a volume as a box, an operation as a step, a shortcut as an arc, the legend.
// One user unit is one pixel: each view is drawn for the width that it has, so that text keeps its size on a telephone.

import { dims, svg } from "./dom.js";
import { activationName, caption } from "./kinds.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Look} Look */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Shape} Shape */
/** @typedef {(name: string) => void} Select */
/** @typedef {{ x: number, y: number, width: number, height: number }} Place */

/** A kind of shortcut's stroke, as attributes. @param {Look} look */
export function strokeOf({ dash, width, cap }) {
  return { "stroke-dasharray": dash || null, "stroke-width": width, "stroke-linecap": cap };
}

/**
 * How long an edge of `n` is drawn, in user units.
 * @param {number} n
 * @param {"log" | "linear"} scale
 * @param {number} most the largest n drawn
 * @param {number} room what that one may take
 */
export function edge(n, scale, most, room) {
  const share = scale === "linear" ? n / most : Math.log2(n + 1) / Math.log2(most + 1);
  return Math.max(3, room * share); // so that a single row is seen
}

/** @typedef {{ scale: "log" | "linear", channels: number, pixels: number, room: number, kind: string }} BoxStyle */
/** @typedef {{ channels: number[], rows: number[], columns: number[] }} Part of a volume: from and to on each axis, as shares of it; rows run down */

/**
 * A volume as an oblique box with its lower left corner at (x, y): channels to the right, width into the page, height up.
 * @param {number} x
 * @param {number} y
 * @param {Shape} shape
 * @param {BoxStyle} style
 * @returns {SVGElement}
 */
export function box(x, y, shape, style) {
  return slice({ x, floor: y, shape, part: { channels: [0, 1], rows: [0, 1], columns: [0, 1] } }, style);
}

/**
 * A part of a volume that stands at (x, floor), where it is in that volume; what is beyond its edges is padding.
 * @param {{ x: number, floor: number, shape: Shape, part: Part }} place
 * @param {BoxStyle} style
 * @returns {SVGElement}
 */
export function slice({ x, floor, shape, part }, style) {
  const long = [edge(shape[0], style.scale, style.channels, style.room), edge(shape[1], style.scale, style.pixels, style.room)];
  const deep = 0.5 * edge(shape[2], style.scale, style.pixels, style.room);
  const back = part.columns.map((share) => share * deep);
  const [left, right] = part.channels.map((share) => share * long[0]);
  const [top, low] = part.rows.map((share) => (share - 1) * long[1]);
  const [dx, dy] = [(back[1] - back[0]) * 0.8, (back[0] - back[1]) * 0.6];
  const [x0, y0] = [x + back[0] * 0.8, floor - back[0] * 0.6];
  const face = (/** @type {string} */ side, /** @type {number[][]} */ corners) =>
    svg("polygon", { class: `face ${side}`, points: corners.map(([a, b]) => `${(x0 + a).toFixed(1)},${(y0 + b).toFixed(1)}`).join(" ") });
  return svg(
    "g",
    { class: `volume ${style.kind}` },
    face("front", [[left, low], [right, low], [right, top], [left, top]]),
    face("top", [[left, top], [right, top], [right + dx, top + dy], [left + dx, top + dy]]),
    face("side", [[right, low], [right, top], [right + dx, top + dy], [right + dx, low + dy]]),
  );
}

/**
 * A shortcut as an arc from (x, y) to (x + length, y), `height` high, with the sign of its kind.
 * @param {Block} block
 * @param {number} x
 * @param {number} y
 * @param {number} length
 * @param {number} height
 */
export function arc(block, x, y, length, height) {
  if (block.shortcut === "none") return null;
  const { sign } = block.look;
  const path = `M ${x} ${y} C ${x} ${y - height}, ${x + length} ${y - height}, ${x + length} ${y}`;
  return svg(
    "g",
    { class: "shortcut", "data-kind": block.shortcut, "data-block": block.name },
    svg("path", { d: path, ...strokeOf(block.look) }),
    sign !== "" && svg("text", { x: x + length / 2, y: y - height * 0.75 - 4, "text-anchor": "middle" }, sign),
  );
}

/** An arrow from left to right. @param {number} x @param {number} y @param {number} length */
export function arrow(x, y, length) {
  const tip = x + length;
  return svg("path", { class: "arrow", d: `M ${x} ${y} H ${tip - 1} M ${tip - 6} ${y - 4} L ${tip} ${y} L ${tip - 6} ${y + 4}` });
}

/** @param {Operation} operation */
export function spoken(operation) {
  return `${operation.name}: ${caption(operation)}, ${say.operations.to(dims(operation.input), dims(operation.output))}`;
}

/** An arrow from above. @param {number} x @param {number} y @param {number} length */
export function arrowDown(x, y, length) {
  const tip = y + length;
  return svg("path", { class: "arrow", d: `M ${x} ${y} V ${tip - 1} M ${x - 4} ${tip - 6} L ${x} ${tip} L ${x + 4} ${tip - 6}` });
}

/** A caption in lines short enough for a step: `conv 3×3`, `128, stride 2`, `32 groups`. @param {Operation} operation */
function captionLines(operation) {
  const [first, ...rest] = (operation.kind.endsWith("-pool") ? caption(operation).replace(/ (\d+×)/, ", $1") : caption(operation)).split(", ");
  return operation.groups > 1 && operation.kind === "conv" ? [first, rest.slice(0, -1).join(", "), rest[rest.length - 1]] : [first, rest.join(", ")].filter(Boolean);
}

/** How high a step must be for the captions of these operations. @param {Operation[]} operations */
export function stepHeight(operations) {
  return 16 + 15 * Math.max(2, ...operations.map((one) => captionLines(one).length));
}

/**
 * One operation as a step on the trunk or on a branch.
 * @param {Operation} one
 * @param {Place} place
 * @param {Select} select
 * @param {string} [at] what is selected
 */
export function drawStep(one, place, select, at = "") {
  const { x, y, width, height } = place;
  const lines = one.kind === "scale" && width === height ? ["×"] : captionLines(one);
  const first = y + height / 2 + 4.5 - 7.5 * (lines.length - 1);
  return svg(
    "g",
    {
      class: `cell step ${activationName(one.kind) ? "activation" : one.kind}`, role: "button", tabindex: -1, "data-at": one.name, "aria-label": spoken(one),
      "aria-current": one.name === at ? "true" : null, click: () => select(one.name),
    },
    svg("rect", { x, y, width, height, rx: one.kind === "add" || (one.kind === "scale" && width === height) ? height / 2 : 4 }),
    ...lines.map((line, index) => svg("text", { class: width < 80 && line.length > 9 ? "tight" : index > 0 ? "small" : null, x: x + width / 2, y: first + 15 * index, "text-anchor": "middle" }, line)),
  );
}

/**
 * How each of these kinds of shortcut is drawn, in as many lines as the width asks for.
 * @param {Look[]} looks
 * @param {number} y
 * @param {number} width
 */
export function legend(looks, y, width) {
  const perLine = Math.max(1, Math.floor(width / 300));
  const keys = looks.map((look, index) => {
    const [x, line] = [4 + (index % perLine) * 300, y + 22 * Math.floor(index / perLine)];
    return svg("g", { class: "key" },
      svg("line", { x1: x, x2: x + 36, y1: line - 4, y2: line - 4, ...strokeOf(look) }),
      svg("text", { x: x + 44, y: line }, say.views.shortcut(look.label)));
  });
  return { drawn: svg("g", { class: "legend" }, ...keys), height: 22 * Math.ceil(looks.length / perLine) };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {string} label
 * @param {...(SVGElement | null | false)} children
 */
export function frame(width, height, label, ...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label, class: "drawing" }, ...children);
}
