// What depth does to a network with shortcuts and to one without: curves and norms of four networks that were trained.

import { html, svg } from "./dom.js";
import { say } from "./words.js";

/** @typedef {{ activation: number[], gradient: number[] }} Norms by block */
/** @typedef {{ train_loss: number[], blocks: string[], before: Norms, after: Norms }} Trained */
/** @typedef {{ setup: { images_per_class: number, epochs: number, size: number }, networks: Record<string, Trained> }} Fading */
/** @typedef {{ name: string, values: number[] }} Line */

const COMMAND = "python -m benchmarks.degradation CIFAR-10";
const [LEFT, RIGHT, TOP, HEIGHT] = [40, 142, 14, 230];
const [COLUMN, GAP] = [400, 32]; // of the figures side by side, at least

/**
 * @param {Fading} fading
 * @param {number} width
 */
export function drawDepth(fading, width) {
  const words = say.depth;
  const { images_per_class: images, epochs, size } = fading.setup;
  const lines = (/** @type {string[]} */ names, /** @type {(one: Trained) => number[]} */ values) =>
    names.filter((name) => name in fading.networks).map((name) => ({ name, values: values(fading.networks[name]) }));
  const deep = ["plain-56", "residual-56"];
  const grown = (/** @type {string} */ name) => growth(fading.networks[name].before.gradient);
  const columns = Math.max(1, Math.floor((width + GAP) / (COLUMN + GAP)));
  const wide = (width - GAP * (columns - 1)) / columns;
  const figure = (/** @type {string} */ title, /** @type {string} */ about, /** @type {SVGElement} */ drawing) =>
    html("figure", { class: "depth-figure" }, html("h3", {}, title), drawing, html("figcaption", {}, about));
  return html(
    "div",
    { class: "depth" },
    html("h2", {}, words.title),
    html("p", {}, words.about(images, epochs, size)),
    html("div", { class: "figures" },
      figure(words.loss, words.lossAbout, chart(lines(Object.keys(words.names), (one) => one.train_loss), wide, { label: words.loss, axis: words.epoch, logarithmic: false })),
      figure(words.activation, words.activationAbout, chart(lines(deep, (one) => one.before.activation), wide, { label: words.activation, axis: words.block, logarithmic: true })),
      figure(words.gradient, words.gradientAbout(grown("plain-56"), grown("residual-56")), chart(lines(deep, (one) => one.before.gradient), wide, { label: words.gradient, axis: words.block, logarithmic: true }))),
    html("p", { class: "small muted" }, `${words.again} `, html("code", {}, COMMAND)),
  );
}

/** How many times as large the first value is as the last: `4,400`. @param {number[]} values */
function growth(values) {
  return Number((values[0] / values[values.length - 1]).toPrecision(2)).toLocaleString("en-US");
}

/**
 * Lines over 1, 2, 3 …, each with its name at its end and a stroke of its own.
 * @param {Line[]} lines
 * @param {number} width
 * @param {{ label: string, axis: string, logarithmic: boolean }} kind
 */
function chart(lines, width, { label, axis, logarithmic }) {
  const scale = (/** @type {number} */ value) => (logarithmic ? Math.log10(value) : value);
  const all = lines.flatMap((line) => line.values.map(scale));
  const [low, high] = logarithmic ? [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))] : [0, Math.max(...all) * 1.02];
  const count = Math.max(...lines.map((line) => line.values.length));
  const room = width - LEFT - RIGHT;
  const x = (/** @type {number} */ place) => LEFT + (room * place) / Math.max(1, count - 1);
  const y = (/** @type {number} */ value) => TOP + HEIGHT * (1 - (value - low) / (high - low || 1));
  const ends = spread(lines.map((line) => y(scale(line.values[line.values.length - 1]))));
  const ticks = logarithmic ? Array.from({ length: high - low + 1 }, (_, index) => low + index) : steps(high);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${TOP + HEIGHT + 44}`, class: "drawing chart", role: "img", "aria-label": `${label}: ${inWords(lines)}` },
    ...ticks.flatMap((value) => [
      svg("line", { class: "rule", x1: LEFT, x2: LEFT + room, y1: y(value), y2: y(value) }),
      svg("text", { class: "muted small", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, logarithmic ? power(value) : String(value)),
    ]),
    svg("text", { class: "muted small", x: LEFT, y: TOP + HEIGHT + 20 }, "1"),
    svg("text", { class: "muted small", x: LEFT + room, y: TOP + HEIGHT + 20, "text-anchor": "end" }, String(count)),
    svg("text", { class: "muted small", x: LEFT + room / 2, y: TOP + HEIGHT + 20, "text-anchor": "middle" }, axis),
    ...lines.map((line, index) => svg("g", { class: `line ${line.name}` },
      svg("path", { d: line.values.map((value, place) => `${place ? "L" : "M"} ${x(place).toFixed(1)} ${y(scale(value)).toFixed(1)}`).join(" ") }),
      svg("text", { class: "small", x: LEFT + room + 8, y: ends[index] + 4 }, say.depth.names[line.name]))),
  );
}

/** Heights of labels, moved apart so that none covers another. @param {number[]} wanted */
function spread(wanted) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  order.forEach((index, rank) => {
    if (rank > 0) placed[index] = Math.max(placed[index], placed[order[rank - 1]] + 16);
  });
  return placed;
}

/** Round numbers from 0 up to `high`. @param {number} high */
function steps(high) {
  const unit = high > 2 ? 1 : high > 0.8 ? 0.5 : 0.1;
  return Array.from({ length: Math.floor(high / unit) + 1 }, (_, index) => Number((index * unit).toFixed(1)));
}

/** `10⁻³`. @param {number} exponent */
function power(exponent) {
  return `10${[...String(exponent)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)])).join("")}`;
}

/** Where each line begins and ends. @param {Line[]} lines */
function inWords(lines) {
  return lines.map(({ name, values }) => `${say.depth.names[name]} ${values[0]} → ${values[values.length - 1]}`).join("; ");
}
