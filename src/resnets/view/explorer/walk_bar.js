// The controls of a walk: from operation to operation, and the window from place to place.

import { html } from "./dom.js";
import { moves } from "./kinds.js";
import { layoutOf, readBy, windowAt } from "./walk.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./walk.js").Layout} Layout */
/** @typedef {(changes: { step?: number, to?: number, scale?: boolean }) => void} Act */

const TICK = 140; // milliseconds between two places of a window that moves by itself
const STOPS = 16; // on its way along a row, and of rows: a window stops at every so manieth place of a large map

/**
 * Buttons, a slider and the moving window. They are made once and then follow, so that a slider that is being dragged
 * stays the one under the finger. Whoever asks for less motion finds the window at rest.
 */
export class WalkBar {
  /** @param {Act} act */
  constructor(act) {
    const button = (/** @type {() => void} */ click) => /** @type {HTMLButtonElement} */ (html("button", { type: "button", click }));
    this.back = button(() => act({ step: -1 }));
    this.next = button(() => act({ step: 1 }));
    this.scaled = button(() => act({ scale: true }));
    this.slider = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 0, input: () => act({ to: Number(this.slider.value) }) }));
    this.play = button(() => this.toggle());
    this.once = button(() => this.move(1));
    this.told = html("p", { class: "small muted", "data-field": "window" });
    this.over = html("div", { class: "controls" }, this.play, this.once, this.told);
    this.element = html("div", {}, html("div", { class: "controls walk" }, this.back, this.next, this.slider, this.scaled), this.over);
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.place = 0;
    /** @type {{ operation: Operation, layout: Layout, drawing: Element } | null} */
    this.shown = null;
    setInterval(() => this.tick(), TICK);
  }

  /**
   * @param {Network} network
   * @param {Operation} operation
   * @param {import("./walk.js").Scale} scale
   * @param {number} width
   * @param {Element} drawing
   */
  follow(network, operation, scale, width, drawing) {
    const { walk } = say.views;
    const last = network.operations.length - 1;
    if (this.shown?.operation !== operation) this.place = 0;
    this.shown = { operation, layout: layoutOf(network, operation, scale, width), drawing };
    Object.assign(this.slider, { max: String(last), value: String(operation.index), ariaLabel: walk.operation, ariaValueText: walk.place(operation.index + 1, last + 1, operation.name) });
    [this.back.textContent, this.next.textContent, this.scaled.textContent] = [walk.back, walk.next, walk.scale];
    this.back.disabled = operation.index === 0;
    this.next.disabled = operation.index === last;
    this.scaled.setAttribute("aria-pressed", String(scale === "linear"));
    this.over.hidden = !moves(operation.kind);
    this.draw();
  }

  toggle() {
    this.playing = !this.playing;
    this.draw();
  }

  /** One turn of the clock; where the walk is not on screen, or nothing moves, none. */
  tick() {
    if (!this.playing || !this.element.isConnected || this.over.hidden || document.hidden || !this.shown) return;
    const [, rows, columns] = this.shown.operation.output;
    const [by, down] = [Math.ceil(columns / STOPS), Math.ceil(rows / STOPS)];
    const [row, column] = [Math.floor(this.place / columns), this.place % columns];
    const next = column + by < columns ? this.place + by : (row + down) * columns;
    this.place = next < rows * columns ? next : 0;
    this.draw();
  }

  /** @param {number} by places, in the order of reading */
  move(by) {
    if (!this.shown) return;
    this.playing = false;
    const [, rows, columns] = this.shown.operation.output;
    this.place = (this.place + by) % (rows * columns);
    this.draw();
  }

  draw() {
    const { walk } = say.views;
    [this.play.textContent, this.once.textContent] = [this.playing ? walk.pause : walk.play, walk.step];
    this.play.setAttribute("aria-pressed", String(this.playing));
    if (!this.shown || this.over.hidden) return;
    const { operation, layout, drawing } = this.shown;
    const columns = operation.output[2];
    const [row, column] = [Math.floor(this.place / columns), this.place % columns];
    drawing.querySelector(".moving")?.replaceChildren(...windowAt(operation, layout, { row, column }));
    this.told.textContent = walk.position(row + 1, column + 1, readsInWords(operation, row, column));
  }
}

/** `rows 1 to 4, columns 1 to 4; what lies outside is padding`, counted from 1. @param {Operation} one @param {number} row @param {number} column */
function readsInWords(one, row, column) {
  const { top, left, bottom, right } = readBy(one, row, column);
  const [, height, width] = one.input;
  const words = say.views.walk.rows(Math.max(1, top + 1), Math.min(height, bottom + 1), Math.max(1, left + 1), Math.min(width, right + 1));
  return top < 0 || left < 0 || bottom >= height || right >= width ? words + say.views.walk.padded : words;
}
