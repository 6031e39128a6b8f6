// Feature maps on a canvas: a grid of many, or one at a size at which its cells can be told apart.

import { html } from "../dom.js";
import { pageColour, shadeOf, signedScale } from "./scale.js";

/** @typedef {import("./record.js").Volume} Volume */

const MAP_SIDE = 56; // pixels of a map in a grid, about
const GAP = 4;

/** How many pixels a cell has in a grid, along one axis. @param {Volume} of */
export function cellSize(of) {
  return Math.max(1, Math.round(MAP_SIDE / Math.max(of.rows, of.columns)));
}

/**
 * Maps in the order given, row by row.
 * @param {Volume} of
 * @param {number[]} order
 * @param {{ range: number, width: number, label: string, silent?: number[], chosen?: number, choose?: (channel: number) => void }} options
 * silent, chosen, choose: places among the kept channels
 */
export function mapGrid(of, order, { range, width, label, silent = [], chosen = -1, choose }) {
  const cell = cellSize(of);
  const [across, down] = [of.columns * cell + GAP, of.rows * cell + GAP];
  const perRow = Math.max(1, Math.min(order.length, Math.floor((width + GAP) / across)));
  const canvas = blank(perRow * across - GAP, Math.ceil(order.length / perRow) * down - GAP, label);
  const context = context2d(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const target = new Uint32Array(image.data.buffer);
  const { packed } = signedScale();
  order.forEach((channel, place) => {
    const corner = Math.floor(place / perRow) * down * canvas.width + (place % perRow) * across;
    paint(of, channel, { range, cell, target, corner, stride: canvas.width, packed });
  });
  context.putImageData(image, 0, 0);
  order.forEach((channel, place) => {
    if (silent.includes(channel)) cross(context, (place % perRow) * across, Math.floor(place / perRow) * down, across - GAP, down - GAP);
  });
  const at = order.indexOf(chosen);
  if (at >= 0) frameMap(context, (at % perRow) * across, Math.floor(at / perRow) * down, across - GAP, down - GAP);
  if (choose) {
    canvas.classList.add("choice");
    canvas.addEventListener("click", (event) => {
      const scale = canvas.width / canvas.clientWidth;
      const place = Math.floor((event.offsetY * scale) / down) * perRow + Math.floor((event.offsetX * scale) / across);
      if (order[place] !== undefined) choose(order[place]);
    });
  }
  return canvas;
}

/**
 * @param {Volume} of
 * @param {number} channel
 * @param {{ range: number, cell: number, target: Uint32Array, corner: number, stride: number, packed: Uint32Array }} to
 */
function paint(of, channel, { range, cell, target, corner, stride, packed }) {
  const factor = range > 0 ? (127 * of.steps[channel]) / range : 0;
  const first = channel * of.rows * of.columns;
  for (let y = 0; y < of.rows * cell; y += 1) {
    const from = first + Math.floor(y / cell) * of.columns;
    const to = corner + y * stride;
    for (let x = 0; x < of.columns * cell; x += 1) {
      const byte = of.bytes[from + Math.floor(x / cell)];
      target[to + x] = packed[of.positive && byte < 0 ? 127 : Math.round(byte * factor) + 127];
    }
  }
}

/** Over a map that is zero everywhere. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} width @param {number} height */
function cross(context, x, y, width, height) {
  context.lineWidth = 1.5;
  context.strokeStyle = pageColour("--removed");
  context.beginPath();
  for (const [from, to] of [[y, y + height], [y + height, y]]) {
    context.moveTo(x, from);
    context.lineTo(x + width, to);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} width @param {number} height */
function frameMap(context, x, y, width, height) {
  context.lineWidth = 3;
  context.strokeStyle = pageColour("--window");
  context.strokeRect(x + 1, y + 1, width - 2, height - 2);
}

/**
 * Any numbers as cells of a colour each.
 * @param {ArrayLike<number>} values
 * @param {number} columns
 * @param {{ range: number, side: number, label: string, mark?: { row: number, column: number, rows?: number } }} options
 * side: of the picture in pixels, about; mark: cells with a frame around them
 */
export function heatMap(values, columns, { range, side, label, mark }) {
  const rows = values.length / columns;
  const cell = Math.max(1, Math.floor(side / Math.max(rows, columns)));
  const canvas = blank(columns * cell, rows * cell, label);
  const context = context2d(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const target = new Uint32Array(image.data.buffer);
  const { packed } = signedScale();
  const colours = Uint32Array.from(values, (value) => packed[shadeOf(value, range)]);
  for (let y = 0; y < canvas.height; y += 1) {
    const from = Math.floor(y / cell) * columns;
    for (let x = 0; x < canvas.width; x += 1) target[y * canvas.width + x] = colours[from + Math.floor(x / cell)];
  }
  context.putImageData(image, 0, 0);
  if (mark) frameMap(context, Math.max(0, mark.column * cell - 3), Math.max(0, mark.row * cell - 3), Math.max(9, cell + 6), Math.max(9, cell + 6));
  return canvas;
}

/** An empty canvas of that many pixels, with its words for those who do not see it. @param {number} width @param {number} height @param {string} label */
export function blank(width, height, label) {
  const canvas = /** @type {HTMLCanvasElement} */ (html("canvas", { role: "img", "aria-label": label, width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) }));
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
export function context2d(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
