// Sliders and switches that change the network on screen: which part of its spec each of them sets.

import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {Record<string, any>} Spec the page's, whose fields are reached by name here */
/** @typedef {{ spec: Spec, imageSize: [number, number] }} Setting */
/**
 * @typedef {{ name: string, label: () => string, values: (base: Setting) => (string | number)[], read: (now: Setting, base: Setting) => string | number,
 *   write: (now: Setting, value: any, base: Setting) => Setting, words: (value: any) => string, slides: boolean }} Control
 */

const FACTORS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const POWERS = [1, 2, 4, 8, 16, 32, 64];
const SIDES = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512];
const MOST_SLID = 48; // in a stage, of a slider; a network that has more keeps its own number as the last

const STEMS = /** @type {Record<string, (width: number) => Spec>} */ ({
  large: (width) => ({ widths: [width], kernel: 7, stride: 2, pool: "max" }),
  deep: (width) => ({ widths: [Math.ceil(width / 2), Math.ceil(width / 2), width], kernel: 3, stride: 2, pool: "max" }),
  small: (width) => ({ widths: [width], kernel: 3, stride: 1, pool: "none" }),
});

/** The numbers of a slider, the present one among them. @param {number[]} usual @param {number[]} present */
function withPresent(usual, ...present) {
  return [...new Set([...usual, ...present])].sort((a, b) => a - b);
}

/**
 * A choice among the values of one field of the spec.
 * @param {string} field
 * @param {(string | boolean)[]} values
 * @param {() => string} label
 * @param {(value: string) => string} words
 * @returns {Control}
 */
function choice(field, values, label, words) {
  return {
    name: field, label, slides: false, words, values: () => values.map(String), read: ({ spec }) => String(spec[field]),
    write: (now, value) => ({ ...now, spec: { ...now.spec, [field]: values.find((one) => String(one) === value) } }),
  };
}

/** How many blocks a stage has. @param {number} stage from 0 @returns {Control} */
function depthOf(stage) {
  return {
    name: `blocks-${stage + 1}`, label: () => say.change.blocks(stage + 1), slides: true, words: String,
    values: (base) => withPresent(Array.from({ length: MOST_SLID }, (_, index) => index + 1), base.spec.depths[stage]),
    read: ({ spec }) => spec.depths[stage],
    write: (now, value) => ({ ...now, spec: { ...now.spec, depths: now.spec.depths.map((/** @type {number} */ depth, /** @type {number} */ at) => (at === stage ? Number(value) : depth)) } }),
  };
}

/** @type {Control} */
const WIDTH = {
  name: "width", label: () => say.change.width, slides: true, words: (value) => say.change.times(value),
  values: (base) => FACTORS.filter((factor) => base.spec.widths.every((/** @type {number} */ width) => Number.isInteger(width * factor))),
  read: ({ spec }, base) => spec.widths[0] / base.spec.widths[0],
  write: (now, value, base) => ({ ...now, spec: { ...now.spec, widths: base.spec.widths.map((/** @type {number} */ width) => width * Number(value)) } }),
};

/** @param {string} field @param {() => string} label @returns {Control} */
function power(field, label) {
  return {
    name: field, label, slides: true, words: String, values: (base) => withPresent(POWERS, base.spec[field]), read: ({ spec }) => spec[field],
    write: (now, value) => ({ ...now, spec: { ...now.spec, [field]: Number(value) } }),
  };
}

/** @type {Control} */
const SIZE = {
  name: "image_size", label: () => say.change.imageSize, slides: true, words: (value) => say.change.pixels(value),
  values: (base) => withPresent(SIDES, base.imageSize[0]), read: ({ imageSize }) => imageSize[0],
  write: (now, value) => ({ ...now, imageSize: [Number(value), Number(value)] }),
};

/** @type {Control} */
const STEM = {
  name: "stem", label: () => say.change.stem, slides: false, words: (value) => say.change.stems[value],
  values: (base) => [...Object.keys(STEMS), ...(stemOf(base.spec) === "own" ? ["own"] : [])], read: ({ spec }) => stemOf(spec),
  write: (now, value, base) => ({ ...now, spec: { ...now.spec, stem: value === "own" ? base.spec.stem : STEMS[value](now.spec.stem.widths.at(-1)) } }),
};

/** @param {Spec} spec */
function stemOf({ stem }) {
  return Object.keys(STEMS).find((name) => same(STEMS[name](stem.widths.at(-1)), stem)) ?? "own";
}

/** The controls that a network has. @param {Spec} spec @returns {Control[]} */
export function controlsOf(spec) {
  return [
    ...spec.depths.map((/** @type {number} */ _, /** @type {number} */ stage) => depthOf(stage)),
    WIDTH, power("groups", () => say.change.groups), power("group_width", () => say.change.groupWidth), SIZE,
    choice("block", ["basic", "bottleneck"], () => say.change.block, (value) => say.change.blockKinds[value]),
    STEM,
    choice("stride_at", ["conv1", "conv2"], () => say.change.strideAt, (value) => say.change.strides[value]),
    choice("shortcut", ["none", "pad", "projection", "projection-always", "pooled-projection"], () => say.change.shortcut, shortcutWords),
    choice("attention", ["none", "se", "eca"], () => say.change.attention, (value) => say.change.attentions[value]),
    choice("preactivation", [false, true], () => say.change.preactivation, (value) => say.change.orders[value]),
  ];
}

/** @param {string} kind */
function shortcutWords(kind) {
  return say.change.shortcuts[kind] ?? kind;
}

/** A setting as the text that stands in the address: what differs from the network's own. @param {Setting} now @param {Setting} base */
export function toText(now, base) {
  const fields = Object.keys(now.spec).filter((field) => !same(now.spec[field], base.spec[field]));
  const changes = Object.fromEntries(fields.map((field) => [field, now.spec[field]]));
  if (!same(now.imageSize, base.imageSize)) changes.image_size = now.imageSize;
  return Object.keys(changes).length > 0 ? JSON.stringify(changes) : "";
}

/** The setting of an address; the network's own where the text is no such thing. @param {string} text @param {Setting} base @returns {Setting} */
export function fromText(text, base) {
  try {
    const { image_size: imageSize, ...changes } = /** @type {Record<string, any>} */ (text ? JSON.parse(text) : {});
    const known = Object.keys(changes).every((field) => field in base.spec && typeof changes[field] === typeof base.spec[field]);
    if (known) return { spec: { ...base.spec, ...changes }, imageSize: imageSize ?? base.imageSize };
  } catch {
    // an address that somebody has cut
  }
  return { spec: base.spec, imageSize: base.imageSize };
}

/** @param {unknown} one @param {unknown} other */
function same(one, other) {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

/** @param {any} value @returns {unknown} */
function ordered(value) {
  return value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value).sort() : value;
}

/** A spec as the TOML that `resnets train` takes. @param {Spec} spec @returns {string} */
export function toToml(spec) {
  const line = (/** @type {[string, any]} */ [name, value]) => `${name} = ${JSON.stringify(value)}`;
  const plain = Object.entries(spec).filter(([name, value]) => name !== "stem" && value !== null && value !== undefined);
  return `${plain.map(line).join("\n")}\n\n[stem]\n${Object.entries(spec.stem).map(line).join("\n")}\n`;
}
