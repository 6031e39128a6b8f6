// What the columns of a diagram say: the stem, each stage, the head; no coordinates yet.

import { insideHeight, insideOf } from "./detail.js";
import { STUB, boxesOf, columnHeight } from "./operations.js";
import { fixedTo } from "./text.js";
import { runsOf } from "./trunk.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Shape} Shape */
/** @typedef {import("../data.js").Stage} Stage */
/** @typedef {import("./trunk.js").Run} Run */
/** @typedef {{ name: string, shape: Shape, of: string | null }} ColumnVolume of: the operation that it comes out of; the image comes out of none */
/**
 * @typedef {{ at: string, title: string, subtitle: string, volumes: ColumnVolume[], inside: string,
 *   boxes: import("./operations.js").OperationBox[], detail: import("./detail.js").Inside | null, runs: Run[], stacked: boolean,
 *   cell: [string, string], notes: string[] }} Column
 * what stands above each other; stacked: volumes above each other; cell: where there are no runs, what is written on the only cell
 */

/** The stem, every stage, the head. @param {Network} network @returns {Column[]} */
export function columnsOf(network) {
  const runs = runsOf(network);
  let stages = 0;
  return network.stages.map((stage) => {
    if (stage.blocks.length > 0) return stageColumn(network, stage, runs[stages++]);
    return stages === 0 ? stemColumn(network, stage) : headColumn(network, stage);
  });
}

/** The height of its operations as drawn. @param {Column} column */
export function columnInside({ detail, boxes }) {
  return detail ? insideHeight(detail) : columnHeight(boxes) + 2 * STUB;
}

/** @param {Network} network @param {Stage} stage @returns {Column} */
function stemColumn(network, stage) {
  const { image, convolved, pool } = say.diagram;
  /** @type {Map<string, ColumnVolume>} */
  const volumes = new Map([[stage.operations[0].input.join(), { name: image, shape: stage.operations[0].input, of: null }]]);
  for (const { name, output } of stage.operations) {
    if (!volumes.has(output.join())) volumes.set(output.join(), { name: name.startsWith("maxpool") ? pool : convolved, shape: output, of: name });
  }
  const pools = stage.operations.filter(({ name }) => name.startsWith("maxpool")).map(({ name }) => name.split(".")[0]);
  return {
    ...plainColumn(network, stage), volumes: [...volumes.values()], stacked: false, cell: [say.diagram.stem, ["conv1", ...new Set(pools)].join(", ")],
  };
}

/** @param {Network} network @param {Stage} stage @returns {Column} */
function headColumn(network, stage) {
  const pooled = stage.operations.filter((one) => one.kind === "global-pool" || one.kind === "linear");
  return {
    ...plainColumn(network, stage), stacked: true, cell: [say.diagram.head, stage.operations.map((one) => one.name).join(", ")],
    volumes: pooled.map((one) => ({ name: one.kind === "linear" ? say.diagram.classes : say.diagram.pooled, shape: one.output, of: one.name })),
  };
}

/** The stem or the head. @param {Network} network @param {Stage} stage */
function plainColumn({ spec }, stage) {
  const title = stage.name === "stem" ? say.diagram.stem : say.diagram.head;
  return {
    at: stage.name, title, subtitle: say.diagram.parameters(compact(stage.parameters)), inside: title,
    boxes: boxesOf(spec, stage.operations), detail: null, runs: [], notes: [],
  };
}

/** @param {Network} network @param {Stage} stage @param {Run[]} runs @returns {Column} */
function stageColumn({ spec, blocks }, stage, runs) {
  const last = stage.operations[stage.operations.length - 1];
  return {
    at: stage.name,
    title: say.diagram.stage(Number(stage.name.replace("stage", ""))),
    subtitle: say.diagram.stageCounts(stage.blocks.length, compact(stage.parameters)),
    volumes: [{ name: "", shape: last.output, of: last.name }],
    inside: runs[0].first.name,
    boxes: [], detail: insideOf(spec, runs[0].first), runs, stacked: false, cell: ["", ""],
    notes: otherBlocks(runs, spec.preactivation && runs[0].first === blocks[0]),
  };
}

/** How the blocks that are not drawn differ from the one that is. @param {Run[]} runs @param {boolean} activated whether the network's stem activates the first block's input */
function otherBlocks(runs, activated) {
  const { first } = runs[0];
  const last = runs[runs.length - 1];
  const words = say.diagram;
  if (runs.length === 1) return last.repeats === 1 ? [] : [words.alike(last.repeats)];
  return [
    words.others(
      last.repeats,
      last.first.stride === first.stride ? null : last.first.stride,
      last.first.firstDilation === first.firstDilation ? null : last.first.dilation,
    ),
    words.othersRead(last.first.cIn, last.first.shortcut),
    ...(activated ? [words.othersBegin] : []),
  ];
}

/** A count in four digits: `25.56 M`, `269.7 k`. @param {number} count */
export function compact(count) {
  for (const [size, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
    if (count >= size) return `${fixedTo(count / size, Math.max(0, 4 - String(Math.trunc(count / size)).length))} ${letter}`;
  }
  return String(count);
}
