// Why a spec is no network: the rules that settings can break together, as Python's ResNetSpec checks them.

import { blocksOf, features, stageChannels, sumOf } from "./spec.js";
import { say } from "../words.js";

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {import("./spec.js").SpecBlock} SpecBlock */

const MOST_BLOCKS = 4096;
const MOST_CHANNELS = 65_536;
const MOST_WEIGHTS = 2 ** 31;
const NORM_GROUPS = 32;

/** Which rule a spec breaks, as one line that names the values; empty where it is a network. @param {Spec} spec @returns {string} */
export function problem(spec) {
  return problemOfStages(spec) || problemOfSize(spec);
}

/** @param {Spec} spec */
function problemOfStages(spec) {
  if (spec.depths.length !== spec.widths.length) return say.problems.stages(spec.depths, spec.widths);
  const parted = spec.widths.find((width) => (width * spec.group_width) % 64 !== 0);
  if (parted !== undefined) return say.problems.groupWidth(spec.groups, spec.group_width, parted);
  if (spec.shortcut === "none" && spec.zero_last_norm) return say.problems.startless;
  if (spec.antialias === "max" && !["pooled-projection", "none"].includes(spec.shortcut)) return say.problems.leavesOut(spec.shortcut);
  if (spec.shortcut === "pad") {
    const channels = [...spec.stem.widths.slice(-1), ...stageChannels(spec)];
    const at = channels.findIndex((cOut, place) => place > 0 && cOut < channels[place - 1]);
    if (at > 0) return say.problems.shrinks(channels[at - 1], channels[at]);
  }
  return "";
}

/** @param {Spec} spec */
function problemOfSize(spec) {
  const count = sumOf(spec.depths);
  if (count > MOST_BLOCKS) return say.problems.blocks(spec.depths, count, MOST_BLOCKS);
  const blocks = blocksOf(spec);
  for (const block of blocks) {
    if (block.width > MOST_CHANNELS) return say.problems.wide(spec.groups, spec.group_width, block.width, MOST_CHANNELS);
    const found = problemOfGroups(spec, block);
    if (found) return found;
  }
  const weights = kernelWeights(spec, blocks);
  return weights > MOST_WEIGHTS ? say.problems.weights(spec.depths, spec.widths, weights, MOST_WEIGHTS) : "";
}

/** Where a convolution's or a norm's channels can't be parted into its groups. @param {Spec} spec @param {SpecBlock} block */
function problemOfGroups(spec, block) {
  const cIn = spec.block === "basic" ? block.cIn : block.firstWidth;
  if (cIn % spec.groups !== 0 || block.firstWidth % spec.groups !== 0 || block.firstWidth === 0) {
    return say.problems.groups(spec.groups, spec.reduce_first, spec.block, cIn);
  }
  const odd = [...spec.stem.widths, block.cIn, block.firstWidth, block.width, block.cOut].filter((channels) => channels % NORM_GROUPS !== 0);
  return spec.norm === "group" && odd.length > 0 ? say.problems.norm(Math.min(...odd), NORM_GROUPS) : "";
}

/** Weights of the stem's, the residual branches' and the classifier's matrices: nearly all there are. @param {Spec} spec @param {SpecBlock[]} blocks */
function kernelWeights(spec, blocks) {
  const channels = [spec.in_channels, ...spec.stem.widths];
  const stem = spec.stem.widths.map((width, place) => spec.stem.kernel ** 2 * channels[place] * width);
  const residual = blocks.map((block) => {
    if (spec.block === "basic") return 9 * block.width * (Math.floor(block.cIn / spec.groups) + block.cOut);
    const inner = Math.floor((9 * block.firstWidth * block.width) / spec.groups);
    return block.cIn * block.firstWidth + inner + block.width * block.cOut;
  });
  return sumOf(stem) + sumOf(residual) + features(spec) * spec.num_classes;
}
