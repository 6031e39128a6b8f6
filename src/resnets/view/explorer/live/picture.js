// An image with the part of it that the network sees, and over that part the map of a class, cell by cell.

import { classMap, reach } from "./record.js";
import { blank, context2d } from "./maps.js";
import { shadeOf, shortNumber, signedScale } from "./scale.js";
import { say } from "../words.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {NonNullable<ReturnType<typeof classMap>>} ClassMap */

const SIGNED_FROM = 0.15; // of the range, from which a cell has its sign written on it

/**
 * @param {LiveRecord} record
 * @param {number} label the class whose map is drawn
 * @param {{ smooth: boolean, range: number, width: number }} options range: of the colours
 */
export function drawPicture(record, label, { smooth, range, width }) {
  const { picture, part, classifier } = record;
  const [left, top, right, bottom] = [Math.min(0, part[0]), Math.min(0, part[1]), Math.max(1, part[2]), Math.max(1, part[3])];
  const scale = Math.min(width / ((right - left) * picture.width), (1.15 * width) / ((bottom - top) * picture.height));
  const [x, y] = [(/** @type {number} */ of) => (of - left) * picture.width * scale, (/** @type {number} */ of) => (of - top) * picture.height * scale];
  const density = Math.min(2, globalThis.devicePixelRatio || 1);
  const map = classMap(record, label);
  const canvas = blank(x(right) * density, y(bottom) * density, pictureLabel(record, map, label));
  canvas.className = "picture";
  canvas.style.width = `${Math.round(x(right))}px`;
  const context = context2d(canvas);
  context.scale(density, density);
  context.drawImage(picture.drawn, x(0), y(0), x(1) - x(0), y(1) - y(0));
  const box = { x: x(part[0]), y: y(part[1]), width: x(part[2]) - x(part[0]), height: y(part[3]) - y(part[1]) };
  dim(context, box, x(right), y(bottom));
  if (map) drawCells(context, box, map, { smooth, range });
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.strokeRect(box.x + 1, box.y + 1, box.width - 2, box.height - 2);
  context.setLineDash([6, 4]);
  context.strokeStyle = "#000";
  context.strokeRect(box.x + 1, box.y + 1, box.width - 2, box.height - 2);
  canvas.title = say.live.seen(classifier.preprocessing.size);
  return canvas;
}

/** Whatever the network does not see. @param {CanvasRenderingContext2D} context @param {{ x: number, y: number, width: number, height: number }} box @param {number} width @param {number} height */
function dim(context, box, width, height) {
  context.fillStyle = "rgb(120 120 120 / 60%)";
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(box.x, box.y, box.width, box.height);
  context.fill("evenodd");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number, width: number, height: number }} box
 * @param {ClassMap} map
 * @param {{ smooth: boolean, range: number }} options
 */
function drawCells(context, box, { values, rows, columns }, { smooth, range }) {
  const cells = shaded(values, columns, range, !smooth);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.drawImage(cells, box.x, box.y, box.width, box.height);
  context.restore();
  if (!smooth && Math.max(rows, columns) <= 16) signs(context, box, { values, rows, columns, range });
}

/** The cells in colours, the more opaque the farther from zero; a pixel each. @param {Float32Array} values @param {number} columns @param {number} range @param {boolean} strong */
function shaded(values, columns, range, strong) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, values.length / columns];
  const context = context2d(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const { packed } = signedScale();
  values.forEach((value, place) => {
    const part = range > 0 ? Math.min(1, Math.abs(value) / range) : 0;
    const alpha = Math.round(255 * Math.min(0.74, (strong ? 0.06 : 0.02) + 0.7 * part ** 0.8));
    pixels[place] = (packed[value < 0 ? 0 : 254] & 0xffffff) | (alpha << 24);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** + and − on the cells that count, so that no colour is needed. @param {CanvasRenderingContext2D} context @param {{ x: number, y: number, width: number, height: number }} box @param {{ values: Float32Array, rows: number, columns: number, range: number }} map */
function signs(context, box, { values, rows, columns, range }) {
  const [wide, high] = [box.width / columns, box.height / rows];
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  values.forEach((value, place) => {
    const part = range > 0 ? Math.abs(value) / range : 0;
    if (part < SIGNED_FROM) return;
    context.font = `700 ${Math.round(Math.min(wide, high) * (0.3 + 0.3 * Math.min(1, part)))}px system-ui, sans-serif`;
    const [x, y] = [box.x + ((place % columns) + 0.5) * wide, box.y + (Math.floor(place / columns) + 0.5) * high];
    context.strokeStyle = "#000";
    context.strokeText(value < 0 ? "−" : "+", x, y);
    context.fillStyle = "#fff";
    context.fillText(value < 0 ? "−" : "+", x, y);
  });
}

/** The largest value of a class's map, without its sign. @param {LiveRecord} record @param {number} label */
export function mapRange(record, label) {
  return reach(classMap(record, label)?.values ?? []);
}

/** @param {LiveRecord} record @param {ReturnType<typeof classMap>} map @param {number} label */
function pictureLabel(record, map, label) {
  const name = record.classifier.classes[label];
  if (!map) return say.live.pictureAlone(record.picture.name);
  let best = 0;
  map.values.forEach((value, place) => { if (value > map.values[best]) best = place; });
  const [row, column] = [Math.floor(best / map.columns) + 1, (best % map.columns) + 1];
  return say.live.pictureWords(record.picture.name, name, shadeOf(map.values[best], 1) >= 127 ? shortNumber(map.values[best]) : "0", row, column, map.rows, map.columns);
}
