// A network's first convolution, computed in the page from the pixels that the network saw.

import { arrayOf } from "./record.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {{ window: Float64Array, kernel: Float32Array, channels: number, side: number, bias: number }} Product */

/** A pixel as the network reads it: scaled to 0..1, less the mean, by the deviation, in float32. @param {LiveRecord} record @returns {(channel: number, row: number, column: number) => number} */
export function inputOf(record) {
  const { values, shape } = arrayOf(record.arrays, "pixels");
  const [height, width, channels] = shape;
  const { mean, std } = record.classifier.preprocessing;
  const f = Math.fround;
  return (channel, row, column) => {
    if (row < 0 || column < 0 || row >= height || column >= width) return 0;
    return f(f(f(values[(row * width + column) * channels + channel] / 255) - f(mean[channel])) / f(std[channel]));
  };
}

/**
 * What one output position of a filter is made of.
 * @param {LiveRecord} record
 * @param {Operation} operation
 * @param {{ filter: number, row: number, column: number }} at
 * @returns {Product}
 */
export function firstProduct(record, operation, { filter, row, column }) {
  const { values, shape } = arrayOf(record.classifier.arrays, "kernels");
  const [, channels, side] = shape;
  const size = channels * side * side;
  const input = inputOf(record);
  const [top, left] = [row * operation.stride - operation.padding, column * operation.stride - operation.padding];
  const window = Float64Array.from({ length: size }, (_, place) =>
    input(Math.floor(place / (side * side)), top + (Math.floor(place / side) % side), left + (place % side)));
  const kernel = /** @type {Float32Array} */ (values.subarray(filter * size, (filter + 1) * size));
  return { window, kernel, channels, side, bias: arrayOf(record.classifier.arrays, "filterBiases").values[filter] };
}

/**
 * Every output position of a filter.
 * @param {LiveRecord} record
 * @param {Operation} operation
 * @param {number} filter
 */
export function firstOutput(record, operation, filter) {
  const [, rows, columns] = operation.output;
  const output = new Float32Array(rows * columns);
  const { kernel, channels, side, bias } = firstProduct(record, operation, { filter, row: 0, column: 0 });
  const input = inputOf(record);
  const [, height, width] = operation.input;
  const pad = operation.padding;
  const [high, wide] = [height + 2 * pad, width + 2 * pad];
  const plane = new Float32Array(channels * high * wide);
  for (let place = 0; place < plane.length; place += 1) {
    const channel = Math.floor(place / (high * wide));
    plane[place] = input(channel, (Math.floor(place / wide) % high) - pad, (place % wide) - pad);
  }
  for (let place = 0; place < output.length; place += 1) {
    const start = Math.floor(place / columns) * operation.stride * wide + (place % columns) * operation.stride;
    let sum = bias;
    for (let k = 0; k < kernel.length; k += 1) {
      const inside = k % (side * side);
      sum += kernel[k] * plane[Math.floor(k / (side * side)) * high * wide + start + Math.floor(inside / side) * wide + (inside % side)];
    }
    output[place] = sum;
  }
  return output;
}

/** What the stored output of a convolution is made of. @param {LiveRecord} record @param {string} name @returns {Product} */
export function storedProduct(record, name) {
  const { values, shape } = arrayOf(record.arrays, `${name}/window`);
  const kernel = /** @type {Float32Array} */ (arrayOf(record.arrays, `${name}/kernel`).values);
  return { window: Float64Array.from(values), kernel, channels: shape[0], side: shape[1], bias: record.responses.get(name)?.bias ?? 0 };
}

/** The products of each input channel, summed. @param {Product} product */
export function channelSums({ window, kernel, channels, side }) {
  return Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    for (let place = channel * side * side; place < (channel + 1) * side * side; place += 1) sum += window[place] * kernel[place];
    return sum;
  });
}
