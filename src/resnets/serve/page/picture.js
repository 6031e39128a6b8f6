// What the network saw, under its class activation map.

import { byId } from "./dom.js";

/** @typedef {import("./types.js").Activation} Activation */

const LEVELS = [0.25, 0.5, 0.75]; // contour lines, as parts of the map's peak
const SHADE = 0.62; // how much of the picture the colours cover
const SIDE = 448; // pixels of the canvas

// cividis: even in lightness, and told apart by the colour-blind
const CIVIDIS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116],
  [195, 179, 105], [225, 204, 85], [254, 232, 56],
];

/** @param {number} strength 0 to 1 @returns {number[]} */
function colour(strength) {
  const place = strength * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return CIVIDIS[low].map((value, channel) => value + (place - low) * (CIVIDIS[low + 1][channel] - value));
}

/**
 * The map at each pixel of a square, 0 to 1: linear between the centres of its positions, as parts of its peak.
 * @param {number[][]} values
 * @param {number} side
 */
export function strengths(values, side) {
  const rows = values.length;
  const columns = values[0].length;
  const peak = Math.max(...values.map(row => Math.max(...row)));
  const found = new Float32Array(side * side);
  if (peak <= 0) return found;
  const at = (/** @type {number} */ y, /** @type {number} */ x) => Math.max(0, values[y][x]) / peak;
  for (let y = 0; y < side; y += 1) {
    const v = Math.min(Math.max(((y + 0.5) * rows) / side - 0.5, 0), rows - 1);
    const top = Math.floor(v);
    const bottom = Math.min(top + 1, rows - 1);
    for (let x = 0; x < side; x += 1) {
      const u = Math.min(Math.max(((x + 0.5) * columns) / side - 0.5, 0), columns - 1);
      const left = Math.floor(u);
      const right = Math.min(left + 1, columns - 1);
      const upper = at(top, left) * (1 - (u - left)) + at(top, right) * (u - left);
      const lower = at(bottom, left) * (1 - (u - left)) + at(bottom, right) * (u - left);
      found[y * side + x] = upper * (1 - (v - top)) + lower * (v - top);
    }
  }
  return found;
}

/** @type {ImageData | null} */
let seen = null;
/** @type {Float32Array | null} */
let strength = null;

/**
 * Show an image, and its map where there is one.
 * @param {string} address of what the network saw
 * @param {Activation | undefined} map
 * @param {boolean} tiny whether its pixels should be seen as squares
 */
export async function show(address, map, tiny) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = byId("picture");
  const side = Math.min(image.naturalWidth, image.naturalHeight);
  canvas.width = canvas.height = SIDE;
  canvas.classList.toggle("pixelated", tiny);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = !tiny;
  context.imageSmoothingQuality = "high";
  const [left, top] = [(image.naturalWidth - side) / 2, (image.naturalHeight - side) / 2];
  context.drawImage(image, left, top, side, side, 0, 0, SIDE, SIDE);
  seen = context.getImageData(0, 0, SIDE, SIDE);
  strength = map ? strengths(map.values, SIDE) : null;
  draw();
}

/** Draw it as the slider says. */
export function draw() {
  if (!seen) return;
  const context = byId("picture").getContext("2d");
  const amount = strength && strength.some(value => value > 0) ? Number(byId("strength").value) / 100 : 0;
  const mixed = new ImageData(new Uint8ClampedArray(seen.data), SIDE, SIDE);
  if (strength && amount > 0) paint(mixed.data, strength, amount);
  context.putImageData(mixed, 0, 0);
}

/**
 * @param {Uint8ClampedArray} data
 * @param {Float32Array} values
 * @param {number} amount 0 to 1
 */
function paint(data, values, amount) {
  const level = (/** @type {number} */ value) => LEVELS.filter(one => value >= one).length;
  for (let place = 0; place < values.length; place += 1) {
    const at = 4 * place;
    const grey = (data[at] + data[at + 1] + data[at + 2]) / 3;
    const tone = colour(values[place]);
    const right = (place + 1) % SIDE ? place + 1 : place;
    const below = place + SIDE < values.length ? place + SIDE : place;
    const own = level(values[place]);
    const line = own !== level(values[right]) || own !== level(values[below]);
    for (let channel = 0; channel < 3; channel += 1) {
      const covered = line ? 255 : (1 - SHADE) * grey + SHADE * tone[channel];
      data[at + channel] += amount * (covered - data[at + channel]);
    }
  }
}
