// What is selected, in numbers: the formula with the numbers in, products, the receptive field, why a shortcut is so.

import { costBars, percent } from "./costs.js";
import { ofWindow, shareRead } from "./data.js";
import { dims, html, memory, short, whole } from "./dom.js";
import { receptiveField } from "./field.js";
import { caption, explanation, moves } from "./kinds.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Operation} Operation */

/**
 * @param {Network} network
 * @param {string} at
 * @returns {HTMLElement}
 */
export function inspect(network, at) {
  const chosen = network.byName.get(at);
  if (!chosen) return inspectNetwork(network);
  if ("kind" in chosen) return inspectOperation(network, chosen);
  if ("shortcut" in chosen) return inspectBlock(chosen);
  return inspectStage(network, chosen);
}

/** @param {Network} network */
function inspectNetwork(network) {
  return panel(
    network.name,
    html("p", { class: "muted" }, network.source),
    facts([
      ["depth", whole(network.depth)],
      ["image", `${network.inChannels} × ${dims(network.imageSize)}`],
      ["parameters", whole(network.parameters)],
      ["macs", whole(network.macs)],
      ["fvcore", whole(network.fvcoreMacs)],
      ["activation_bytes", memory(network.bytes)],
      ["shortcuts", shortcutCounts(network.blocks)],
      ...network.parts.map(([name, words]) => /** @type {const} */ (["part", words, "", name])),
    ]),
    html("h3", {}, say.inspector.where),
    costBars(network),
    html("p", { class: "small muted" }, say.inspector.convention(say.inspector.counted)),
  );
}

/** `13 × identity; 3 × 1×1 projection`. @param {Block[]} blocks */
function shortcutCounts(blocks) {
  const labels = blocks.map((block) => block.look.label);
  return [...new Set(labels)].map((label) => `${labels.filter((one) => one === label).length} × ${label}`).join("; ") || say.inspector.none;
}

/** @param {Network} network @param {Stage} stage */
function inspectStage(network, stage) {
  return panel(
    say.operations.stage(stage.label),
    facts([
      ["input", dims(stage.operations[0].input)],
      ["output", dims(stage.output)],
      ["blocks", whole(stage.blocks.length)],
      ["operations", whole(stage.operations.length)],
      ["shortcuts", shortcutCounts(stage.blocks)],
      ["parameters", whole(stage.parameters), say.inspector.share(percent(stage.parameters, network.parameters))],
      ["macs", whole(stage.macs), say.inspector.share(percent(stage.macs, network.macs))],
      ["activation_bytes", memory(stage.bytes)],
    ]),
  );
}

/** @param {Block} block */
function inspectBlock(block) {
  return panel(
    block.name,
    html("p", { class: "why", "data-field": "why" }, block.why),
    facts([
      ["shortcut", block.look.label],
      ["channels", `${block.cIn} → ${block.cOut}`],
      ["width", whole(block.width)],
      ["stride", whole(block.stride)],
    ]),
    html("h3", {}, say.inspector.options),
    html(
      "table",
      { class: "options" },
      html("thead", {}, html("tr", {}, .../** @type {const} */ (["option", "parameters", "macs"]).map((name) => html("th", { scope: "col" }, say.inspector.names[name])))),
      html("tbody", {}, ...block.options.map(({ option, words, cost }) =>
        html("tr", { "data-option": option },
          html("th", { scope: "row" }, `${option}: ${words}`),
          html("td", {}, cost ? whole(cost.parameters) : say.inspector.impossible),
          html("td", {}, cost ? whole(cost.macs) : block.cOut < block.cIn && option === "A" ? say.inspector.shrink : say.inspector.roundsUp)))),
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
    html("p", { class: "muted" }, `${caption(one)} · ${standing(one)}`),
    one.block && one.branch === "shortcut" ? html("p", { class: "why", "data-field": "why" }, one.block.why) : null,
    explanation(one) ? html("p", { "data-field": "explanation" }, explanation(one)) : null,
    sizes(network, one),
    facts([
      ["input", dims(one.input)],
      ["output", dims(one.output)],
      ...WINDOW.map((name) => /** @type {const} */ ([name, ofWindow(one, name)])).filter(([, value]) => value !== ""),
      ["parameters", whole(one.parameters), product(one)],
      ["macs", whole(one.macs), macs(one)],
      ["activation_bytes", whole(one.bytes), say.inspector.bytes(memory(one.bytes)), say.inspector.names.memory],
      ...(one.dilation > 1 ? [/** @type {const} */ (["dilation", ofWindow(one, "dilation")])] : []),
      ["field", wholeImage(one) ? say.inspector.wholeImage : whole(one.field.size), wholeImage(one) ? say.inspector.fromMeans : say.inspector.field(one.field.jump, String(one.field.start).replace("-", "−"))],
      ["share", `${(100 * share).toFixed(share < 1 ? 2 : 0)}%`, shareNote(one, share)],
    ]),
    wholeImage(one) ? null : receptiveField(one, network.imageSize),
  );
}

/** Where an operation stands: its stage, block and branch. @param {Operation} one */
function standing(one) {
  const stage = say.operations.stage(one.stage.label);
  return one.block ? say.inspector.place(stage, one.block.index, say.operations.branch(one.branch)) : stage;
}

/** What is on attention's side path depends on every position. @param {Operation} one */
function wholeImage(one) {
  return one.ofAttention;
}

/** ⌊(n + 2p − k) / s⌋ + 1 with the numbers in, for both axes. @param {Network} network @param {Operation} one */
function sizes(network, one) {
  if (!moves(one.kind) || one.ofAttention) return null;
  const axes = one.input[1] === one.input[2] ? [1] : [1, 2];
  return html("div", { class: "formula", "data-field": "formula" }, ...axes.map((axis) => sizeFormula(one, axis, one.kind === "avg-pool" && network.spec.antialias !== "max")));
}

/**
 * @param {Operation} one
 * @param {number} axis
 * @param {boolean} up whether the size is rounded up, so that a last odd row counts
 */
function sizeFormula(one, axis, up) {
  const [n, out] = [one.input[axis], one.output[axis]];
  const reach = one.dilation * (one.kernel - 1) + 1; // of a window whose taps stand apart
  const padded = one.kind === "avg-pool" && one.stride === 1 ? 1 : 2 * one.padding; // such a pool is padded on one side
  const over = n + padded - reach;
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
    html("span", { class: "rest", "data-field": "remainder", "data-value": rest }, rest === 0 ? say.inspector.exact : say.inspector.rounding(up, Number(rest.toFixed(3)))),
  );
}

/** The parameters as a product. @param {Operation} one */
function product(one) {
  if (one.kind === "conv") return `${say.inspector.filters(one.output[0], one.input[0] / one.groups, one.kernel)}${biases(one) ? say.inspector.biases(biases(one)) : ""}`;
  if (one.kind === "norm") return one.parameters ? say.inspector.scales(one.output[0]) : say.inspector.frozen;
  if (one.kind === "channel-conv") return say.inspector.everyChannel;
  if (one.kind === "global-pool" && one.parameters) return say.inspector.exponent;
  if (one.kind === "linear") return say.inspector.linear(one.output[0], one.input[0]);
  return say.inspector.none;
}

/** @param {Operation} one a convolution */
function biases(one) {
  return one.parameters - (one.output[0] * one.input[0] * one.kernel ** 2) / one.groups;
}

/** The multiply-accumulates as a product. @param {Operation} one */
function macs(one) {
  if (one.kind === "conv") return say.inspector.positions(whole(one.parameters - biases(one)), one.output[1], one.output[2]);
  if (one.kind === "linear") return `${one.output[0]} × ${one.input[0]}`;
  if (one.kind === "blur") return say.inspector.blurred(one.output[0], one.output[1], one.output[2]);
  if (one.kind === "channel-conv") return say.inspector.channelMacs(one.parameters, one.output[0]);
  return say.inspector.uncounted;
}

/**
 * @param {Operation} one
 * @param {number} share
 */
function shareNote(one, share) {
  if (share === 1) return say.inspector.everyNumber;
  return say.inspector.skipped(one.stride, one.kernel, `${(100 * (1 - share)).toFixed(2)}%`);
}

/**
 * @param {string} title
 * @param {...(Node | null)} children
 */
function panel(title, ...children) {
  return html("div", { class: "panel" }, html("h2", {}, title), ...children);
}

/** Each number by its name; `label` where the field's own is not the word. @param {(readonly [field: string, value: string, note?: string, label?: string])[]} rows */
function facts(rows) {
  return html(
    "dl",
    {},
    ...rows.flatMap(([field, value, note, label]) => [
      html("dt", {}, label ?? /** @type {Record<string, string>} */ (say.inspector.names)[field]),
      html("dd", {}, html("span", { class: "value", "data-field": field }, value), note ? html("span", { class: "note" }, note) : null),
    ]),
  );
}

/** @param {Network} network */
export function summary(network) {
  return say.page.summary(short(network.parameters), short(network.macs));
}
