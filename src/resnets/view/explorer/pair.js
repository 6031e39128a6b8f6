// What is selected in a comparison, in numbers: an operation of one network beside its counterpart in the other.

import { SIGNS, words } from "./compare.js";
import { ofWindow, shareRead } from "./data.js";
import { dims, html, memory, whole } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Pair} Pair */

const ROWS = /** @type {[field: string, label: keyof typeof say.inspector.names, cell: (one: Operation) => string][]} */ ([
  ["kind", "kind", (one) => say.operations.kind(one.kind)],
  ["kernel", "kernel", (one) => ofWindow(one, "kernel")],
  ["stride", "stride", (one) => ofWindow(one, "stride")],
  ["padding", "padding", (one) => ofWindow(one, "padding")],
  ["groups", "groups", (one) => ofWindow(one, "groups")],
  ["dilation", "dilation", (one) => (one.dilation > 1 ? ofWindow(one, "dilation") : "")],
  ["input", "input", (one) => dims(one.input)],
  ["output", "output", (one) => dims(one.output)],
  ["parameters", "parameters", (one) => whole(one.parameters)],
  ["macs", "macs", (one) => whole(one.macs)],
  ["activation_bytes", "memory", (one) => memory(one.bytes)],
  ["field", "field", (one) => (one.ofAttention ? say.inspector.wholeImage : whole(one.field.size))],
  ["share", "share", (one) => `${Number((100 * shareRead(one)).toFixed(2))}%`],
  ["shortcut", "shortcut", (one) => (one.block ? one.block.look.label : "")],
]);

/**
 * @param {Pair} pair
 * @param {Network} first
 * @param {Network} second
 * @param {(network: Network, at: string) => void} open shows an operation in its own network
 */
export function inspectPair(pair, first, second, open) {
  const sides = [{ network: first, name: pair.first }, { network: second, name: pair.second }].map(({ network, name }) => ({
    network, one: name === null ? null : /** @type {Operation} */ (network.byName.get(name)),
  }));
  const [one, other] = sides.map((side) => side.one);
  const rows = ROWS.map(([field, label, cell]) => ({ field, label, values: [one && cell(one), other && cell(other)] }));
  return html(
    "div",
    { class: "panel" },
    html("h2", {}, pair.first ?? pair.second ?? ""),
    html("p", { class: `mark ${pair.status}`, "data-field": "status" }, html("span", { class: "sign" }, SIGNS[pair.status]), ` ${words(pair)}`),
    html(
      "table",
      { class: "both" },
      html("thead", {}, html("tr", {}, html("td", {}), ...sides.map(({ network }) => html("th", { scope: "col" }, network.name)))),
      html("tbody", {}, ...rows.filter(({ values }) => values.some(Boolean)).map(({ field, label, values }) =>
        html("tr", { class: one && other && values[0] !== values[1] ? "differs" : null, "data-field": field },
          html("th", { scope: "row" }, field === "shortcut" ? say.views.compare.shortcut : say.inspector.names[label]), ...values.map((value) => html("td", {}, value || "–"))))),
    ),
    html("p", { class: "controls" }, ...sides.map(({ network, one: at }) =>
      at && html("button", { type: "button", click: () => open(network, at.name) }, say.views.compare.open(network.name)))),
  );
}
