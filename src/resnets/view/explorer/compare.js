// The canvas, as a comparison: two networks stage by stage, what differs marked by a sign, a word and a colour.

import { html, signed, signedMemory } from "./dom.js";
import { caption } from "./kinds.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Comparison} Comparison */
/** @typedef {import("./data.js").Pair} Pair */
/** @typedef {import("./data.js").Deltas} Deltas */
/** @typedef {{ all: boolean, at: string, side: string }} Chosen what is shown and what is selected; side: of which network */
/** @typedef {{ show: (all: boolean) => void, select: (at: string, side: string) => void }} Asks */

export const SIGNS = /** @type {Record<string, string>} */ ({ added: "+", removed: "−", changed: "≠", moved: "→", same: "=" });
const COSTS = /** @type {const} */ (["parameters", "macs", "activation_bytes"]);

/**
 * The pair that is selected.
 * @param {Comparison} comparison
 * @param {{ at: string, side: string }} chosen
 */
export function pairAt(comparison, { at, side }) {
  return at === "" ? undefined : comparison.pairs.find((pair) => (side === "second" ? pair.second : pair.first) === at);
}

/** How a pair is selected: by its first operation or, where it has none, by its second. @param {Pair} pair */
export function placeOf(pair) {
  return pair.first === null ? { at: pair.second ?? "", side: "second" } : { at: pair.first, side: "" };
}

/** What differs, or everything; what is selected in any case. @param {Comparison} comparison @param {Chosen} chosen */
export function shownPairs(comparison, chosen) {
  const current = pairAt(comparison, chosen);
  return chosen.all ? comparison.pairs : comparison.pairs.filter((pair) => pair.status !== "same" || pair === current);
}

/**
 * @param {Comparison} comparison
 * @param {Network} first
 * @param {Network} second
 * @param {Chosen} chosen
 * @param {Asks} asks
 */
export function drawComparison(comparison, first, second, chosen, asks) {
  const pairs = shownPairs(comparison, chosen);
  const current = pairAt(comparison, chosen);
  const isCurrent = (/** @type {Pair} */ pair) => pair === current || (chosen.at.includes(".") && `${pair.first ?? pair.second}`.startsWith(`${chosen.at}.`));
  const heads = [[say.views.compare.sign, "hidden"], [first.name, ""], [second.name, ""], [say.views.compare.differs, ""], ...COSTS.map((cost) => [costName(cost), "number"])];
  const counts = Object.keys(SIGNS).map((status) => ({ status, count: comparison.pairs.filter((pair) => pair.status === status).length })).filter(({ count }) => count > 0);
  return html(
    "div",
    { class: "comparison" },
    html("h2", {}, `${first.name} → ${second.name}`),
    html("p", { class: "counts" }, ...counts.map(({ status, count }) => html("span", { class: `mark ${status}` }, html("span", { class: "sign" }, SIGNS[status]), ` ${count} ${say.views.compare.status[status]}`))),
    comparison.spec.length > 0 && html("p", { class: "small" }, say.views.compare.spec(comparison.spec.join("; "))),
    comparison.words.length > 0 && html("p", { class: "small" }, say.views.compare.words(comparison.words.join("; "))),
    html("label", {}, html("input", { type: "checkbox", "data-key": "all", checked: chosen.all, change: () => asks.show(!chosen.all) }), say.views.compare.all),
    html(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": say.views.compare.side },
      html(
        "table",
        { class: "pairs" },
        html("thead", {}, html("tr", {}, ...heads.map(([name, kind]) => html("th", { scope: "col", class: kind === "number" ? kind : null }, kind === "hidden" ? html("span", { class: "hidden" }, name) : name)))),
        html("tbody", {}, stageRow("total", say.views.compare.whole, comparison.total, chosen)),
        ...comparison.stages.map((stage) => {
          const rows = pairs.filter((pair) => pair.stage === stage.stage);
          return html("tbody", {}, stageRow(stage.stage, say.operations.stage(stage.stage), stage.deltas, chosen, rows.length === 0), ...rows.map((pair) => pairRow(pair, first, second, isCurrent(pair), asks)));
        }),
      ),
    ),
  );
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Deltas} deltas
 * @param {Chosen} chosen
 * @param {boolean} [same] whether no operation of it differs
 */
function stageRow(name, label, deltas, { at }, same = false) {
  const current = at !== "" && at === name.replace(" ", "");
  return html(
    "tr",
    { class: `stage-row${current ? " current" : ""}`, "data-stage": name, "aria-current": current ? "true" : null },
    html("th", { scope: "rowgroup", colspan: 4 }, label, same && html("span", { class: "rest" }, say.views.compare.same)),
    ...costs(deltas),
  );
}

/** @param {keyof Deltas} cost */
function costName(cost) {
  return { parameters: say.views.parameters, macs: say.views.macs, activation_bytes: say.views.activations }[cost];
}

/** @param {Deltas} deltas */
function costs(deltas) {
  return COSTS.map((field) => {
    const value = deltas[field];
    return html("td", { class: "number", "data-field": field, "data-value": value, "data-label": costName(field) }, field === "activation_bytes" ? signedMemory(value) : signed(value));
  });
}

/**
 * @param {Pair} pair
 * @param {Network} first
 * @param {Network} second
 * @param {boolean} current
 * @param {Asks} asks
 */
function pairRow(pair, first, second, current, asks) {
  const { at, side } = placeOf(pair);
  const cell = (/** @type {Network} */ network, /** @type {string | null} */ name, /** @type {boolean} */ key) => {
    if (name === null) return html("td", { class: "none" }, html("span", { class: "hidden" }, say.views.compare.none), html("span", { "aria-hidden": "true" }, "–"));
    const one = /** @type {Operation} */ (network.byName.get(name));
    const label = key
      ? html("button", { type: "button", class: "plain", "data-key": `pair ${side} ${at}`, "aria-current": current ? "true" : null }, one.name)
      : html("span", { class: "name" }, one.name);
    return html("td", {}, label, html("span", { class: "note" }, caption(one)));
  };
  return html(
    "tr",
    {
      class: `pair ${pair.status}${current ? " current" : ""}`, "data-status": pair.status, "data-first": pair.first, "data-second": pair.second,
      click: () => asks.select(at, side),
    },
    html("td", { class: "sign" }, SIGNS[pair.status], html("span", { class: "hidden" }, say.views.compare.status[pair.status])),
    cell(first, pair.first, side === ""),
    cell(second, pair.second, side === "second"),
    html("td", { class: "words" }, words(pair)),
    ...costs(pair.deltas),
  );
}

/** @param {Pair} pair */
export function words(pair) {
  const status = say.views.compare.status[pair.status];
  return pair.words ? say.views.compare.marked(status, pair.words) : status;
}
