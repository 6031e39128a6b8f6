// One classifier's answer to one image: the picture with the chosen class's map, the first answers, the logit as a sum.

import { html } from "../dom.js";
import { say } from "../words.js";
import { drawPicture, mapRange } from "./picture.js";
import { chosenClass, classMap, largest, logitsOf, probabilities } from "./record.js";
import { scaleLegend, shortNumber } from "./scale.js";

/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../state.js").State} State */
/** @typedef {(changes: Partial<State>) => void} Change */

const ANSWERS = 5;

/** 93.12%. @param {number} part from 0 to 1 */
export function percentage(part) {
  return part > 0 && part < 0.0001 ? "< 0.01%" : `${(100 * part).toFixed(2)}%`;
}

/**
 * @param {LiveRecord} record
 * @param {State} state
 * @param {{ width: number, several: boolean, current: boolean, change: Change }} options
 * several: whether other classifiers stand beside it
 */
export function drawCard(record, state, { width, several, current, change }) {
  const label = chosenClass(record, state.label);
  const range = mapRange(record, label);
  const missing = state.label !== "" && !record.classifier.classes.includes(state.label);
  const choose = () => change({ network: record.classifier.network, image: record.image });
  return html(
    "article",
    { class: "shot", "data-image": record.image, "data-classifier": record.classifier.network, "aria-current": current ? "true" : null },
    html("h3", {}, html("button", { type: "button", class: "plain", "data-key": `card ${record.classifier.network} ${record.image}`, click: choose }, record.picture.name), several && html("span", { class: "muted" }, ` ${record.classifier.network}`)),
    html("div", {}, drawPicture(record, label, { smooth: state.smooth, range, width }), range > 0 && scaleLegend(range, say.live.ofTheLogit)),
    html("div", {},
      missing && html("p", { class: "small", role: "note" }, say.live.unknownClass(state.label, record.classifier.classes[label])),
      logitLine(record, label),
      answers(record, state, label, change)),
  );
}

/** The logit of a class as its map's sum and its bias. @param {LiveRecord} record @param {number} label */
function logitLine(record, label) {
  const map = classMap(record, label);
  const logit = logitsOf(record)[label];
  const name = record.classifier.classes[label];
  if (!map) return html("p", { class: "small" }, say.live.noMap(record.classifier.pool));
  return html("p", { class: "small", "data-field": "logit", "data-logit": logit, "data-sum": map.sum, "data-bias": map.bias },
    say.live.logit(name, shortNumber(logit), map.values.length, shortNumber(map.sum), shortNumber(map.bias)));
}

/** The first answers, and the chosen class where it is none of them. @param {LiveRecord} record @param {State} state @param {number} label @param {Change} change */
function answers(record, state, label, change) {
  const { classifier } = record;
  const before = probabilities(logitsOf(record), classifier.temperature);
  const logits = logitsOf(record, state.without);
  const shown = probabilities(logits, classifier.temperature);
  const first = largest(logits, ANSWERS);
  const named = (/** @type {number} */ place) => (first.includes(place) ? classifier.classes[place] : say.live.rank(classifier.classes[place], 1 + logits.filter((one) => one > logits[place]).length));
  const listed = first.includes(label) ? first : [...first, label];
  const sure = shown[first[0]] >= classifier.abstainBelow;
  return html(
    "div",
    { class: "answers" },
    state.without && html("p", { class: "small strong" }, say.live.withoutTitle(state.without)),
    html("ol", {}, ...listed.map((place) => html("li", {},
      html("button", {
        type: "button", "data-key": `class ${classifier.network} ${record.image} ${place}`, "data-class": place, "data-probability": shown[place],
        "aria-pressed": String(place === label), click: () => change({ label: classifier.classes[place] }),
      },
      html("span", { class: "name" }, named(place)),
      html("span", { class: "value" }, percentage(shown[place])),
      html("span", { class: "track", "aria-hidden": "true" }, html("span", { class: "filled", style: `width: ${100 * shown[place]}%` })),
      state.without && html("span", { class: "muted small" }, say.live.before(percentage(before[place]))))))),
    !sure && html("p", { class: "small strong" }, say.live.notSure(percentage(classifier.abstainBelow))),
    classifier.temperature !== 1 && html("p", { class: "small muted" }, say.live.temperature(shortNumber(classifier.temperature))),
  );
}
