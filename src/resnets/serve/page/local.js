// Answers that the page computes itself, with ONNX Runtime Web and the model within.

import { byId } from "./dom.js";
import { opaque, prepared } from "./resizing.js";

/** @typedef {import("./types.js").Backend} Backend */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./resizing.js").Pixels} Pixels */

const TOP = 5;
const MOST = 50e6; // pixels of an image

/**
 * What a part of the page unpacks to.
 * @param {string} text
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function unpacked(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {string} id */
async function part(id) {
  const found = byId(`packed-${id}`);
  const bytes = await unpacked(found.textContent);
  found.remove(); // its text would be held twice
  return bytes;
}

/** ONNX Runtime, and a session of the model. */
async function session() {
  const script = URL.createObjectURL(new Blob([await part("runtime")], { type: "text/javascript" }));
  const ort = await import(script);
  URL.revokeObjectURL(script);
  ort.env.wasm.numThreads = 1; // more would need a server's headers
  ort.env.wasm.wasmBinary = await part("wasm");
  ort.env.logLevel = "error";
  return { ort, made: await ort.InferenceSession.create(await part("model"), { executionProviders: ["wasm"] }) };
}

/**
 * An image file's pixels, upright, and in no other colours than its own.
 * @param {Blob} file
 * @param {number} channels
 */
async function decoded(file, channels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none",
    });
  } catch {
    throw new Error("This browser can't read the file as an image.");
  }
  if (bitmap.width * bitmap.height > MOST) throw new Error("The image has too many pixels; make it smaller.");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser can't draw images.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return opaque(context.getImageData(0, 0, canvas.width, canvas.height), channels);
}

/** The pixels as an address of a picture. @param {Pixels} pixels */
function picture({ width, height, channels, data }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * place + channel] = data[place * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * place + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}

/**
 * What each part of an image adds to the output of one class.
 * @param {{dims: readonly number[], data: Float32Array}} maps 1 x features x rows x columns
 * @param {Float32Array} weights of the class
 */
function activation(maps, weights) {
  const [, features, rows, columns] = maps.dims;
  return Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (__, x) => {
      let sum = 0;
      for (let one = 0; one < features; one += 1) sum += weights[one] * maps.data[(one * rows + y) * columns + x];
      return sum;
    }),
  );
}

/**
 * The backend, and the steps by which the page is checked.
 * @returns {Promise<Backend & {
 *   probabilities: (file: Blob) => Promise<number[]>,
 *   pixels: (file: Blob, how: any, frame: number[]) => Promise<number[]>,
 * }>}
 */
export async function local() {
  const { about, preprocessing, frame, weights } = JSON.parse(byId("data").textContent);
  const { ort, made } = await session();
  const last = weights ? new Float32Array((await unpacked(weights.values)).buffer) : new Float32Array();
  /** @type {string[]} */
  const classes = about.classifiers[0].classes;
  /** @type {Promise<any>} */
  let turn = Promise.resolve(); // a session runs one image at a time

  /** @param {Pixels} pixels */
  const run = pixels => {
    const shape = [1, pixels.height, pixels.width, pixels.channels];
    turn = turn.catch(() => null).then(() => made.run({ images: new ort.Tensor("uint8", pixels.data, shape) }));
    return turn;
  };

  /** @param {Blob} file */
  const seen = async file => prepared(await decoded(file, preprocessing.channels), preprocessing, frame);

  return {
    atOnce: 1,
    about: async () => about,
    explorer: () => null,
    pixels: async (file, how, colour) => [...prepared(await decoded(file, how.channels), how, colour).data],
    probabilities: async file => [...(await run(await seen(file))).probabilities.data],
    predict: async (file, card, wishes) => {
      /** @type {Row} */
      const row = { image: "", answers: [], sure: false, error: null };
      try {
        const pixels = await seen(file);
        const found = await run(pixels);
        /** @type {number[]} */
        const probabilities = [...found.probabilities.data];
        const order = probabilities.map((_, place) => place).sort((a, b) => probabilities[b] - probabilities[a]);
        row.answers = order.slice(0, TOP).map(place => ({ class: classes[place], probability: probabilities[place] }));
        row.sure = probabilities[order[0]] >= card.abstain_below;
        if (wishes.seen) row.seen = picture(pixels);
        if (wishes.map !== undefined && found.maps) {
          const place = wishes.map === null ? order[0] : classes.indexOf(wishes.map);
          const width = weights.shape[1];
          row.map = {
            class: classes[place],
            values: activation(found.maps, last.subarray(place * width, (place + 1) * width)),
          };
        }
      } catch (error) {
        row.error = error instanceof Error ? error.message : String(error);
      }
      return row;
    },
  };
}
