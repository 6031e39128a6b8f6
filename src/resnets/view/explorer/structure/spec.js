// What a residual network is: a spec with the names of Python's ResNetSpec, and what its blocks are made of.

/**
 * @typedef {"pad" | "projection" | "projection-always" | "pooled-projection" | "none"} ShortcutKind
 * @typedef {"identity" | "pad" | "projection" | "pooled-projection" | "none"} BranchKind
 * @typedef {"relu" | "silu" | "mish" | "leaky-relu" | "gelu"} Activation
 * @typedef {{ widths: number[], kernel: number, stride: number, pool: "max" | "conv" | "none" }} Stem
 * @typedef {{ depths: number[], widths: number[], block: "basic" | "bottleneck", expansion: number | null,
 *   preactivation: boolean, stem: Stem, stride_at: "conv1" | "conv2", first_stride: number, shortcut: ShortcutKind,
 *   projection_kernel: number, groups: number, group_width: number, reduce_first: number,
 *   attention: "none" | "se" | "eca", attention_reduction: number, antialias: "none" | "average" | "blur" | "max",
 *   norm: "batch" | "group" | "frozen", activation: Activation, conv_bias: boolean, output_stride: number | null,
 *   pool: "average" | "max" | "both" | "gem", dropout: number, init: "he" | "xresnet", zero_last_norm: boolean,
 *   in_channels: number, num_classes: number }} Spec
 * @typedef {Partial<Omit<Spec, "stem">> & { stem?: Partial<Stem> }} SpecChanges
 * @typedef {{ stage: number, index: number, cIn: number, firstWidth: number, width: number, cOut: number,
 *   stride: number, dilation: number, firstDilation: number, shortcut: BranchKind }} SpecBlock
 * stage: from 1; width: channels of the residual branch before its last convolution
 */

/** `spec` with some fields replaced, and perhaps some of its stem's. @param {Spec} spec @param {SpecChanges} changes @returns {Spec} */
export function withFields(spec, changes) {
  return { ...spec, ...changes, stem: { ...spec.stem, ...changes.stem } };
}

/** Channels that leave each stage. @param {Spec} spec */
export function stageChannels(spec) {
  return spec.widths.map((width) => width * (spec.expansion ?? (spec.block === "basic" ? 1 : 4)));
}

/** Numbers that the classifier reads. @param {Spec} spec */
export function features(spec) {
  return (stageChannels(spec).at(-1) ?? 0) * (spec.pool === "both" ? 2 : 1);
}

/** The number in the network's name: weighted layers on the trunk, a stem counted as one. @param {Spec} spec */
export function depthOf(spec) {
  return 2 + sumOf(spec.depths) * (spec.block === "basic" ? 2 : 3);
}

/** Pixels of the image, along one axis, for each position that leaves a stage. @param {Spec} spec */
export function stageStrides(spec) {
  let stride = stemStride(spec.stem);
  /** @type {number[]} */
  const strides = [];
  for (const block of blocksOf(spec)) {
    stride *= block.stride;
    strides[block.stage - 1] = stride;
  }
  return strides;
}

/** Every block of the network, in the order in which data meets them. @param {Spec} spec @returns {SpecBlock[]} */
export function blocksOf(spec) {
  const channels = stageChannels(spec);
  let cIn = spec.stem.widths.at(-1) ?? 0;
  let total = stemStride(spec.stem);
  let [dilation, before] = [1, 1];
  return spec.depths.flatMap((depth, place) => {
    const cOut = channels[place];
    let step = place === 0 ? spec.first_stride : 2;
    if (spec.output_stride !== null && total >= spec.output_stride) [dilation, step] = [dilation * step, 1];
    total *= step;
    const inner = Math.floor((spec.widths[place] * spec.group_width) / 64) * spec.groups;
    const firstWidth = Math.floor(inner / spec.reduce_first);
    return Array.from({ length: depth }, (_, index) => {
      const stride = index === 0 ? step : 1;
      const block = {
        stage: place + 1, index, cIn, firstWidth, width: spec.block === "bottleneck" ? inner : firstWidth, cOut, stride,
        dilation, firstDilation: before, shortcut: branchKind(spec.shortcut, stride === 1 && cIn === cOut),
      };
      [cIn, before] = [cOut, dilation];
      return block;
    });
  });
}

/** Hidden channels of squeeze-and-excitation: a multiple of 8, the nearest to channels / reduction. @param {number} channels @param {number} reduction */
export function squeezedWidth(channels, reduction) {
  return Math.max(8, Math.floor(Math.trunc(channels / reduction + 4) / 8) * 8);
}

/** How many neighbouring channels ECA reads: the odd number next to (log2 channels + 1) / 2, at least 3. @param {number} channels */
export function channelKernel(channels) {
  const near = Math.floor((32 - Math.clz32(channels)) / 2); // ⌊log2⌋ + 1, halved: whole numbers, so never a rounding
  return Math.max(near % 2 === 1 ? near : near + 1, 3);
}

/** @param {number[]} numbers */
export function sumOf(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** To the nearest whole number; from halfway to the even one, as Python rounds. @param {number} value */
export function halfEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** @param {ShortcutKind} option @param {boolean} sameShape @returns {BranchKind} */
function branchKind(option, sameShape) {
  if (option === "projection-always") return "projection";
  if (option === "none") return "none";
  return sameShape ? "identity" : option;
}

/** @param {Stem} stem */
function stemStride(stem) {
  return stem.stride * (stem.pool === "none" ? 1 : 2);
}
