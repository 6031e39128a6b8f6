// Every operation of what is selected, a row each.

import { ofWindow } from "./data.js";
import { dims, html, whole } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */

const FEW = 200; // rows of the table before the button that shows the rest

const COLUMNS = /** @type {[title: "branch" | "kind" | "kernel" | "stride" | "groups" | "input" | "output" | "parameters" | "macs" | "field", cell: (one: Operation) => string, number: boolean][]} */ ([
  ["branch", (one) => say.operations.branch(one.branch), false],
  ["kind", (one) => say.operations.kind(one.kind), false],
  ["kernel", (one) => ofWindow(one, "kernel"), true],
  ["stride", (one) => ofWindow(one, "stride"), true],
  ["groups", (one) => ofWindow(one, "groups"), true],
  ["input", (one) => dims(one.input), true],
  ["output", (one) => dims(one.output), true],
  ["parameters", (one) => whole(one.parameters), true],
  ["macs", (one) => whole(one.macs), true],
  ["field", (one) => (one.ofAttention ? say.views.table.all : whole(one.field.size)), true],
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
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, say.views.table.operation), ...COLUMNS.map(([name, , number]) => html("th", { scope: "col", class: number ? "number" : null }, say.views.table[name])))),
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
  return html("button", { type: "button", class: "more", click: show }, say.views.table.more(whole(operations.length)));
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
    return { operations: home.operations, title: found.block ? say.views.table.of(found.block.name) : say.views.table.ofStage(say.operations.stage(found.stage.label)) };
  }
  if (found && "shortcut" in found) return { operations: found.operations, title: say.views.table.of(found.name) };
  if (found) return { operations: found.operations, title: say.views.table.ofStage(say.operations.stage(found.label)) };
  return { operations: network.operations, title: say.views.table.every(network.name) };
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
