// What classifiers did with images, out of the page's data: arrays by name, and the numbers that follow from them.

/**
 * @typedef {{ values: Float32Array | Int8Array | Uint8Array, shape: number[] }} Numbers
 * @typedef {Map<string, Numbers>} Arrays
 * @typedef {{ size: number, resize: number, fit: string, interpolation: string, mean: number[], std: number[], channels: number }} Preprocessing
 * @typedef {{ network: string, classes: string[], temperature: number, abstainBelow: number, preprocessing: Preprocessing,
 *   first: string, last: "relu" | "none" | "other", pool: string, arrays: Arrays }} LiveClassifier
 * @typedef {{ name: string, width: number, height: number, uri: string, drawn: HTMLImageElement }} LivePicture
 * @typedef {{ filter: number, row: number, column: number, bias: number, value: number }} Response
 * @typedef {{ classifier: LiveClassifier, image: number, picture: LivePicture, part: [number, number, number, number],
 *   answers: number[], blocks: string[], norms: Map<string, { shortcut: number, residual: number }>,
 *   responses: Map<string, Response>, arrays: Arrays }} LiveRecord
 * @typedef {{ classifiers: LiveClassifier[], pictures: LivePicture[], records: LiveRecord[] }} Live
 * @typedef {"shortcut" | "residual" | "sum" | "output"} MapKind
 * @typedef {{ bytes: Int8Array, steps: Float32Array, channels: number, rows: number, columns: number, positive: boolean }} Volume
 * positive: what is below zero counts as zero, for it has gone through a ReLU
 */

/**
 * Inflates everything. Throws where the browser cannot, or where the data is cut.
 * @param {any} raw
 * @returns {Promise<Live>}
 */
export async function openLive(raw) {
  const classifiers = await Promise.all(raw.classifiers.map(async (/** @type {any} */ one) => ({ ...one, arrays: await inflated(one) })));
  const pictures = await Promise.all(raw.images.map(async (/** @type {any} */ one) => ({ ...one, drawn: await loaded(one.uri) })));
  const records = await Promise.all(raw.records.map(async (/** @type {any} */ one) => ({
    ...one,
    classifier: classifiers[one.classifier],
    picture: pictures[one.image],
    blocks: one.norms.map((/** @type {any[]} */ row) => row[0]),
    norms: new Map(one.norms.map((/** @type {any[]} */ [name, shortcut, residual]) => [name, { shortcut, residual }])),
    responses: new Map(one.responses.map((/** @type {any[]} */ [name, filter, row, column, bias, value]) => [name, { filter, row, column, bias, value }])),
    arrays: await inflated(one),
  })));
  return { classifiers, pictures, records };
}

/** @param {{ bytes: string, arrays: [name: string, kind: string, shape: number[], place: number][] }} packed @returns {Promise<Arrays>} */
async function inflated({ bytes, arrays }) {
  const source = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const buffer = await new Response(new Blob([source]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
  return new Map(arrays.map(([name, kind, shape, place]) => {
    const count = shape.reduce((product, one) => product * one, 1);
    const Kind = kind === "float32" ? Float32Array : kind === "int8" ? Int8Array : Uint8Array;
    return [name, { values: new Kind(buffer, place, count), shape }];
  }));
}

/** @param {string} uri @returns {Promise<HTMLImageElement>} */
async function loaded(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}

/** An array that must be there. @param {Arrays} arrays @param {string} name @returns {Numbers} */
export function arrayOf(arrays, name) {
  const found = arrays.get(name);
  if (!found) throw new Error(`no array ${name}`);
  return found;
}

/** An array of float32 that must be there. @param {Arrays} arrays @param {string} name @returns {Float32Array} */
export function floats(arrays, name) {
  return /** @type {Float32Array} */ (arrayOf(arrays, name).values);
}

/** The largest absolute value. @param {ArrayLike<number>} values */
export function reach(values) {
  let most = 0;
  for (let place = 0; place < values.length; place += 1) most = Math.max(most, Math.abs(values[place]));
  return most;
}

/**
 * The maps of one kind that a block (or the stem, which has an output alone) keeps.
 * @param {LiveRecord} record
 * @param {string} block
 * @param {MapKind} kind
 * @returns {Volume}
 */
export function volume(record, block, kind) {
  const found = record.arrays.get(`${block}/${kind}`);
  const name = found ? kind : "sum"; // a ReLU is left to the page
  const { values, shape } = found ?? arrayOf(record.arrays, `${block}/sum`);
  const steps = floats(record.arrays, `${block}/${name}/steps`);
  const positive = kind === "output" && !found && record.classifier.last === "relu";
  return { bytes: /** @type {Int8Array} */ (values), steps, channels: shape[0], rows: shape[1], columns: shape[2], positive };
}

/** One cell of a volume. @param {Volume} of @param {number} channel @param {number} cell */
export function cellValue(of, channel, cell) {
  const byte = of.bytes[channel * of.rows * of.columns + cell];
  return (of.positive && byte < 0 ? 0 : byte) * of.steps[channel];
}

/** The largest absolute value that a volume holds. @param {Volume} of */
export function rangeOf(of) {
  return 127 * reach(of.steps);
}

/**
 * Probabilities at the classifier's temperature.
 * @param {ArrayLike<number>} logits
 * @param {number} temperature
 * @returns {Float64Array}
 */
export function probabilities(logits, temperature) {
  const scaled = Float64Array.from(logits);
  const most = scaled.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let place = 0; place < scaled.length; place += 1) {
    scaled[place] = Math.exp((scaled[place] - most) / temperature);
    sum += scaled[place];
  }
  return scaled.map((one) => one / sum);
}

/** The places of the largest numbers, the largest first; of equal ones, the first first. @param {ArrayLike<number>} of @param {number} count */
export function largest(of, count) {
  return Array.from(of, (_, place) => place).sort((a, b) => of[b] - of[a] || a - b).slice(0, count);
}

/** Whether a block can be replaced by its shortcut: a plain network has none. @param {LiveRecord} record */
export function canGoWithout(record) {
  return arrayOf(record.arrays, "without").shape[0] > 0;
}

/** The logits of an image, as they are or without a block. @param {LiveRecord} record @param {string} [without] */
export function logitsOf(record, without = "") {
  const place = record.blocks.indexOf(without);
  if (place < 0 || !canGoWithout(record)) return floats(record.arrays, "logits");
  const count = record.classifier.classes.length;
  return floats(record.arrays, "without").subarray(place * count, (place + 1) * count);
}

/**
 * The map of a class, whose cells sum to its logit without its bias; null where there is no exact one.
 * @param {LiveRecord} record
 * @param {number} label
 */
export function classMap(record, label) {
  const found = record.arrays.get("classMaps");
  if (!found) return null;
  const [, rows, columns] = found.shape;
  const values = /** @type {Float32Array} */ (found.values.subarray(label * rows * columns, (label + 1) * rows * columns));
  const sum = values.reduce((total, one) => total + one, 0);
  return { values, rows, columns, sum, bias: arrayOf(record.classifier.arrays, "biases").values[label] };
}

/** The class that is chosen by its name, or else the first answer. @param {LiveRecord} record @param {string} name */
export function chosenClass(record, name) {
  const place = record.classifier.classes.indexOf(name);
  return place >= 0 ? place : record.answers[0];
}

/**
 * The order of a volume's kept channels: by their strength for a class if that is known, else by their mean.
 * @param {LiveRecord} record
 * @param {string} block
 * @param {number} label
 */
export function channelOrder(record, block, label) {
  const kept = Array.from(floats(record.arrays, `${block}/channels`));
  const answer = record.answers.indexOf(label);
  const means = floats(record.arrays, `${block}/mean`);
  const strength = answer < 0 ? null : floats(record.arrays, `${block}/strength`).subarray(answer * kept.length, (answer + 1) * kept.length);
  const by = strength ?? kept.map((channel) => means[channel]);
  return { order: largest(by, kept.length), kept, strength, means };
}
