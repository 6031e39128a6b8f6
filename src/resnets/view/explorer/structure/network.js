// A spec at an image size -> a network whose stages, blocks and operations know each other, as the views read it.

import { normName, readsActivated, unusualParts } from "./parts.js";
import { operationRows } from "./rows.js";
import { lookOf, optionsOf, whyOf } from "./shortcuts.js";
import { blocksOf, depthOf } from "./spec.js";

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {import("./branch.js").Row} Row */
/** @typedef {import("./shortcuts.js").Strokes} Strokes */
/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Stage} Stage */
/** @typedef {import("../data.js").Block} Block */
/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {{ usual: Spec, strokes: Strokes }} Base what the page holds for every network: the usual one, and the strokes of shortcuts */

const WINDOWED_KINDS = ["conv", "max-pool", "avg-pool", "blur", "pad"]; // that have a kernel or a stride

/**
 * Everything about a network. What is said in words follows the page's language, also when that changes later.
 * @param {string} name
 * @param {string} source
 * @param {Spec} spec one in which `problem` finds nothing
 * @param {[height: number, width: number]} imageSize
 * @param {Base} base
 * @returns {Network}
 */
export function buildNetwork(name, source, spec, imageSize, base) {
  const rows = operationRows(spec, imageSize);
  const stages = stagesOf(rows);
  const byLabel = new Map(stages.map((stage) => [stage.label, stage]));
  const stageOf = (/** @type {string} */ label) => /** @type {Stage} */ (byLabel.get(label));
  const blocks = networkBlocks(spec, rows, stageOf, base.strokes);
  const blockAt = new Map(blocks.map((block) => [block.name, block]));
  const operations = rows.map(({ place, ...row }, index) => {
    const stage = stageOf(place.stage);
    const block = place.block === null ? null : /** @type {Block} */ (blockAt.get(blockName(place.stage, place.block)));
    const operation = {
      ...row, index, stage, block, branch: place.branch, windowed: WINDOWED_KINDS.includes(row.kind), bytes: bytesOf(row),
      ofAttention: row.name.includes(".se."), norm: normName(spec),
    };
    stage.operations.push(operation);
    block?.operations.push(operation);
    return operation;
  });
  return {
    name, source, spec, imageSize, depth: depthOf(spec), inChannels: spec.in_channels,
    get parts() { return unusualParts(spec, base.usual); },
    ...totalsOf(rows), fvcoreMacs: fvcoreMacs(rows), stages, blocks, operations,
    byName: new Map([...stages, ...blocks, ...operations].map((one) => [one.name, one])),
  };
}

/** The stages with their costs; their blocks and operations are put in later. @param {Row[]} rows @returns {Stage[]} */
function stagesOf(rows) {
  const labels = [...new Set(rows.map(({ place }) => place.stage))];
  return labels.map((label) => {
    const own = rows.filter((row) => row.place.stage === label);
    return { name: label.replace(" ", ""), label, output: own[own.length - 1].output, ...totalsOf(own), blocks: [], operations: [] };
  });
}

/** @param {Spec} spec @param {Row[]} rows @param {(label: string) => Stage} stageOf @param {Strokes} strokes @returns {Block[]} */
function networkBlocks(spec, rows, stageOf, strokes) {
  const entering = new Map(rows.toReversed().map(({ place, input }) => [blockName(place.stage, place.block), input]));
  const options = optionsOf(spec);
  return blocksOf(spec).map((own) => {
    const name = blockName(`stage ${own.stage}`, own.index);
    const shape = entering.get(name) ?? [own.cIn, 1, 1];
    const stage = stageOf(`stage ${own.stage}`);
    /** @type {Block} */
    const block = {
      ...own, name, stage, activated: readsActivated(spec, own.shortcut), operations: [],
      get look() { return lookOf(spec, own, strokes); },
      get why() { return whyOf(spec, own, shape); },
      get options() { return options(own, shape); },
    };
    stage.blocks.push(block);
    return block;
  });
}

/** @param {string} stage @param {number | null} index */
function blockName(stage, index) {
  return `${stage.replace("stage ", "layer")}.${index}`;
}

/** @param {Row[]} rows */
function totalsOf(rows) {
  let [parameters, macs, bytes] = [0, 0, 0];
  for (const row of rows) {
    parameters += row.parameters;
    macs += row.macs;
    bytes += bytesOf(row);
  }
  return { parameters, macs, bytes };
}

/** Multiply-accumulates as fvcore counts them: two more for each number through a norm, one for each into the last pool. @param {Row[]} rows */
function fvcoreMacs(rows) {
  return rows.reduce((sum, { kind, input, macs }) => {
    const each = kind === "norm" ? 2 : kind === "global-pool" ? 1 : 0;
    return sum + macs + each * input[0] * input[1] * input[2];
  }, 0);
}

/** Of the output for one image, in float32. @param {{ output: Row["output"] }} row */
function bytesOf({ output }) {
  return 4 * output[0] * output[1] * output[2];
}
