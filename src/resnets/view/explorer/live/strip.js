// The blocks in a row: how much each adds to what passes it by, and what the answer would be without it.

import { html } from "../dom.js";
import { say } from "../words.js";
import { percentage } from "./card.js";
import { canGoWithout, chosenClass, logitsOf, probabilities } from "./record.js";
import { shortNumber } from "./scale.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../state.js").State} State */

/** ‖F‖ / ‖x‖ of a block. @param {LiveRecord} record @param {string} block */
export function ratioOf(record, block) {
  const { shortcut, residual } = record.norms.get(block) ?? { shortcut: 0, residual: 0 };
  return shortcut > 0 ? residual / shortcut : Infinity;
}

/**
 * @param {LiveRecord} record
 * @param {State} state
 * @param {string} block the one that is shown below
 * @param {(changes: Partial<State>) => void} change
 */
export function blockStrip(record, state, block, change) {
  const label = chosenClass(record, state.label);
  const name = record.classifier.classes[label];
  const { temperature } = record.classifier;
  const whole = probabilities(logitsOf(record), temperature)[label];
  const switchable = canGoWithout(record);
  const most = Math.max(1, ...record.blocks.map((one) => ratioOf(record, one)).filter(Number.isFinite));
  return html(
    "section",
    { "aria-label": say.live.stripTitle },
    html("h3", {}, say.live.stripTitle),
    html("p", { class: "small muted" }, say.live.stripWords(switchable ? name : "", percentage(whole))),
    html("div", { class: "scroll blocks", tabindex: 0, role: "region", "aria-label": say.live.stripTitle }, html("ol", {}, ...record.blocks.map((one) => {
      const ratio = ratioOf(record, one);
      const left = probabilities(logitsOf(record, one), temperature)[label];
      const off = state.without === one;
      return html("li", { "aria-current": one === block ? "true" : null },
        html("button", { type: "button", class: "plain", "data-key": `block ${one}`, click: () => change({ at: one }) }, one),
        html("span", { class: "pillar", "aria-hidden": "true" }, html("span", { style: `height: ${Math.min(100, (100 * ratio) / most)}%` })),
        html("span", { class: "value", "data-field": "ratio", "data-value": ratio }, html("span", { class: "hidden" }, "‖F‖/‖x‖ "), Number.isFinite(ratio) ? shortNumber(ratio) : "∞"),
        switchable && html("button", { type: "button", class: "switch", "data-key": `without ${one}`, "aria-pressed": String(off), "aria-label": say.live.withoutBlock(one), click: () => change({ without: off ? "" : one }) }, off ? say.live.off : say.live.on),
        switchable && html("span", { class: `small effect ${left < whole ? "falls" : "rises"}`, "data-field": "left" }, say.live.left(percentage(left))));
    }))),
  );
}
