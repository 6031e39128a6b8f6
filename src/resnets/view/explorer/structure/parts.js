// What a network is made of beyond its blocks and widths, in plain words.

import { halfEven, stageStrides } from "./spec.js";
import { say } from "../words.js";

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {[name: string, words: string]} Part */

/** Each part of a network: `attention`, `squeeze-and-excitation, reduction 16`. @param {Spec} spec @returns {Part[]} */
export function describedParts(spec) {
  const { names, ...words } = say.parts;
  return [
    [names.order, spec.preactivation ? words.normFirst : words.convolutionFirst],
    [names.attention, spec.attention === "se" ? words.squeezed(spec.attention_reduction) : words.attentions[spec.attention]],
    [names.antialias, words.antialiases[spec.antialias]],
    [names.norm, say.operations.norm(normName(spec))],
    [names.activation, say.operations.activations[spec.activation]],
    [names.convolutions, spec.conv_bias ? words.withBias : words.withoutBias],
    [names.first, spec.reduce_first === 1 ? words.itsWidth : words.widthOver(spec.reduce_first)],
    [names.firstStage, spec.first_stride === 1 ? words.keepsResolution : words.halvesResolution],
    [names.projections, `${spec.projection_kernel}×${spec.projection_kernel}`],
    [names.outputStride, dilatedWords(spec) || words.strided],
    [names.pool, words.pools[spec.pool]],
    [names.dropout, spec.dropout > 0 ? words.dropped(percentOf(spec.dropout)) : words.none],
  ];
}

/** By which views know a network's norms. @param {Spec} spec */
export function normName(spec) {
  return { batch: "batch norm", group: "group norm", frozen: "frozen batch norm" }[spec.norm];
}

/** The parts in which a network is not as the usual one is. @param {Spec} spec @param {Spec} usual @returns {Part[]} */
export function unusualParts(spec, usual) {
  const those = describedParts(usual);
  return describedParts(spec).filter(([, words], place) => words !== those[place][1]);
}

/** The parts in which two networks differ: `attention: none → squeeze-and-excitation, reduction 16`. @param {Spec} first @param {Spec} second */
export function partDifferences(first, second) {
  const [before, after] = [describedParts(first), describedParts(second)];
  return before.map(([name, words], place) => [name, words, after[place][1]]).filter(([, one, other]) => one !== other)
    .map(([name, one, other]) => say.parts.difference(name, one, other));
}

/** Where dilation takes the place of strides; empty where it never does. @param {Spec} spec */
export function dilatedWords(spec) {
  const strides = stageStrides(spec);
  const last = strides[strides.length - 1];
  return last < strides[0] * 2 ** (strides.length - 1) ? say.parts.dilated(last) : "";
}

/** What follows the last block: `global average pool, 1000-d fc`. @param {Spec} spec */
export function headWords(spec) {
  const words = say.parts;
  return [
    ...(spec.preactivation ? [words.headNorm, say.operations.activations[spec.activation]] : []),
    words.pools[spec.pool],
    ...(spec.num_classes && spec.dropout > 0 ? [words.headDropout(percentOf(spec.dropout))] : []),
    spec.num_classes ? words.classifier(spec.num_classes) : words.noClassifier,
  ].join(words.comma);
}

/** Whether a shortcut reads what the block's first activation gives; in pre-activation all but the identity do. @param {Spec} spec @param {string} shortcut */
export function readsActivated(spec, shortcut) {
  return spec.preactivation && shortcut !== "identity" && shortcut !== "none";
}

/** @param {number} share */
function percentOf(share) {
  return halfEven(100 * share);
}
