// One block on this image: x, F(x) and their sum as feature maps, a channel of them enlarged, and every channel's peak.

import { html } from "../dom.js";
import { say } from "../words.js";
import { blank, cellSize, context2d, heatMap, mapGrid } from "./maps.js";
import { cellValue, channelOrder, chosenClass, floats, rangeOf, reach, volume } from "./record.js";
import { pageColour, scaleLegend, shortNumber } from "./scale.js";
import { ratioOf } from "./strip.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("./record.js").MapKind} MapKind */
/** @typedef {import("./record.js").Volume} Volume */
/** @typedef {import("../state.js").State} State */
/**
 * @typedef {{ width: number, pixels: number, change: (changes: Partial<State>) => void }} Room
 * pixels: of the image, that a cell stands for
 */

const FIRST = 40; // channels in a grid before the button that shows the rest

/**
 * @param {LiveRecord} record
 * @param {string} block or "stem"
 * @param {State} state
 * @param {Room} room
 */
export function drawSum(record, block, state, room) {
  const label = chosenClass(record, state.label);
  const { order, kept, strength } = channelOrder(record, block, label);
  const stem = block === "stem";
  const kinds = /** @type {MapKind[]} */ (stem ? ["output"] : ["shortcut", "residual", "output"]);
  const volumes = kinds.map((kind) => volume(record, block, kind));
  const range = Math.max(...volumes.map(rangeOf), stem ? 0 : rangeOf(volume(record, block, "sum")));
  const chosen = kept.indexOf(state.channel);
  const shown = chosen < 0 ? order[0] : chosen;
  const choose = (/** @type {number} */ place) => room.change({ channel: kept[place] });
  const wide = room.width < 620 ? room.width : (room.width - 24 * (kinds.length - 1)) / kinds.length;
  const [of] = volumes;
  const name = record.classifier.classes[label];
  const grid = state.all ? order : order.slice(0, FIRST);
  const peaks = floats(record.arrays, `${block}/peak`);
  const silent = kept.flatMap((channel, place) => (peaks[channel] === 0 ? [place] : []));
  return html(
    "section",
    { class: "sum", "data-block": block },
    html("h3", {}, stem ? say.live.stemTitle : say.live.sumTitle(block)),
    !stem && sumWords(record, block),
    html("p", { class: "small muted" }, say.live.gridWords(kept.length, peaks.length, of.rows, of.columns, cellSize(of), room.pixels), " ", strength ? say.live.byStrength(name) : say.live.byMean(name)),
    scaleLegend(range, say.live.error(shortNumber(Math.max(...volumes.flatMap((one) => [...one.steps])) / 2))),
    html("div", { class: "grids" }, ...kinds.map((kind, place) => html("figure", {},
      html("figcaption", {}, kindWords(record, kind, block)),
      mapGrid(volumes[place], grid, { range, width: wide, label: say.live.gridLabel(kindWords(record, kind, block), block, grid.length), silent: kind === "output" ? silent : [], chosen: shown, choose })))),
    order.length > grid.length && html("button", { type: "button", class: "more", "data-key": "all", click: () => room.change({ all: true }) }, say.live.showAll(order.length)),
    enlarged(record, block, { kept, order, strength, shown, range, choose }),
    everyChannel(record, block, kept, room.width),
    channelTable(record, block, { order, kept, strength }),
  );
}

/** @param {LiveRecord} record @param {MapKind} kind @param {string} [block] */
function kindWords(record, kind, block = "") {
  if (block === "stem") return say.live.kinds.stem;
  return kind === "output" ? say.live.kinds.output(record.classifier.last) : say.live.kinds[kind];
}

/** @param {LiveRecord} record @param {string} block */
function sumWords(record, block) {
  const { shortcut, residual } = record.norms.get(block) ?? { shortcut: 0, residual: 0 };
  return html("p", { "data-field": "norms" }, say.live.norms(shortNumber(residual), shortNumber(shortcut), shortNumber(ratioOf(record, block))));
}

/**
 * One channel, large enough to point at a cell: what comes in, what the branch adds, and what leaves.
 * @param {LiveRecord} record
 * @param {string} block
 * @param {{ kept: number[], order: number[], strength: ArrayLike<number> | null, shown: number, range: number, choose: (place: number) => void }} of
 */
function enlarged(record, block, { kept, order, strength, shown, range, choose }) {
  const kinds = /** @type {MapKind[]} */ (block === "stem" ? ["output"] : record.classifier.last === "none" ? ["shortcut", "residual", "sum"] : ["shortcut", "residual", "sum", "output"]);
  const volumes = kinds.map((kind) => volume(record, block, kind));
  const { rows, columns } = volumes[0];
  const said = html("output", { class: "small value", "data-field": "cell" });
  const tell = (/** @type {number} */ cell) => {
    const values = volumes.map((one) => shortNumber(cellValue(one, shown, cell)));
    said.textContent = say.live.cell(Math.floor(cell / columns) + 1, (cell % columns) + 1, values);
  };
  const place = order.indexOf(shown);
  const step = (/** @type {number} */ by, /** @type {string} */ words, /** @type {string} */ key) =>
    html("button", { type: "button", "data-key": key, disabled: order[place + by] === undefined, click: () => choose(order[place + by]) }, words);
  tell(Math.floor(rows / 2) * columns + Math.floor(columns / 2));
  return html(
    "div",
    { class: "enlarged" },
    html("div", { class: "controls" },
      html("strong", {}, say.live.channel(kept[shown], place + 1, order.length)),
      step(-1, say.live.stronger, "stronger"), step(1, say.live.weaker, "weaker"),
      strength && html("span", { class: "small", "data-field": "strength" }, say.live.strength(shortNumber(strength[shown])))),
    html("div", { class: "terms" }, ...kinds.flatMap((kind, index) => [
      index > 0 && html("span", { class: "operator", "aria-hidden": "true" }, index === 1 ? "+" : index === 2 ? "=" : "→"),
      html("figure", {}, html("figcaption", {}, kindWords(record, kind, block)), pointed(volumes[index], shown, range, tell)),
    ])),
    html("p", {}, said),
  );
}

/** A channel whose cells tell their values, by mouse or arrow keys. @param {Volume} of @param {number} channel @param {number} range @param {(cell: number) => void} tell */
function pointed(of, channel, range, tell) {
  const size = of.rows * of.columns;
  const values = Float32Array.from({ length: size }, (_, cell) => cellValue(of, channel, cell));
  const canvas = heatMap(values, of.columns, { range, side: 168, label: say.live.enlargedLabel(of.rows, of.columns) });
  let at = Math.floor(of.rows / 2) * of.columns + Math.floor(of.columns / 2);
  const go = (/** @type {number} */ cell) => {
    at = Math.max(0, Math.min(size - 1, cell));
    tell(at);
  };
  canvas.tabIndex = 0;
  canvas.addEventListener("pointermove", (event) => go(Math.floor((event.offsetY / canvas.clientHeight) * of.rows) * of.columns + Math.floor((event.offsetX / canvas.clientWidth) * of.columns)));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: of.columns, ArrowUp: -of.columns }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    go(at + by);
  });
  return canvas;
}

/** A bar for every channel, the silent ones marked below it; those that are kept are darker. @param {LiveRecord} record @param {string} block @param {number[]} kept @param {number} width */
function everyChannel(record, block, kept, width) {
  const peaks = floats(record.arrays, `${block}/peak`);
  const silent = Array.from(peaks, (peak, channel) => (peak === 0 ? channel : -1)).filter((channel) => channel >= 0);
  const words = say.live.silent(silent.length, peaks.length, silent.slice(0, 12).join(", ") + (silent.length > 12 ? ", …" : ""));
  const pitch = Math.max(1, Math.min(14, Math.floor(Math.min(width, 900) / peaks.length)));
  const canvas = blank(pitch * peaks.length, 54, words);
  const context = context2d(canvas);
  const [bar, faint, mark] = ["--accent", "--rule", "--removed"].map(pageColour);
  const most = reach(peaks) || 1;
  peaks.forEach((peak, channel) => {
    context.fillStyle = kept.includes(channel) ? bar : faint;
    const height = (44 * peak) / most;
    context.fillRect(channel * pitch, 44 - height, Math.max(1, pitch - 1), Math.max(peak > 0 ? 1 : 0, height));
    context.fillStyle = mark;
    if (peak === 0) context.fillRect(channel * pitch, 46, Math.max(1, pitch - 1), 6);
  });
  return html("figure", { class: "channels" }, html("figcaption", { "data-field": "silent", "data-count": silent.length }, words), canvas);
}

/** The channels in numbers, made when it is asked for. @param {LiveRecord} record @param {string} block @param {{ order: number[], kept: number[], strength: ArrayLike<number> | null }} of */
function channelTable(record, block, { order, kept, strength }) {
  const [means, peaks] = ["mean", "peak"].map((name) => floats(record.arrays, `${block}/${name}`));
  const box = html("details", {}, html("summary", { "data-key": "numbers" }, say.live.numbersTitle(kept.length)));
  box.addEventListener("toggle", () => {
    if (box.childElementCount > 1) return;
    const head = [say.live.columns.channel, say.live.columns.strength, say.live.columns.mean, say.live.columns.peak];
    box.append(html("table", { class: "numbers" },
      html("thead", {}, html("tr", {}, ...head.map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {}, ...order.map((place) => html("tr", {},
        html("th", { scope: "row" }, String(kept[place])),
        html("td", {}, strength ? shortNumber(strength[place]) : "–"),
        html("td", {}, shortNumber(means[kept[place]])),
        html("td", {}, peaks[kept[place]] === 0 ? say.live.silentWord : shortNumber(peaks[kept[place]])))))));
  });
  return box;
}
