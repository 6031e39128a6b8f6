// Drawings that several views use: a volume as a box, a block with its shortcut, the receptive field.

import { dims, svg } from "./dom.js";

/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Shape} Shape */

/** How each kind of shortcut is drawn and called; the style alone never tells. */
export const SHORTCUTS = /** @type {Record<string, { dash: string, label: string, sign: string }>} */ ({
  identity: { dash: "", label: "identity", sign: "" },
  projection: { dash: "1.5 5", label: "projection (1×1)", sign: "1×1" },
  pad: { dash: "9 4", label: "padded identity", sign: "pad" },
  "pooled-projection": { dash: "9 3 1.5 3", label: "average pool, then 1×1", sign: "avg" },
});

/** What an operation is called on a drawing: `conv 3×3, 64`. @param {Operation} operation */
export function caption(operation) {
  const window = `${operation.kernel}×${operation.kernel}`;
  const stride = operation.stride > 1 ? `, stride ${operation.stride}` : "";
  const groups = operation.groups > 1 ? `, ${operation.groups} groups` : "";
  switch (operation.kind) {
    case "conv":
      return `conv ${window}, ${operation.output[0]}${stride}${groups}`;
    case "max-pool":
    case "avg-pool":
      return `${operation.kind.replace("-", " ")} ${window}${stride}`;
    case "pad":
      return `pad to ${operation.output[0]} channels${stride}`;
    case "norm":
      return "batch norm";
    case "relu":
      return "ReLU";
    case "add":
      return "+";
    case "global-pool":
      return "global pool";
    default:
      return `linear, ${operation.output[0]}`;
  }
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
  return Math.max(1.5, room * share);
}

/**
 * A volume as an oblique box with its lower left corner at (x, y): channels to the right, width into the page, height up.
 * @param {number} x
 * @param {number} y
 * @param {Shape} shape
 * @param {{ scale: "log" | "linear", channels: number, pixels: number, room: number, kind: string }} style
 * @returns {SVGElement}
 */
export function box(x, y, shape, style) {
  const across = edge(shape[0], style.scale, style.channels, style.room);
  const up = edge(shape[1], style.scale, style.pixels, style.room);
  const deep = 0.5 * edge(shape[2], style.scale, style.pixels, style.room);
  const [dx, dy] = [deep * 0.8, -deep * 0.6];
  const face = (/** @type {string} */ side, /** @type {number[][]} */ corners) =>
    svg("polygon", { class: `face ${side}`, points: corners.map(([a, b]) => `${(x + a).toFixed(1)},${(y + b).toFixed(1)}`).join(" ") });
  return svg(
    "g",
    { class: `volume ${style.kind}` },
    face("front", [[0, 0], [across, 0], [across, -up], [0, -up]]),
    face("top", [[0, -up], [across, -up], [across + dx, -up + dy], [dx, -up + dy]]),
    face("side", [[across, 0], [across, -up], [across + dx, -up + dy], [across + dx, dy]]),
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
  const { dash, sign } = SHORTCUTS[block.shortcut];
  const path = `M ${x} ${y} C ${x} ${y - height}, ${x + length} ${y - height}, ${x + length} ${y}`;
  return svg(
    "g",
    { class: "shortcut", "data-kind": block.shortcut, "data-block": block.name },
    svg("path", { d: path, "stroke-dasharray": dash || null }),
    sign !== "" && svg("text", { x: x + length / 2, y: y - height * 0.75 - 4, "text-anchor": "middle" }, sign),
  );
}

/**
 * The input image and, on it, the pixels that the middle output position of an operation depends on.
 * @param {Operation} operation
 * @param {[number, number]} image height and width
 */
export function receptiveField(operation, image) {
  const [height, width] = image;
  const side = 150;
  const unit = side / Math.max(height, width);
  const { size, jump, start } = operation.field;
  const middle = (/** @type {number} */ places) => start + Math.floor((places - 1) / 2) * jump;
  const clip = (/** @type {number} */ from, /** @type {number} */ n) => [Math.max(0, from), Math.min(n, from + size)];
  const [left, right] = clip(middle(operation.output[2]), width);
  const [top, bottom] = clip(middle(operation.output[1]), height);
  const label = `${size} × ${size} pixels of ${height} × ${width}${size > Math.min(height, width) ? ", more than the image" : ""}`;
  return svg(
    "svg",
    { viewBox: `-1 -1 ${width * unit + 2} ${height * unit + 2}`, class: "field", role: "img", "aria-label": `receptive field: ${label}` },
    svg("rect", { class: "image", x: 0, y: 0, width: width * unit, height: height * unit }),
    svg("rect", {
      class: "seen", x: left * unit, y: top * unit, width: Math.max(1, (right - left) * unit),
      height: Math.max(1, (bottom - top) * unit),
    }),
  );
}

/** An arrow from left to right. @param {number} x @param {number} y @param {number} length */
export function arrow(x, y, length) {
  const tip = x + length;
  return svg("path", { class: "arrow", d: `M ${x} ${y} H ${tip - 1} M ${tip - 6} ${y - 4} L ${tip} ${y} L ${tip - 6} ${y + 4}` });
}

/** @param {Operation} operation */
export function spoken(operation) {
  return `${operation.name}: ${caption(operation)}, ${dims(operation.input)} to ${dims(operation.output)}`;
}
