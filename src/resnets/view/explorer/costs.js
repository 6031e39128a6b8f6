// Where in a network the parameters and the multiply-accumulates are: a bar for each stage.

import { html, short } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */

/** @param {Network} network */
export function costBars(network) {
  const bar = (/** @type {number} */ part, /** @type {number} */ all) =>
    html("td", {}, html("span", { class: "bar-value" }, short(part), html("span", { class: "muted" }, ` ${percent(part, all)}`)),
      html("span", { class: "track", "aria-hidden": "true" }, html("span", { class: "filled", style: `width: ${(100 * part) / all}%` })));
  return html(
    "table",
    { class: "costs" },
    html("thead", {}, html("tr", {}, .../** @type {const} */ (["stage", "parameters", "macs"]).map((name) => html("th", { scope: "col" }, say.inspector.names[name])))),
    html("tbody", {}, ...network.stages.map((stage) =>
      html("tr", {}, html("th", { scope: "row" }, say.operations.stage(stage.label)), bar(stage.parameters, network.parameters), bar(stage.macs, network.macs)))),
  );
}

/** @param {number} part @param {number} all */
export function percent(part, all) {
  return `${((100 * part) / all).toFixed(1)}%`;
}
