// The inside of one residual block: its residual branch, perhaps with attention, its shortcut, and their sum.

import { fallingArrow, painted, slab, target, traced, written } from "./marks.js";
import { BOX_COLUMN, BOX_GAP, boxesOf, circledPlus, circledTimes, columnHeight, drawnBox, drawnColumn, shortcutPath } from "./operations.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Block} Block */
/** @typedef {import("../structure/spec.js").Spec} Spec */
/** @typedef {import("./operations.js").OperationBox} OperationBox */
/**
 * @typedef {{ block: Block, before: OperationBox[], residual: OperationBox[], attention: OperationBox[], shortcut: OperationBox[],
 *   add: string | null, scale: string | null, after: OperationBox[] }} Inside
 * before: what both branches read, in pre-activation where the shortcut is no identity; attention: its side path;
 * add, scale: the sum and the product by name, where there are any; after: what follows the sum
 */

const [ENTRY, JOIN, SUM, EXIT] = [27, 14, 20, 48];
const [SHORTCUT_LANE, LANE_GAP] = [90, 10]; // widths
const [PART, TIMES_RADIUS, BYPASS] = [7, 9, 22]; // where attention's path leaves the branch; the room beside its boxes
export const INSIDE = BOX_COLUMN + LANE_GAP + SHORTCUT_LANE;

/** @param {Spec} spec @param {Block} block @returns {Inside} */
export function insideOf(spec, block) {
  const { operations } = block;
  const residual = operations.filter((one) => one.branch === "residual" && one.kind !== "scale");
  const shared = block.activated ? residual.findIndex((one) => one.kind === "conv") : 0;
  const branch = boxesOf(spec, residual.filter((one) => !one.ofAttention), { zeroed: spec.zero_last_norm });
  return {
    block,
    before: branch.slice(0, shared),
    residual: branch.slice(shared),
    attention: boxesOf(spec, residual.filter((one) => one.ofAttention)),
    shortcut: boxesOf(spec, operations.filter((one) => one.branch === "shortcut"), { narrow: true }),
    add: operations.find((one) => one.kind === "add")?.name ?? null,
    scale: operations.find((one) => one.kind === "scale")?.name ?? null,
    after: boxesOf(spec, operations.filter((one) => one.branch === "trunk" && one.kind !== "add")),
  };
}

/** Between where the branches part and where they meet. @param {Inside} inside */
function bodyHeight({ residual, attention, shortcut }) {
  const gate = attention.length > 0 ? PART + BOX_GAP + columnHeight(attention) + BOX_GAP + 2 * TIMES_RADIUS : 0;
  return Math.max(columnHeight(residual) + gate, columnHeight(shortcut));
}

/** Of what both branches read. @param {Inside} inside */
function leadHeight({ before }) {
  return before.length > 0 ? BOX_GAP + columnHeight(before) : 0;
}

/** From the arrow that comes in to the one that goes out. @param {Inside} inside */
export function insideHeight(inside) {
  return leadHeight(inside) + ENTRY + bodyHeight(inside) + JOIN + SUM + (inside.after.length > 0 ? EXIT : BOX_GAP + 8);
}

/** A residual block, `x` its left edge and `y` its top: x → relu(residual(x) + shortcut(x)). @param {Inside} inside @param {number} x @param {number} y */
export function drawnInside(inside, x, y) {
  const { before, residual, attention, after } = inside;
  const middle = x + BOX_COLUMN / 2;
  const lead = before.length > 0 ? fallingArrow(middle, y + BOX_GAP, BOX_GAP) + drawnColumn(before, middle, y + BOX_GAP, BOX_COLUMN) : "";
  const begin = y + leadHeight(inside);
  const top = begin + ENTRY;
  const body = bodyHeight(inside);
  const end = top + body + JOIN + SUM / 2;
  const below = end + SUM / 2;
  const branch = columnHeight(residual);
  const gate = attention.length > 0 ? PART + BOX_GAP + columnHeight(attention) + BOX_GAP + 2 * TIMES_RADIUS : 0;
  const last = after.length > 0
    ? [fallingArrow(middle, below + BOX_GAP, BOX_GAP), drawnBox(after[0], middle, below + BOX_GAP, BOX_COLUMN), fallingArrow(middle, below + EXIT, EXIT - BOX_GAP - 18.5)]
    : [fallingArrow(middle, below + BOX_GAP + 8, BOX_GAP + 8)];
  return [
    lead,
    traced(["M", middle, begin, "V", begin + 12], { stroke: "line" }, 1.5),
    fallingArrow(middle, top, ENTRY - 12),
    shortcutLane(inside, x, begin + 12, end),
    drawnColumn(residual, middle, top, BOX_COLUMN),
    attention.length > 0 ? sidePath(inside, x, top + branch) : "",
    traced(["M", middle, top + (branch + gate), "V", top + body], { stroke: "line" }, 1.5),
    ...joint(inside, middle, top + body, end),
    ...last,
  ].join("");
}

/** The plus at `end`, and the arrow into it from `y`; a plain network has only the way on. @param {Inside} inside @param {number} x @param {number} y @param {number} end */
function joint({ add }, x, y, end) {
  if (add === null) return [traced(["M", x, y, "V", end + SUM / 2], { stroke: "line" }, 1.5)];
  return [fallingArrow(x, end - SUM / 2, JOIN), target(add, circledPlus(x, end, SUM / 2))];
}

/** From where the branches part to where they meet, with what stands on it. @param {Inside} inside @param {number} x @param {number} fork @param {number} join */
function shortcutLane(inside, x, fork, join) {
  const { block, shortcut } = inside;
  if (block.shortcut === "none") return "";
  const [middle, lane, bend] = [x + BOX_COLUMN / 2, x + BOX_COLUMN + LANE_GAP + SHORTCUT_LANE / 2, 8];
  const centre = fork - 12 + ENTRY + bodyHeight(inside) / 2;
  const parts = [
    shortcutPath(block.look, [
      "M", middle, fork, "H", lane - bend, "q", bend, 0, bend, bend, "V", join - bend, "q", 0, bend, -bend, bend, "H", middle + SUM / 2 + 6,
    ]),
    traced(["M", middle + SUM / 2, join, "l 8 -4.5 v 9 z"], { fill: "shortcut" }),
    painted("circle", { fill: "line" }, { cx: middle, cy: fork, r: 3 }),
  ];
  if (shortcut.length === 0) {
    parts.push(slab(lane - 34, centre - 12, 68, 24, { fill: "card" }));
    parts.push(written(lane, centre + 4.5, say.shortcuts.looks.identity.short, { size: 12.5, fill: "shortcut", anchor: "middle" }));
  }
  return target(block.name, ...parts) + drawnColumn(shortcut, lane, centre - columnHeight(shortcut) / 2, SHORTCUT_LANE, false);
}

/** The side path that finds a weight for each map, and the maps on their way past it to the product. @param {Inside} inside @param {number} x @param {number} y */
function sidePath({ attention, scale }, x, y) {
  const [middle, fork, wide] = [x + BOX_COLUMN / 2, y + PART, BOX_COLUMN - BYPASS];
  const top = fork + BOX_GAP;
  const cross = top + columnHeight(attention) + BOX_GAP + TIMES_RADIUS;
  return [
    traced(["M", middle, y, "V", fork], { stroke: "line" }, 1.5),
    traced(["M", middle, fork, "H", x + 8, "V", cross, "H", middle - TIMES_RADIUS - 5], { stroke: "line" }, 1.5),
    traced(["M", middle - TIMES_RADIUS, cross, "l -7 -4 v 8 z"], { fill: "line" }),
    painted("circle", { fill: "line" }, { cx: middle, cy: fork, r: 3 }),
    fallingArrow(middle, top, BOX_GAP),
    drawnColumn(attention, x + BYPASS + wide / 2, top, wide),
    fallingArrow(middle, cross - TIMES_RADIUS, BOX_GAP),
    target(scale, circledTimes(middle, cross, TIMES_RADIUS)),
  ].join("");
}
