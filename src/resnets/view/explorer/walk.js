// The canvas, as a walk: the volume before an operation, the operation's window, the volume after it, and where on the
// way through the network it stands.

import { dims, html, svg, whole } from "./dom.js";
import { caption, moves } from "./kinds.js";
import { arrow, box, edge, frame } from "./pictures.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {"log" | "linear"} Scale */
/** @typedef {{ scale: Scale, channels: number, pixels: number, room: number }} Style */

/**
 * @param {Network} network
 * @param {Operation} operation
 * @param {Scale} scale
 * @param {number} width of the drawing in pixels
 * @returns {SVGElement}
 */
export function drawWalk(network, operation, scale, width) {
  const narrow = width < 620;
  const style = {
    scale, room: narrow ? 92 : 210, channels: Math.max(...network.operations.map((one) => one.output[0]), network.inChannels),
    pixels: Math.max(...network.imageSize),
  };
  const [left, floor] = [narrow ? 4 : 40, narrow ? 250 : 350];
  const across = edge(operation.input[0], scale, style.channels, style.room) + 0.4 * edge(operation.input[2], scale, style.pixels, style.room);
  const after = Math.max(width * 0.55, left + across + (narrow ? 66 : 180));
  const between = (left + across + after) / 2;
  const words = `${caption(operation)}: ${dims(operation.input)} to ${dims(operation.output)}`;
  return frame(
    width,
    floor + 128,
    words,
    svg("text", { class: "strong", x: 4, y: 22 }, `${operation.index + 1} of ${network.operations.length}: ${operation.name}`),
    svg("text", { class: "muted", x: 4, y: 44 }, caption(operation)),
    svg("text", narrow ? { class: "muted small", x: 4, y: 64 } : { class: "muted small", x: width - 4, y: 22, "text-anchor": "end" },
      `channels × height × width, in ${scale === "log" ? "logarithmic" : "true"} proportion`),
    box(left, floor, operation.input, { ...style, kind: "before" }),
    kernel(operation, left, floor, style),
    ...numbers(operation.input, left, floor, "in"),
    ...filters(operation, between, floor - style.room / 2 - 12),
    arrow(between - (narrow ? 16 : 35), floor - style.room / 2, narrow ? 32 : 70),
    box(after, floor, operation.output, { ...style, kind: "after" }),
    ...numbers(operation.output, after, floor, "out"),
    profile(network, operation, floor + 64, width),
  );
}

/**
 * The window that a convolution or a pool moves over its input: all channels that one filter reads, `kernel` high and wide.
 * @param {Operation} operation
 * @param {number} x
 * @param {number} y
 * @param {Style} style
 */
function kernel(operation, x, y, style) {
  if (!moves(operation.kind)) return null;
  const size = Math.min(operation.dilation * (operation.kernel - 1) + 1, operation.input[1]);
  const channels = operation.kind === "conv" ? operation.input[0] / operation.groups : 1;
  const drawn = box(x, y, [channels, size, size], { ...style, kind: "window" });
  drawn.append(svg("title", {}, `the window: ${dims([channels, size, size])}`));
  return drawn;
}

/** @param {readonly number[]} shape @param {number} x @param {number} floor @param {string} way */
function numbers(shape, x, floor, way) {
  const count = shape[0] * shape[1] * shape[2];
  return [svg("text", { x, y: floor + 24 }, dims(shape)), svg("text", { class: "muted small", x, y: floor + 42 }, `${whole(count)} ${way}`)];
}

/** What a convolution moves over its input, above the arrow. @param {Operation} operation @param {number} x @param {number} y */
function filters(operation, x, y) {
  if (operation.kind !== "conv") return [];
  const shape = dims([operation.input[0] / operation.groups, operation.kernel, operation.kernel]);
  const lines = [`${operation.output[0]} filters`, shape, ...(operation.groups > 1 ? [`${operation.groups} groups`] : [])];
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
    svg("text", { class: "muted small", x: 4, y: low + 16 }, `numbers that leave each operation; here ${whole(sizes[operation.index])}`),
  );
}

/**
 * Buttons and a slider for the walk. They are made once and then follow, so that a slider that is being dragged stays
 * the one under the finger.
 * @param {(changes: { step?: number, to?: number, scale?: boolean }) => void} act
 */
export function walkControls(act) {
  const button = (/** @type {string} */ label, /** @type {() => void} */ click) => /** @type {HTMLButtonElement} */ (html("button", { type: "button", click }, label));
  const back = button("← Back", () => act({ step: -1 }));
  const next = button("Next →", () => act({ step: 1 }));
  const scaled = button("True proportions", () => act({ scale: true }));
  const slider = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 0, "aria-label": "operation", input: () => act({ to: Number(slider.value) }) }));
  return {
    element: html("div", { class: "controls walk" }, back, next, slider, scaled),
    /** @param {Network} network @param {Operation} operation @param {Scale} scale */
    follow(network, operation, scale) {
      const last = network.operations.length - 1;
      slider.max = String(last);
      slider.value = String(operation.index);
      slider.setAttribute("aria-valuetext", `${operation.index + 1} of ${last + 1}: ${operation.name}`);
      back.disabled = operation.index === 0;
      next.disabled = operation.index === last;
      scaled.setAttribute("aria-pressed", String(scale === "linear"));
    },
  };
}
