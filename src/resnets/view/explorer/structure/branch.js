// The operations of one branch, written down one after the other: shapes, parameters, multiply-accumulates.

import { channelKernel, squeezedWidth } from "./spec.js";

/**
 * @typedef {import("./spec.js").Spec} Spec
 * @typedef {import("./spec.js").Activation} Activation
 * @typedef {"conv" | "norm" | Activation | "max-pool" | "avg-pool" | "blur" | "pad" | "add" | "global-pool" | "linear" |
 *   "squeeze" | "channel-conv" | "sigmoid" | "scale"} Kind
 * @typedef {"trunk" | "residual" | "shortcut"} BranchName
 * @typedef {[channels: number, height: number, width: number]} Shape
 * @typedef {{ size: number, jump: number, start: number }} ReceptiveField which pixels the first output position reads, along one axis
 * @typedef {{ stage: string, block: number | null, branch: BranchName }} Place stage: stem, stage 1 ... head
 * @typedef {{ kernel: number, stride: number, padding: number, groups: number, dilation: number, parameters: number, macs: number }} Numbers
 * @typedef {{ name: string, place: Place, kind: Kind, input: Shape, output: Shape, field: ReceptiveField } & Numbers} Row
 */

/** @type {Numbers} */
const NO_WINDOW = { kernel: 1, stride: 1, padding: 0, groups: 1, dilation: 1, parameters: 0, macs: 0 };

/** Writes down operations one after the other, each fed by the one before. */
export class Branch {
  /**
   * @param {Spec} spec
   * @param {{ output: Shape, field: ReceptiveField }} before
   * @param {Place} place
   */
  constructor(spec, before, place) {
    this.spec = spec;
    this.shape = before.output;
    this.field = before.field;
    this.place = place;
    /** @type {Row[]} */
    this.rows = [];
  }

  /**
   * @param {string} name
   * @param {number} cOut
   * @param {number} kernel
   * @param {{ stride?: number, groups?: number, dilation?: number, bias?: boolean }} [window]
   */
  conv(name, cOut, kernel, { stride = 1, groups = 1, dilation = 1, bias = this.spec.conv_bias } = {}) {
    const [cIn, height, width] = this.shape;
    const padding = Math.floor((dilation * (kernel - 1)) / 2);
    const [rows, columns] = [height, width].map((n) => positions(n, dilation * (kernel - 1) + 1, stride, padding));
    const weights = cOut * Math.floor(cIn / groups) * kernel * kernel;
    this.add(name, "conv", [cOut, rows, columns], {
      kernel, stride, padding, groups, dilation, parameters: weights + (bias ? cOut : 0), macs: weights * rows * columns,
    });
  }

  /** @param {string} name */
  norm(name) {
    this.add(name, "norm", this.shape, { parameters: this.spec.norm === "frozen" ? 0 : 2 * this.shape[0] });
  }

  /** @param {string} name */
  activation(name) {
    this.add(name, this.spec.activation, this.shape);
  }

  /** @param {string} name @param {number} stride */
  maxPool(name, stride) {
    const [channels, height, width] = this.shape;
    this.add(name, "max-pool", [channels, positions(height, 3, stride, 1), positions(width, 3, stride, 1)], { kernel: 3, stride, padding: 1 });
  }

  /** A last odd row or column is averaged by itself, or left out. @param {string} name @param {number} [stride] */
  avgPool(name, stride = 2) {
    const [channels, height, width] = this.shape;
    const part = this.spec.antialias === "max" ? Math.floor : Math.ceil;
    this.add(name, "avg-pool", [channels, part(height / stride), part(width / stride)], { kernel: 2, stride });
  }

  /** What takes the stride of the layers before it. @param {string} name @param {number} stride @param {boolean} [always] also where there is no stride */
  antialias(name, stride, always = false) {
    if (this.spec.antialias === "average" && stride > 1) this.avgPool(name);
    else if (this.spec.antialias === "blur" && (stride > 1 || always)) this.blur(name, stride);
  }

  /** @param {string} name @param {number} stride */
  blur(name, stride) {
    const [channels, height, width] = this.shape;
    const [rows, columns] = [positions(height, 3, stride, 1), positions(width, 3, stride, 1)];
    this.add(name, "blur", [channels, rows, columns], { kernel: 3, stride, padding: 1, groups: channels, macs: 9 * channels * rows * columns });
  }

  /** What takes the stride of the convolution before it by the largest of four; a last odd row is left out. @param {string} name @param {number} stride */
  largest(name, stride) {
    const [channels, height, width] = this.shape;
    if (this.spec.antialias !== "max" || stride === 1) return;
    this.add(name, "max-pool", [channels, Math.floor(height / 2), Math.floor(width / 2)], { kernel: 2, stride: 2 });
  }

  /** @param {string} name @param {number} cOut @param {number} stride */
  pad(name, cOut, stride) {
    const [, height, width] = this.shape;
    this.add(name, "pad", [cOut, Math.ceil(height / stride), Math.ceil(width / stride)], { stride });
  }

  /** @param {string} name */
  attention(name) {
    const { shape, field, spec } = this;
    const [channels] = shape;
    if (spec.attention === "none") return;
    this.add(`${name}.squeeze`, "squeeze", [channels, 1, 1]);
    if (spec.attention === "se") {
      this.conv(`${name}.fc1`, squeezedWidth(channels, spec.attention_reduction), 1, { bias: true });
      this.add(`${name}.act`, "relu", this.shape);
      this.conv(`${name}.fc2`, channels, 1, { bias: true });
    } else {
      const kernel = channelKernel(channels);
      this.add(`${name}.conv`, "channel-conv", this.shape, { parameters: kernel, macs: kernel * channels });
    }
    this.add(`${name}.gate`, "sigmoid", this.shape);
    [this.shape, this.field] = [shape, field];
    this.add(name, "scale", shape);
  }

  /** @param {string} name */
  globalPool(name) {
    const [channels, height, width] = this.shape;
    const { size, jump, start } = this.field;
    const longer = Math.max(height, width);
    const outputs = channels * (this.spec.pool === "both" ? 2 : 1);
    this.add(name, "global-pool", [outputs, 1, 1], { parameters: this.spec.pool === "gem" ? 1 : 0 });
    this.field = { size: size + (longer - 1) * jump, jump: jump * longer, start };
    this.rows[this.rows.length - 1].field = this.field;
  }

  /** @param {string} name @param {number} cOut */
  linear(name, cOut) {
    const [cIn] = this.shape;
    this.add(name, "linear", [cOut, 1, 1], { parameters: cOut * (cIn + 1), macs: cOut * cIn });
  }

  /** @param {string} name @param {Kind} kind @param {Shape} output @param {Partial<Numbers>} [numbers] */
  add(name, kind, output, numbers = {}) {
    const row = { ...NO_WINDOW, ...numbers, name, place: this.place, kind, input: this.shape, output, field: this.field };
    const { size, jump, start } = this.field;
    row.field = { size: size + row.dilation * (row.kernel - 1) * jump, jump: jump * row.stride, start: start - row.padding * jump };
    this.rows.push(row);
    [this.shape, this.field] = [output, row.field];
  }
}

/** The smallest field that holds both branches of a sum. @param {ReceptiveField} one @param {ReceptiveField} other @returns {ReceptiveField} */
export function joinedFields(one, other) {
  const start = Math.min(one.start, other.start);
  const end = Math.max(one.start + one.size, other.start + other.size);
  return { size: end - start, jump: Math.max(one.jump, other.jump), start };
}

/** ⌊(n + 2p − k) / s⌋ + 1 @param {number} n @param {number} kernel @param {number} stride @param {number} padding */
function positions(n, kernel, stride, padding) {
  return Math.floor((n + 2 * padding - kernel) / stride) + 1;
}
