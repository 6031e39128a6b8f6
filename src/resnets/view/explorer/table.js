// Every operation of what is selected, a row each.

import { ofWindow } from "./data.js";
import { dims, html, whole } from "./dom.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */

const FEW = 200; // rows of the table before the button that shows the rest

const COLUMNS = /** @type {[title: string, cell: (one: Operation) => string, number: boolean][]} */ ([
  ["branch", (one) => one.branch, false],
  ["kind", (one) => one.kind, false],
  ["kernel", (one) => ofWindow(one, "kernel"), true],
  ["stride", (one) => ofWindow(one, "stride"), true],
  ["groups", (one) => ofWindow(one, "groups"), true],
  ["input", (one) => dims(one.input), true],
  ["output", (one) => dims(one.output), true],
  ["parameters", (one) => whole(one.parameters), true],
  ["MACs", (one) => whole(one.macs), true],
  ["field", (one) => (one.ofAttention ? "all" : whole(one.field.size)), true],
]);

/**
 * @param {Network} network
 * @param {string} at
 * @param {(name: string) => void} select
 */
export function drawTable(network, at, select) {
  const { operations, title } = rowsOf(network, at);
  return html(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    html(
      "table",
      { class: "operations" },
      html("caption", {}, title),
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "operation"), ...COLUMNS.map(([name, , number]) => html("th", { scope: "col", class: number ? "number" : null }, name)))),
      html("tbody", {}, ...operations.slice(0, FEW).map((one) => operationRow(one, at, select))),
    ),
    operations.length > FEW && more(operations, at, select),
  );
}

/**
 * A button that adds the rows that many operations leave out at first, so that opening a stage stays quick.
 * @param {Operation[]} operations
 * @param {string} at
 * @param {(name: string) => void} select
 */
function more(operations, at, select) {
  const show = (/** @type {Event} */ event) => {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    const body = button.previousElementSibling?.querySelector("tbody");
    body?.append(...operations.slice(FEW).map((one) => operationRow(one, at, select)));
    button.remove();
  };
  return html("button", { type: "button", class: "more", click: show }, `Show all ${whole(operations.length)} operations`);
}

/**
 * The rows of the selected block or stage; of the whole network where it is short.
 * @param {Network} network
 * @param {string} at
 */
function rowsOf(network, at) {
  const found = network.byName.get(at);
  if (found && "kind" in found) {
    const home = found.block ?? found.stage;
    return { operations: home.operations, title: `Operations of ${found.block ? found.block.name : `the ${found.stage.label}`}` };
  }
  if (found && "shortcut" in found) return { operations: found.operations, title: `Operations of ${found.name}` };
  if (found) return { operations: found.operations, title: `Operations of ${/^stage/.test(found.label) ? "" : "the "}${found.label}` };
  return { operations: network.operations, title: `Every operation of ${network.name}` };
}

/**
 * @param {Operation} one
 * @param {string} at
 * @param {(name: string) => void} select
 */
function operationRow(one, at, select) {
  return html(
    "tr",
    { class: one.name === at ? "current" : null, "data-row": one.name },
    html("th", { scope: "row" }, html("button", { type: "button", class: "plain", "data-key": `row ${one.name}`, "aria-current": one.name === at ? "true" : null, click: () => select(one.name) }, one.name)),
    ...COLUMNS.map(([, cell, number]) => html("td", { class: number ? "number" : null }, cell(one))),
  );
}
