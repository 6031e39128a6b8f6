// Which kind of network a spec is, so that a long list of networks can be read in groups.

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {"plain" | "stem" | "wide" | "attention" | "antialias" | "preactivation" | "small"} Family */

/** In the order in which a list shows them. @type {Family[]} */
export const FAMILIES = ["plain", "stem", "wide", "attention", "antialias", "preactivation", "small"];

/** The first that holds. @param {Spec} spec @returns {Family} */
export function familyOf(spec) {
  if (spec.preactivation) return "preactivation";
  if (spec.stem.stride === 1 && spec.stem.pool === "none") return "small";
  if (spec.antialias !== "none") return "antialias";
  if (spec.attention !== "none") return "attention";
  if (spec.groups > 1 || spec.group_width !== 64) return "wide";
  return spec.stem.widths.length > 1 ? "stem" : "plain";
}
