// The trunk with its blocks as cells, alike ones folded into one, and their shortcuts as arcs above.

import { painted, slab, target, traced, written } from "./marks.js";
import { circledPlus, shortcutPath } from "./operations.js";
import { plainText, xml } from "./text.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Block} Block */
/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../structure/spec.js").Spec} Spec */
/** @typedef {{ first: Block, repeats: number }} Run alike blocks of one stage that follow each other */

export const ABOVE_TRUNK = 78; // what the trunk takes above and below its axis
export const BELOW_TRUNK = 22;
const RUN_SLOT = 190; // for one cell and its arc, at most
const ARC_PEAK = 58; // above the axis
const PLUS_RADIUS = 9;

/** The runs of each stage; most stages are a first block and a run of the others. @param {Network} network @returns {Run[][]} */
export function runsOf(network) {
  return network.stages.filter((stage) => stage.blocks.length > 0).map((stage) => {
    /** @type {Run[]} */
    const runs = [];
    for (const block of stage.blocks) {
      const last = runs[runs.length - 1];
      if (last && runLikeness(network, last.first) === runLikeness(network, block)) last.repeats += 1;
      else runs.push({ first: block, repeats: 1 });
    }
    return runs;
  });
}

/** What blocks that are drawn as one have in common. @param {Network} network @param {Block} block */
function runLikeness({ spec, blocks }, block) {
  const { cIn, firstWidth, width, cOut, stride, dilation, firstDilation, shortcut } = block;
  return [cIn, firstWidth, width, cOut, stride, dilation, firstDilation, shortcut, spec.preactivation && block === blocks[0]].join(" ");
}

/** `layer3.1…22` @param {Run} run */
function runNames({ first, repeats }) {
  return repeats === 1 ? first.name : `${first.name}…${first.index + repeats - 1}`;
}

/** What is written above the arc of a block. @param {Block} block */
export function arcLabel(block) {
  return block.shortcut === "pooled-projection" && block.stride === 1 ? say.diagram.noPool : block.look.short;
}

/** The left and the right edge of the cell of one of `count` runs, in a column that begins at `x`. @param {number} run @param {number} count @param {number} x @param {number} width */
export function cellEdges(run, count, x, width) {
  const [left, slot] = runSlot(run, count, x, width);
  return [left + 14, left + slot - 30];
}

/** The runs of a stage along the axis `y`, over a trunk that is already there. @param {Run[]} runs @param {number} x @param {number} y @param {number} width */
export function drawnRuns(runs, x, y, width) {
  return runs.map((run, place) => {
    const [left, slot] = runSlot(place, runs.length, x, width);
    const [start, end] = [left + 3, left + slot - 12];
    const [edge, other] = cellEdges(place, runs.length, x, width);
    const joins = run.first.shortcut !== "none";
    return target(
      run.first.name,
      joins ? runArc(run, start, end, y) : "",
      joins ? painted("circle", { fill: "line" }, { cx: start, cy: y, r: 3 }) : "",
      trunkCell(edge, y, other - edge, [runNames(run), belowName(run)], run.repeats > 1),
      joins ? circledPlus(end, y, PLUS_RADIUS) : "",
    );
  });
}

/** A box of two lines on the trunk, with others behind it where it stands for several. @param {number} x @param {number} y @param {number} width @param {[string, string]} lines @param {boolean} [folded] */
export function trunkCell(x, y, width, [name, note], folded = false) {
  const layer = (/** @type {number} */ shift) => slab(x + shift, y - 22 - shift, width, 44, { fill: "card", stroke: "line" });
  return (folded ? layer(7) + layer(3.5) : "") + layer(0)
    + written(x + width / 2, y - 4, name, { size: 12.5, anchor: "middle", within: width - 6, smallest: 8 })
    + written(x + width / 2, y + 13.5, note, {
      size: folded ? 13 : 12, fill: folded ? "ink" : "muted", anchor: "middle", bold: folded, within: width - 8, smallest: 8,
    });
}

/** Where the room for a run begins, and how wide it is. @param {number} run @param {number} count @param {number} x @param {number} width */
function runSlot(run, count, x, width) {
  const slot = Math.min(RUN_SLOT, (width - 12) / count);
  return [x + (width - count * slot) / 2 + run * slot, slot];
}

/** @param {Run} run */
function belowName({ first, repeats }) {
  return repeats > 1 ? `× ${repeats}` : say.diagram.stride(first.stride);
}

/** From where the branches part, over the cell, down into the plus. @param {Run} run @param {number} start @param {number} end @param {number} y */
function runArc(run, start, end, y) {
  const { first, repeats } = run;
  const [tip, lift] = [y - PLUS_RADIUS, (ARC_PEAK * 4) / 3];
  const reason = say.diagram.reason(runNames(run), repeats, first.why);
  const arc = shortcutPath(first.look, ["M", start, y, "C", start, y - lift, end, y - lift, end, tip - 6], {
    kind: "shortcut", title: xml("title", {}, plainText(reason)),
    data: { "data-kind": first.shortcut, "data-block": first.name, "data-repeats": String(repeats) },
  });
  const label = written((start + end) / 2, y - ARC_PEAK - 9, arcLabel(first), { size: 12.5, fill: "shortcut", anchor: "middle", within: end - start + 12 });
  return arc + traced(["M", end, tip, "l -4.5 -8 h 9 z"], { fill: "shortcut" }) + label;
}
