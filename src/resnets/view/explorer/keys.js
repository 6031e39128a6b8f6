// Ways through a network by keyboard: what is before, behind, inside and around what is selected.

import { placeOf, shownPairs } from "./compare.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Comparison} Comparison */
/** @typedef {import("./state.js").State} State */
/** @typedef {{ at: string, side?: string }} Target */

/**
 * The next (by 1) or the previous (by -1) of the kind that is selected; in a walk always an operation.
 * @param {Network} network
 * @param {State} state
 * @param {number} by
 * @returns {Target | null}
 */
export function beside(network, state, by) {
  const walking = state.view === "walk";
  const found = network.byName.get(state.at) ?? (walking ? network.operations[0] : undefined);
  const at = walking && found && !("kind" in found) ? found.operations[0] : found;
  const row = !at || "kind" in at ? network.operations : "shortcut" in at ? network.blocks : network.stages;
  const next = row[at ? row.findIndex((one) => one === at) + by : 0];
  return next ? { at: next.name } : null;
}

/**
 * One level in: the first stage, block or operation beneath what is selected.
 * @param {Network} network
 * @param {State} state
 * @returns {Target | null}
 */
export function beneath(network, state) {
  const found = network.byName.get(state.at);
  if (!found) return { at: network.stages[0].name };
  if ("kind" in found) return null;
  const inside = "shortcut" in found ? found.operations : found.blocks.length > 0 ? found.blocks : found.operations;
  return { at: inside[0].name };
}

/**
 * One level out.
 * @param {Network} network
 * @param {State} state
 * @returns {Target | null}
 */
export function around(network, state) {
  const found = network.byName.get(state.at);
  if (!found) return null;
  if ("kind" in found) return { at: (found.block ?? found.stage).name };
  return { at: "shortcut" in found ? found.stage.name : "" };
}

/**
 * In a comparison: the next or the previous of the rows that are shown, from a stage its first.
 * @param {Comparison} comparison
 * @param {State} state
 * @param {number} by
 * @returns {Target | null}
 */
export function besideRow(comparison, state, by) {
  const rows = shownPairs(comparison, state);
  const at = rows.findIndex((pair) => placeOf(pair).at === state.at && placeOf(pair).side === state.side);
  if (at >= 0) return rows[at + by] ? placeOf(rows[at + by]) : null;
  const first = rows.find((pair) => pair.stage.replace(" ", "") === state.at) ?? rows[0];
  return first ? placeOf(first) : null;
}
