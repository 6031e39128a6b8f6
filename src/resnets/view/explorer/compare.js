// The canvas, as a comparison: two networks stage by stage, what differs marked by a sign, a word and a colour.

import { html, signed, signedMemory } from "./dom.js";
import { caption } from "./pictures.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Comparison} Comparison */
/** @typedef {import("./data.js").Pair} Pair */
/** @typedef {import("./data.js").Deltas} Deltas */

const SIGNS = /** @type {Record<string, string>} */ ({ added: "+", removed: "−", changed: "≠", moved: "→", same: "" });

/**
 * @param {Comparison} comparison
 * @param {Network} first
 * @param {Network} second
 * @param {boolean} all whether to show what is the same too
 * @param {(all: boolean) => void} show
 */
export function drawComparison(comparison, first, second, all, show) {
  const pairs = all ? comparison.pairs : comparison.pairs.filter((pair) => pair.status !== "same");
  return html(
    "div",
    { class: "comparison" },
    html("h2", {}, `${first.name} → ${second.name}`),
    totals(comparison),
    comparison.spec.length > 0 && html("p", { class: "small" }, `In the spec: ${comparison.spec.join("; ")}.`),
    html("label", {}, html("input", { type: "checkbox", checked: all, change: () => show(!all) }), " Show what is the same, too"),
    html(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "operations side by side" },
      html(
        "table",
        { class: "pairs" },
        html("thead", {}, html("tr", {}, ...["", "stage", first.name, second.name, "what differs", "parameters", "MACs"].map((name) => html("th", { scope: "col" }, name || html("span", { class: "hidden" }, "sign"))))),
        html("tbody", {}, ...pairs.map((pair) => pairRow(pair, first, second))),
      ),
    ),
    pairs.length === 0 && html("p", {}, "No operation differs."),
  );
}

/**
 * @param {Pair} pair
 * @param {Network} first
 * @param {Network} second
 */
function pairRow(pair, first, second) {
  const side = (/** @type {Network} */ network, /** @type {string | null} */ name) => {
    const one = name === null ? null : /** @type {Operation} */ (network.byName.get(name));
    return html("td", {}, one ? html("span", { class: "name" }, one.name) : "–", one && html("span", { class: "note" }, caption(one)));
  };
  return html(
    "tr",
    { class: pair.status, "data-status": pair.status, "data-first": pair.first, "data-second": pair.second },
    html("td", { class: "sign" }, SIGNS[pair.status], html("span", { class: "hidden" }, pair.status)),
    html("td", {}, pair.stage),
    side(first, pair.first),
    side(second, pair.second),
    html("td", {}, words(pair)),
    html("td", { class: "number", "data-field": "parameters", "data-value": pair.deltas.parameters }, signed(pair.deltas.parameters)),
    html("td", { class: "number", "data-field": "macs", "data-value": pair.deltas.macs }, signed(pair.deltas.macs)),
  );
}

/** @param {Pair} pair */
function words(pair) {
  return pair.status === "same" ? "same" : `${pair.status}${pair.words ? `: ${pair.words}` : ""}`;
}

/** @param {Comparison} comparison */
function totals(comparison) {
  const line = (/** @type {string} */ name, /** @type {Deltas} */ deltas) =>
    html("tr", { "data-stage": name }, html("th", { scope: "row" }, name), ...["parameters", "macs", "activation_bytes"].map((field) => {
      const value = deltas[/** @type {keyof Deltas} */ (field)];
      return html("td", { class: "number", "data-field": field, "data-value": value }, field === "activation_bytes" ? signedMemory(value) : signed(value));
    }));
  return html(
    "table",
    { class: "totals" },
    html("thead", {}, html("tr", {}, ...["stage", "parameters", "MACs", "activations"].map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...comparison.stages.map((one) => line(one.stage, one.deltas)), line("total", comparison.total)),
  );
}
