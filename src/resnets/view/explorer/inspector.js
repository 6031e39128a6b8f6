// What is selected, in numbers: the formula with the numbers in, products, the receptive field, why a shortcut is so.

import { costBars, percent } from "./costs.js";
import { ofWindow, shareRead } from "./data.js";
import { dims, html, memory, short, whole } from "./dom.js";
import { receptiveField } from "./field.js";
import { caption, explanation, moves } from "./kinds.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Operation} Operation */

/**
 * @param {Network} network
 * @param {string} at
 * @param {string} convention how MACs are counted
 * @returns {HTMLElement}
 */
export function inspect(network, at, convention) {
  const chosen = network.byName.get(at);
  if (!chosen) return inspectNetwork(network, convention);
  if ("kind" in chosen) return inspectOperation(network, chosen);
  if ("shortcut" in chosen) return inspectBlock(chosen);
  return inspectStage(network, chosen);
}

/**
 * @param {Network} network
 * @param {string} convention
 */
function inspectNetwork(network, convention) {
  return panel(
    network.name,
    html("p", { class: "muted" }, network.source),
    facts([
      ["depth", "depth", whole(network.depth)],
      ["image", "image", `${network.inChannels} × ${dims(network.imageSize)}`],
      ["parameters", "parameters", whole(network.parameters)],
      ["macs", "MACs", whole(network.macs)],
      ["fvcore", "MACs, fvcore's", whole(network.fvcoreMacs)],
      ["activation_bytes", "activations", memory(network.bytes)],
      ["shortcuts", "shortcuts", shortcutCounts(network.blocks)],
      ...network.parts.map(([name, words]) => /** @type {const} */ (["part", name, words])),
    ]),
    html("h3", {}, "Where they are"),
    costBars(network),
    html("p", { class: "small muted" }, `MACs: ${convention}, for one image. fvcore's count norms and the global pool too.`),
  );
}

/** `13 × identity; 3 × 1×1 projection`. @param {Block[]} blocks */
function shortcutCounts(blocks) {
  const labels = blocks.map((block) => block.look.label);
  return [...new Set(labels)].map((label) => `${labels.filter((one) => one === label).length} × ${label}`).join("; ") || "none";
}

/** @param {Network} network @param {Stage} stage */
function inspectStage(network, stage) {
  return panel(
    stage.label,
    facts([
      ["input", "input", dims(stage.operations[0].input)],
      ["output", "output", dims(stage.output)],
      ["blocks", "blocks", whole(stage.blocks.length)],
      ["operations", "operations", whole(stage.operations.length)],
      ["shortcuts", "shortcuts", shortcutCounts(stage.blocks)],
      ["parameters", "parameters", whole(stage.parameters), `${percent(stage.parameters, network.parameters)} of the network's`],
      ["macs", "MACs", whole(stage.macs), `${percent(stage.macs, network.macs)} of the network's`],
      ["activation_bytes", "activations", memory(stage.bytes)],
    ]),
  );
}

/** @param {Block} block */
function inspectBlock(block) {
  return panel(
    block.name,
    html("p", { class: "why", "data-field": "why" }, block.why),
    facts([
      ["shortcut", "shortcut", block.look.label],
      ["channels", "channels", `${block.cIn} → ${block.cOut}`],
      ["width", "width inside", whole(block.width)],
      ["stride", "stride", whole(block.stride)],
    ]),
    html("h3", {}, "What each shortcut option would cost here"),
    html(
      "table",
      { class: "options" },
      html("thead", {}, html("tr", {}, ...["option", "parameters", "MACs"].map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {}, ...block.options.map(({ option, words, cost }) =>
        html("tr", { "data-option": option },
          html("th", { scope: "row" }, `${option}: ${words}`),
          html("td", {}, cost ? whole(cost.parameters) : "impossible"),
          html("td", {}, cost ? whole(cost.macs) : "channels shrink")))),
    ),
  );
}

const WINDOW = /** @type {const} */ (["kernel", "stride", "padding", "groups"]);

/**
 * @param {Network} network
 * @param {Operation} one
 */
function inspectOperation(network, one) {
  const share = shareRead(one);
  return panel(
    one.name,
    html("p", { class: "muted" }, `${caption(one)} · ${one.stage.label}${one.block ? `, block ${one.block.index}, ${one.branch}` : ""}`),
    one.block && one.branch === "shortcut" ? html("p", { class: "why", "data-field": "why" }, one.block.why) : null,
    explanation(one) ? html("p", { "data-field": "explanation" }, explanation(one)) : null,
    sizes(one),
    facts([
      ["input", "input", dims(one.input)],
      ["output", "output", dims(one.output)],
      ...WINDOW.map((name) => /** @type {const} */ ([name, name, ofWindow(one, name)])).filter(([, , value]) => value !== ""),
      ["parameters", "parameters", whole(one.parameters), product(one)],
      ["macs", "MACs", whole(one.macs), macs(one)],
      ["activation_bytes", "output memory", whole(one.bytes), `bytes, as float32: ${memory(one.bytes)}`],
      ...(one.dilation > 1 ? [/** @type {const} */ (["dilation", "dilation", ofWindow(one, "dilation")])] : []),
      ["field", "receptive field", wholeImage(one) ? "the whole image" : whole(one.field.size), wholeImage(one) ? "since it is found from means over all positions" : `pixels; neighbours ${one.field.jump} apart; the first begins at ${String(one.field.start).replace("-", "−")}`],
      ["share", "input read", `${(100 * share).toFixed(share < 1 ? 2 : 0)}%`, shareNote(one, share)],
    ]),
    wholeImage(one) ? null : receptiveField(one, network.imageSize),
  );
}

/** What is on attention's side path depends on every position. @param {Operation} one */
function wholeImage(one) {
  return one.ofAttention;
}

/** ⌊(n + 2p − k) / s⌋ + 1 with the numbers in, for both axes. @param {Operation} one */
function sizes(one) {
  if (!moves(one.kind) || one.ofAttention) return null;
  const axes = one.input[1] === one.input[2] ? [1] : [1, 2];
  return html("div", { class: "formula", "data-field": "formula" }, ...axes.map((axis) => sizeFormula(one, axis)));
}

/**
 * @param {Operation} one
 * @param {number} axis
 */
function sizeFormula(one, axis) {
  const [n, out] = [one.input[axis], one.output[axis]];
  const reach = one.dilation * (one.kernel - 1) + 1; // of a window whose taps stand apart
  const padded = one.kind === "avg-pool" && one.stride === 1 ? 1 : 2 * one.padding; // such a pool is padded on one side
  const over = n + padded - reach;
  const up = one.kind === "avg-pool"; // which rounds up, so that a last odd row counts
  const [open, close] = up ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const quotient = over / one.stride;
  const rest = Math.abs(quotient - (up ? Math.ceil(quotient) : Math.floor(quotient)));
  return html(
    "p",
    {},
    html("span", { class: "muted line" }, one.dilation > 1 ? `${open}(n + 2p − d(k − 1) − 1) / s${close} + 1 =` : `${open}(n + 2p − k) / s${close} + 1 =`),
    one.dilation > 1
      ? `${open}(${n} + ${padded} − ${one.dilation} × ${one.kernel - 1} − 1) / ${one.stride}${close} + 1 = `
      : `${open}(${n} + ${padded} − ${one.kernel}) / ${one.stride}${close} + 1 = `,
    html("strong", {}, String(out)),
    html("span", { class: "rest", "data-field": "remainder", "data-value": rest }, rest === 0 ? "nothing is rounded away" : `rounding ${up ? "adds" : "drops"} ${Number(rest.toFixed(3))}`),
  );
}

/** The parameters as a product. @param {Operation} one */
function product(one) {
  if (one.kind === "conv") return `${one.output[0]} filters × ${one.input[0] / one.groups} channels × ${one.kernel} × ${one.kernel}${biases(one) ? ` + ${biases(one)} biases` : ""}`;
  if (one.kind === "norm") return one.parameters ? `${one.output[0]} scales + ${one.output[0]} shifts` : "its numbers never change";
  if (one.kind === "channel-conv") return "the same for every channel";
  if (one.kind === "global-pool" && one.parameters) return "the exponent p of the generalized mean";
  if (one.kind === "linear") return `${one.output[0]} × ${one.input[0]} weights + ${one.output[0]} biases`;
  return "none";
}

/** @param {Operation} one a convolution */
function biases(one) {
  return one.parameters - (one.output[0] * one.input[0] * one.kernel ** 2) / one.groups;
}

/** The multiply-accumulates as a product. @param {Operation} one */
function macs(one) {
  if (one.kind === "conv") return `${whole(one.parameters - biases(one))} weights × ${one.output[1]} × ${one.output[2]} positions`;
  if (one.kind === "linear") return `${one.output[0]} × ${one.input[0]}`;
  if (one.kind === "blur") return `9 fixed weights × ${one.output[0]} channels × ${one.output[1]} × ${one.output[2]} positions`;
  if (one.kind === "channel-conv") return `${one.parameters} weights × ${one.output[0]} channels`;
  return "not counted";
}

/**
 * @param {Operation} one
 * @param {number} share
 */
function shareNote(one, share) {
  if (share === 1) return "every number of it";
  return `stride ${one.stride} passes over a window of ${one.kernel}: ${(100 * (1 - share)).toFixed(2)}% is never looked at`;
}

/**
 * @param {string} title
 * @param {...(Node | null)} children
 */
function panel(title, ...children) {
  return html("div", { class: "panel" }, html("h2", {}, title), ...children);
}

/** @param {(readonly [field: string, label: string, value: string, note?: string])[]} rows */
function facts(rows) {
  return html(
    "dl",
    {},
    ...rows.flatMap(([field, label, value, note]) => [
      html("dt", {}, label),
      html("dd", {}, html("span", { class: "value", "data-field": field }, value), note ? html("span", { class: "note" }, note) : null),
    ]),
  );
}

/** @param {Network} network */
export function summary(network) {
  return `${short(network.parameters)} parameters, ${short(network.macs)} MACs`;
}
