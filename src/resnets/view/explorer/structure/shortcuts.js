// Shortcuts in words, strokes and numbers: how each kind is drawn, why a block has its kind, what others would cost.

import { operationRows } from "./rows.js";
import { withFields } from "./spec.js";
import { say } from "../words.js";

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {import("./spec.js").SpecBlock} SpecBlock */
/** @typedef {import("./spec.js").ShortcutKind} ShortcutKind */
/** @typedef {import("./branch.js").Shape} Shape */
/** @typedef {"A" | "B" | "C" | "D"} OptionName */
/** @typedef {{ parameters: number, macs: number }} Cost */
/** @typedef {{ dash: string, width: number, cap: string }} Stroke SVG's stroke-dasharray, stroke-width and stroke-linecap */
/** @typedef {Record<import("./spec.js").BranchKind, Stroke>} Strokes */
/** @typedef {{ label: string, short: string, sign: string, meaning: string } & Stroke} Look how a kind of shortcut is named and drawn */
/** @typedef {{ option: string, words: string, cost: Cost | null }} Option cost: null where it is impossible */

/** The paper's options A, B and C, and ResNet-D's. @type {Record<OptionName, ShortcutKind>} */
const SHORTCUT_OPTIONS = { A: "pad", B: "projection", C: "projection-always", D: "pooled-projection" };
const OPTION_NAMES = /** @type {OptionName[]} */ (Object.keys(SHORTCUT_OPTIONS));
const WHOLE_STRIDE = 8; // an output stride

/** How the shortcut of a block is named and drawn: kernels may be larger, and pre-activation has no norm in it. @param {Spec} spec @param {SpecBlock} block @param {Strokes} strokes @returns {Look} */
export function lookOf(spec, block, strokes) {
  const look = { ...say.shortcuts.looks[block.shortcut], ...strokes[block.shortcut] };
  if (block.shortcut !== "projection") return look;
  const kernel = block.stride > 1 || block.dilation > 1 ? spec.projection_kernel : 1;
  const named = kernel > 1 ? { ...look, ...say.shortcuts.larger(kernel) } : look;
  return spec.preactivation ? { ...named, meaning: say.shortcuts.bare } : named;
}

/** What the shortcuts of a network do: `shortcuts pad where the shape changes (option A)`. @param {ShortcutKind} kind */
export function ruleOf(kind) {
  if (kind === "none") return say.shortcuts.noneAnywhere;
  const option = OPTION_NAMES.find((one) => SHORTCUT_OPTIONS[one] === kind) ?? "B";
  return say.shortcuts.rule(option, say.shortcuts.options[option]);
}

/** Why a block has the shortcut it has, with the numbers in. @param {Spec} spec @param {SpecBlock} block @param {Shape} shape what enters the block */
export function whyOf(spec, { cIn, cOut, stride, shortcut }, shape) {
  const words = say.shortcuts;
  if (shortcut === "none") return words.none;
  if (shortcut === "identity") return words.same(shape);
  if (shortcut === "pad") return words.padded(cIn, cOut, stride);
  if (shortcut === "pooled-projection" && stride > 1) return words.pooled(cIn, cOut, stride);
  if (stride === 1 && cIn === cOut && spec.shortcut === "projection-always") return words.always(shape);
  return words.projected(cIn, cOut, stride);
}

/**
 * What the shortcut of each block of a network would cost under each option; equal ones are found once.
 * @param {Spec} spec
 * @returns {(block: SpecBlock, shape: Shape) => Option[]}
 */
export function optionsOf(spec) {
  /** @type {Map<string, (Cost | null)[]>} */
  const found = new Map();
  return (block, shape) => {
    const key = [block.cIn, block.cOut, block.stride, block.dilation > 1, ...shape].join(" ");
    const costs = found.get(key) ?? OPTION_NAMES.map((option) => costOf(spec, block, option, shape));
    found.set(key, costs);
    return OPTION_NAMES.map((option, place) => ({ option, words: say.shortcuts.options[option], cost: costs[place] }));
  };
}

/** Of one block's shortcut under an option, for one image. Padding only adds channels, and only D rounds sizes down. @param {Spec} spec @param {SpecBlock} block @param {OptionName} option @param {Shape} shape @returns {Cost | null} */
function costOf(spec, block, option, [, height, width]) {
  if (option === "A" && block.cOut < block.cIn) return null;
  const smallest = withFields(smallestWith(spec, block), { shortcut: SHORTCUT_OPTIONS[option] });
  if (option !== "D" && smallest.antialias === "max") return null;
  const { stride } = smallest.stem;
  const last = `stage ${smallest.depths.length}`;
  const rows = operationRows(smallest, [height * stride, width * stride]).filter(({ place }) => place.stage === last && place.branch === "shortcut");
  return rows.reduce((sum, { parameters, macs }) => ({ parameters: sum.parameters + parameters, macs: sum.macs + macs }), { parameters: 0, macs: 0 });
}

/**
 * The smallest network whose last block has `block`'s channels, stride and dilation, and `spec`'s shortcuts. Its stem
 * keeps the size, and a block with a stride, which only begins a later stage, has a stage before it. Where the block
 * has dilation instead of a stride, so has this network: its stem takes all the stride that there may be.
 * @param {Spec} spec
 * @param {SpecBlock} block
 * @returns {Spec}
 */
function smallestWith(spec, { cIn, cOut, stride, dilation }) {
  const dilated = stride === 1 && dilation > 1;
  const widths = stride > 1 || dilated ? [cIn, cOut] : [cOut];
  return {
    ...spec, depths: widths.map(() => 1), widths, block: "basic", expansion: null, groups: 1, group_width: 64, reduce_first: 1, first_stride: 1,
    attention: "none", antialias: spec.antialias === "max" && stride > 1 ? "max" : "none", stem: { widths: [cIn], kernel: 1, stride: dilated ? WHOLE_STRIDE : 1, pool: "none" },
    output_stride: dilated ? WHOLE_STRIDE : null,
  };
}
