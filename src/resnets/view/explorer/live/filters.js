// The first convolution at work: any of its filters, at any place of the image, step by step.

import { html } from "../dom.js";
import { say } from "../words.js";
import { firstOutput, firstProduct } from "./convolve.js";
import { blank, context2d, heatMap } from "./maps.js";
import { drawProducts } from "./products.js";
import { arrayOf, floats, reach } from "./record.js";
import { pageColour, shortNumber } from "./scale.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {{ filter: number, row: number, column: number }} Position row and column are -1 where the filter answers most strongly */

const BEAT = 180; // milliseconds of a step
const BENCH_SIDE = 248; // pixels of the input's and the output's picture

/** The part of the view that computes; it keeps its own position, so that a step draws nothing else. */
export class FilterBench {
  constructor() {
    /** @type {Position} */
    this.at = { filter: 0, row: -1, column: -1 };
    this.timer = 0;
    /** @type {LiveRecord | null} */
    this.record = null;
    /** @type {{ record: LiveRecord, filter: number, output: Float32Array } | null} */
    this.computed = null;
    this.looks = "";
  }

  /**
   * Drawn anew for another image alone: what it shows depends on nothing else.
   * @param {LiveRecord} record
   * @param {Operation} operation the first convolution
   */
  draw(record, operation) {
    const looks = `${pageColour("--ground")} ${say.live.title}`;
    if (this.element && this.record === record && this.looks === looks) return this.element;
    this.stop();
    if (this.record !== record) this.at = { ...this.at, row: -1, column: -1 };
    this.looks = looks;
    this.record = record;
    this.operation = operation;
    this.element = html("section", { class: "bench", "aria-label": say.live.benchTitle });
    this.refresh();
    return this.element;
  }

  /** Where the window is, once -1 is resolved. @returns {Position} */
  get place() {
    const record = /** @type {LiveRecord} */ (this.record);
    if (this.at.row >= 0) return this.at;
    const [row, column] = ["strongestRows", "strongestColumns"].map((name) => floats(record.arrays, name)[this.at.filter]);
    return { filter: this.at.filter, row, column };
  }

  /** @param {Partial<Position>} changes */
  move(changes) {
    this.at = { ...this.place, ...changes };
    this.refresh();
  }

  refresh() {
    const { record, operation, element } = this;
    if (!record || !operation || !element) return;
    const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
    const place = this.place;
    const [, rows, columns] = operation.output;
    const output = this.outputOf(record, operation, place.filter);
    const strongest = place.row === floats(record.arrays, "strongestRows")[place.filter] && place.column === floats(record.arrays, "strongestColumns")[place.filter];
    const range = reach(output);
    const picture = heatMap(output, columns, { range, side: BENCH_SIDE, label: say.live.outputLabel(place.filter, rows, columns), mark: place });
    picture.classList.add("choice");
    picture.addEventListener("click", (event) => this.move({
      row: Math.min(rows - 1, Math.floor((event.offsetY / picture.clientHeight) * rows)), column: Math.min(columns - 1, Math.floor((event.offsetX / picture.clientWidth) * columns)),
    }));
    element.replaceChildren(
      html("h3", {}, say.live.benchTitle),
      html("p", { class: "small muted" }, say.live.benchWords(operation.name, operation.output[0], operation.kernel, operation.stride)),
      this.filterGrid(record, place.filter),
      this.controls(place, rows, columns),
      html("div", { class: "terms" },
        html("figure", {}, html("figcaption", {}, say.live.inputSeen), inputPicture(record, operation, place)),
        html("figure", {}, html("figcaption", {}, say.live.outputOf(place.filter)), picture)),
      html("p", { class: "strong", "data-field": "position" }, say.live.position(place.row + 1, place.column + 1, shortNumber(output[place.row * columns + place.column]))),
      drawProducts(firstProduct(record, operation, place), { stored: strongest ? floats(record.arrays, "strongestValues")[place.filter] : null, ofImage: true }),
    );
    if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
  }

  /** The filter's whole output, computed once. @param {LiveRecord} record @param {Operation} operation @param {number} filter */
  outputOf(record, operation, filter) {
    if (this.computed?.record !== record || this.computed.filter !== filter) this.computed = { record, filter, output: firstOutput(record, operation, filter) };
    return this.computed.output;
  }

  /** @param {Position} place @param {number} rows @param {number} columns */
  controls(place, rows, columns) {
    const slider = (/** @type {"row" | "column"} */ name, /** @type {number} */ count, /** @type {string} */ words) => {
      const input = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 1, max: count, value: place[name] + 1, "data-key": name }));
      input.addEventListener("input", () => this.move({ [name]: Number(input.value) - 1 }));
      return html("label", {}, words, " ", input);
    };
    const next = (place.row * columns + place.column + 1) % (rows * columns);
    const step = () => this.move({ row: Math.floor(next / columns), column: next % columns });
    return html("div", { class: "controls" },
      slider("row", rows, say.live.row), slider("column", columns, say.live.column),
      html("button", { type: "button", "data-key": "step", click: step }, say.live.step),
      html("button", { type: "button", "data-key": "play", "aria-pressed": String(this.timer > 0), click: () => this.play(step) }, this.timer > 0 ? say.live.pause : say.live.play),
      html("button", { type: "button", "data-key": "strongest", click: () => this.move({ row: -1, column: -1 }) }, say.live.strongest));
  }

  /** @param {() => void} step */
  play(step) {
    if (this.timer > 0) {
      this.stop();
      this.refresh();
      return;
    }
    this.timer = setInterval(() => {
      if (!this.element?.isConnected) return this.stop();
      const [, rows, columns] = this.operation?.output ?? [0, 1, 1];
      const next = (this.place.row * columns + this.place.column + 1) % (rows * columns);
      return this.move({ row: Math.floor(next / columns), column: next % columns });
    }, BEAT);
    step();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** Every filter as it looks, in colours where it reads colours. @param {LiveRecord} record @param {number} chosen */
  filterGrid(record, chosen) {
    const { values, shape } = arrayOf(record.classifier.arrays, "kernels");
    const [count] = shape;
    const button = (/** @type {number} */ filter, /** @type {string} */ words, /** @type {string} */ key) =>
      html("button", { type: "button", "data-key": key, disabled: filter < 0 || filter >= count, click: () => this.move({ filter, row: -1, column: -1 }) }, words);
    const canvas = filterPicture(values, shape, chosen);
    canvas.element.addEventListener("click", (event) => {
      const filter = canvas.at(event.offsetX, event.offsetY);
      if (filter < count) this.move({ filter, row: -1, column: -1 });
    });
    return html("div", {}, canvas.element, html("div", { class: "controls" },
      html("strong", { "data-field": "filter" }, say.live.filter(chosen, count)),
      button(chosen - 1, say.live.previous, "previous filter"), button(chosen + 1, say.live.next, "next filter")));
  }
}

/** @param {ArrayLike<number>} values @param {number[]} shape @param {number} chosen */
function filterPicture(values, [count, channels, side], chosen) {
  const cell = Math.max(2, Math.round(34 / side));
  const pitch = side * cell + 5;
  const perRow = Math.min(count, 16);
  const element = blank(perRow * pitch - 5, Math.ceil(count / perRow) * pitch - 5, say.live.filtersLabel(count, channels));
  element.className = "choice filters";
  const context = context2d(element);
  const size = channels * side * side;
  for (let filter = 0; filter < count; filter += 1) {
    const own = Array.prototype.slice.call(values, filter * size, (filter + 1) * size);
    const most = reach(own) || 1;
    const [left, top] = [(filter % perRow) * pitch, Math.floor(filter / perRow) * pitch];
    for (let place = 0; place < side * side; place += 1) {
      const shade = (/** @type {number} */ channel) => Math.round(127.5 * (1 + own[(channels === 3 ? channel : 0) * side * side + place] / most));
      context.fillStyle = `rgb(${shade(0)} ${shade(1)} ${shade(2)})`;
      context.fillRect(left + (place % side) * cell, top + Math.floor(place / side) * cell, cell, cell);
    }
    if (filter === chosen) {
      context.lineWidth = 3;
      context.strokeStyle = pageColour("--window");
      context.strokeRect(left - 0.5, top - 0.5, side * cell + 1, side * cell + 1);
    }
  }
  const at = (/** @type {number} */ x, /** @type {number} */ y) => {
    const scale = element.width / element.clientWidth;
    return Math.floor((y * scale) / pitch) * perRow + Math.floor((x * scale) / pitch);
  };
  return { element, at };
}

/** The pixels that the network saw, within their padding, and the window over them. @param {LiveRecord} record @param {Operation} operation @param {Position} place */
function inputPicture(record, operation, place) {
  const { values, shape } = arrayOf(record.arrays, "pixels");
  const [height, width, channels] = shape;
  const pad = operation.padding;
  const scale = BENCH_SIDE / (Math.max(height, width) + 2 * pad);
  const canvas = blank((width + 2 * pad) * scale, (height + 2 * pad) * scale, say.live.inputLabel(operation.kernel, place.row + 1, place.column + 1));
  const small = document.createElement("canvas");
  [small.width, small.height] = [width, height];
  const pixels = context2d(small).createImageData(width, height);
  for (let at = 0; at < height * width; at += 1) {
    for (let colour = 0; colour < 3; colour += 1) pixels.data[4 * at + colour] = values[at * channels + (channels >= 3 ? colour : 0)];
    pixels.data[4 * at + 3] = 255;
  }
  context2d(small).putImageData(pixels, 0, 0);
  const context = context2d(canvas);
  context.fillStyle = pageColour("--rule");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(small, pad * scale, pad * scale, width * scale, height * scale);
  context.lineWidth = 2.5;
  context.strokeStyle = pageColour("--window");
  context.strokeRect(place.column * operation.stride * scale, place.row * operation.stride * scale, Math.max(6, operation.kernel * scale), Math.max(6, operation.kernel * scale));
  return canvas;
}
