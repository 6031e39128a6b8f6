// The canvas, as a walk: the volume before an operation, the operation's window, and the volume after it.

import { dims, html, svg, whole } from "./dom.js";
import { arrow, box, caption, edge } from "./pictures.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */

/**
 * @param {Network} network
 * @param {Operation} operation
 * @param {"log" | "linear"} scale
 * @returns {SVGElement}
 */
export function drawWalk(network, operation, scale) {
  const channels = Math.max(...network.operations.map((one) => one.output[0]), network.inChannels);
  const pixels = Math.max(...network.imageSize);
  const style = { scale, channels, pixels, room: 210 };
  const across = edge(operation.input[0], scale, channels, 210) + 0.4 * edge(operation.input[2], scale, pixels, 210);
  const after = Math.max(470, 60 + across + 190);
  return svg(
    "svg",
    { viewBox: "0 0 960 400", class: "drawing", role: "img", "aria-label": `${caption(operation)}: ${dims(operation.input)} to ${dims(operation.output)}` },
    svg("text", { class: "strong", x: 20, y: 30 }, `${operation.index + 1} of ${network.operations.length}: ${operation.name}`),
    svg("text", { class: "muted", x: 20, y: 50 }, caption(operation)),
    box(60, 330, operation.input, { ...style, kind: "before" }),
    window_(operation, 60, 330, style),
    svg("text", { x: 60, y: 362 }, dims(operation.input)),
    svg("text", { class: "muted small", x: 60, y: 382 }, `${whole(numbers(operation.input))} numbers in`),
    ...filters(operation, after - 75),
    arrow(after - 110, 250, 70),
    box(after, 330, operation.output, { ...style, kind: "after" }),
    svg("text", { x: after, y: 362 }, dims(operation.output)),
    svg("text", { class: "muted small", x: after, y: 382 }, `${whole(numbers(operation.output))} numbers out`),
    svg("text", { class: "muted small", x: 940, y: 30, "text-anchor": "end" }, `edges in ${scale === "log" ? "logarithmic" : "linear"} proportion: channels × height × width`),
  );
}

/**
 * The window that a convolution or a pool moves over its input, on the front face.
 * @param {Operation} operation
 * @param {number} x
 * @param {number} y
 * @param {{ scale: "log" | "linear", channels: number, pixels: number, room: number }} style
 */
function window_(operation, x, y, style) {
  if (!["conv", "max-pool", "avg-pool"].includes(operation.kind)) return null;
  const up = edge(Math.min(operation.kernel, operation.input[1]), style.scale, style.pixels, style.room);
  const across = operation.kind === "conv" ? edge(operation.input[0] / operation.groups, style.scale, style.channels, style.room) : 4;
  return svg("rect", { class: "window", x, y: y - up, width: across, height: up });
}

/**
 * What a convolution moves over its input, above the arrow.
 * @param {Operation} operation
 * @param {number} x
 */
function filters(operation, x) {
  if (operation.kind !== "conv") return [];
  const shape = dims([operation.input[0] / operation.groups, operation.kernel, operation.kernel]);
  const lines = [`${operation.output[0]} filters`, `of ${shape}`, ...(operation.groups > 1 ? [`in ${operation.groups} groups`] : [])];
  return lines.map((line, index) => svg("text", { class: "small", x, y: 236 - 17 * (lines.length - 1 - index), "text-anchor": "middle" }, line));
}

/** @param {readonly number[]} shape */
function numbers(shape) {
  return shape[0] * shape[1] * shape[2];
}

/**
 * Buttons and a slider for the walk.
 * @param {Network} network
 * @param {Operation} operation
 * @param {"log" | "linear"} scale
 * @param {(changes: { at?: string, scale?: "log" | "linear" }) => void} set
 */
export function walkControls(network, operation, scale, set) {
  const last = network.operations.length - 1;
  const go = (/** @type {number} */ index) => set({ at: network.operations[Math.min(last, Math.max(0, index))].name });
  return html(
    "div",
    { class: "controls" },
    html("button", { type: "button", disabled: operation.index === 0, click: () => go(operation.index - 1) }, "← Back"),
    html("button", { type: "button", disabled: operation.index === last, click: () => go(operation.index + 1) }, "Next →"),
    html("input", {
      type: "range", min: 0, max: last, value: operation.index, "aria-label": "operation",
      input: (/** @type {Event} */ event) => go(Number(/** @type {HTMLInputElement} */ (event.target).value)),
    }),
    html("button", { type: "button", "aria-pressed": String(scale === "linear"), click: () => set({ scale: scale === "log" ? "linear" : "log" }) }, "True proportions"),
  );
}
