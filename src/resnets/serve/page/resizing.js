// How an image becomes the network's input: Pillow's arithmetic, to the bit, but for tall images. Those are resized
// vertically first by newer Pillows, which rounds some sums to the neighbor.

/**
 * @typedef {{
 *   size: number, resize: number, fit: "crop" | "squash" | "pad", interpolation: "bilinear" | "bicubic", channels: number,
 * }} Preprocessing
 */
/** Pixels, row by row, each with its channels. @typedef {{width: number, height: number, channels: number, data: Uint8Array}} Pixels */

const BITS = 22; // of Pillow's fixed-point weights: 32 - 8 for a pixel - 2 for what bicubic overshoots

/** @type {Record<string, {support: number, weight: (x: number) => number}>} */
const FILTERS = {
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: given => {
      const [x, a] = [Math.abs(given), -0.5];
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
};

/**
 * For each output, where it begins to read and the weights of what it reads.
 * @param {number} from
 * @param {number} to
 * @param {string} interpolation
 */
function windows(from, to, interpolation) {
  const filter = FILTERS[interpolation];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - start }, (__, x) => filter.weight((x + start - centre + 0.5) * (1 / stretch)));
    const sum = weights.reduce((total, one) => total + one, 0);
    const fixed = weights.map(one => Math.trunc((sum ? one / sum : one) * 2 ** BITS + (one < 0 ? -0.5 : 0.5)));
    return { start, weights: fixed };
  });
}

/**
 * One direction of a resize.
 * @param {Pixels} image
 * @param {number} to
 * @param {string} interpolation
 * @param {boolean} along whether along rows
 * @returns {Pixels}
 */
function pass(image, to, interpolation, along) {
  const { channels, data } = image;
  const [width, height] = along ? [to, image.height] : [image.width, to];
  const found = new Uint8Array(width * height * channels);
  const table = windows(along ? image.width : image.height, to, interpolation);
  const step = along ? channels : image.width * channels;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const { start, weights } = table[along ? x : y];
      const origin = along ? y * image.width * channels + start * channels : start * step + x * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 2 ** (BITS - 1);
        for (let one = 0; one < weights.length; one += 1) sum += data[origin + channel + one * step] * weights[one];
        found[(y * width + x) * channels + channel] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
      }
    }
  }
  return { width, height, channels, data: found };
}

/**
 * @param {Pixels} image
 * @param {number} width
 * @param {number} height
 * @param {string} interpolation
 */
export function resized(image, width, height, interpolation) {
  let found = image;
  if (width !== image.width) found = pass(found, width, interpolation, true);
  if (height !== image.height) found = pass(found, height, interpolation, false);
  return found;
}

/** A half goes to the even neighbour, as in Python. @param {number} value */
function rounded(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

/**
 * Width and height after the resize.
 * @param {Pixels} image
 * @param {Preprocessing} how
 */
function target({ width, height }, { fit, resize }) {
  if (fit === "squash") return [resize, resize];
  if (fit === "crop") {
    const longer = Math.trunc((resize * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? [resize, longer] : [longer, resize];
  }
  const ratio = Math.max(width, height) / resize;
  return [Math.max(1, rounded(width / ratio)), Math.max(1, rounded(height / ratio))];
}

/**
 * A part of the image, with the frame's colour where there is none.
 * @param {Pixels} image
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {number[]} frame
 * @returns {Pixels}
 */
function cut(image, left, top, width, height, frame) {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const inside = x + left >= 0 && x + left < image.width && y + top >= 0 && y + top < image.height;
      for (let channel = 0; channel < channels; channel += 1) {
        const at = ((y + top) * image.width + x + left) * channels + channel;
        data[(y * width + x) * channels + channel] = inside ? image.data[at] : frame[channel];
      }
    }
  }
  return { width, height, channels, data };
}

/**
 * What the network sees of an image.
 * @param {Pixels} image
 * @param {Preprocessing} how
 * @param {number[]} frame colour around an image that is smaller than the input
 */
export function prepared(image, how, frame) {
  const [width, height] = target(image, how);
  if (width * height > 80e6) throw new Error("The image is too long and thin.");
  let found = resized(image, width, height, how.interpolation);
  const [wide, high] = [Math.max(width, how.size), Math.max(height, how.size)];
  if (wide > width || high > height) {
    const left = Math.floor(Math.max(0, how.size - width) / 2);
    const top = Math.floor(Math.max(0, how.size - height) / 2);
    found = cut(found, -left, -top, wide, high, frame);
  }
  if (wide === how.size && high === how.size) return found;
  return cut(found, rounded((wide - how.size) / 2), rounded((high - how.size) / 2), how.size, how.size, frame);
}

/**
 * A canvas's pixels over white, in colour or in grey (ITU-R 601), as Pillow computes both.
 * @param {{width: number, height: number, data: Uint8ClampedArray}} image
 * @param {number} channels
 * @returns {Pixels}
 */
export function opaque({ width, height, data }, channels) {
  const found = new Uint8Array(width * height * channels);
  for (let place = 0; place < width * height; place += 1) {
    const alpha = data[4 * place + 3];
    const over = (/** @type {number} */ channel) => {
      const value = data[4 * place + channel];
      if (alpha === 255) return value;
      const sum = (value * alpha + 255 * (255 - alpha)) * 128 + (128 << 7);
      return ((((sum >> 8) + sum) >> 8) >> 7) & 255;
    };
    if (channels === 3) for (let channel = 0; channel < 3; channel += 1) found[3 * place + channel] = over(channel);
    else found[place] = (over(0) * 19595 + over(1) * 38470 + over(2) * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels, data: found };
}
