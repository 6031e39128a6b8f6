// What to know of a classifier.

import { byId, element, percent } from "./dom.js";

/** @typedef {import("./types.js").Card} Card */

/** @param {number} number */
function grouped(number) {
  return number.toLocaleString("en");
}

/** @param {Card} card */
export function showCard(card) {
  const { scores, trained } = card;
  /** @type {[string, string, string][]} */
  const figures = [];
  const on = scores.count ? `of ${grouped(scores.count)} validation images` : "on validation images";
  if (scores.top1 !== undefined) figures.push(["correct answers", percent(scores.top1), on]);
  if (scores.top5 !== undefined && card.classes.length > 5) figures.push(["among the first five", percent(scores.top5), on]);
  if (scores.ece !== undefined) figures.push(["calibration error", percent(scores.ece), "gap between stated and true probability"]);
  const words = card.classes.length === 1 ? "class" : "classes";
  figures.push([words, grouped(card.classes.length), "that it can tell apart"]);
  byId("figures").replaceChildren(
    ...figures.map(([name, value, about]) =>
      element("div", {}, [
        element("dt", {}, [name]),
        element("dd", {}, [element("strong", {}, [value]), element("span", { class: "small muted" }, [about])]),
      ]),
    ),
  );
  byId("facts").replaceChildren(
    ...facts(card, trained).flatMap(([name, value]) => [element("dt", {}, [name]), element("dd", {}, [value])]),
  );
  byId("classes").replaceChildren(...card.classes.map(name => element("li", {}, [name])));
  byId("classes").toggleAttribute("tabindex", false);
  if (card.classes.length > 30) byId("classes").setAttribute("tabindex", "0");
  byId("card").hidden = false;
}

/**
 * @param {Card} card
 * @param {Card["trained"]} trained
 * @returns {[string, string][]}
 */
function facts(card, trained) {
  const threshold = card.abstain_below
    ? `“not sure” below ${percent(card.abstain_below)}`
    : "none: it always gives an answer";
  /** @type {[string, string][]} */
  const rows = [["name", card.name]];
  if (card.network) rows.push(["network", card.network]);
  if (trained.data) rows.push(["trained on", trained.images ? `${grouped(trained.images)} images of ${trained.data}` : trained.data]);
  if (trained.date) rows.push(["trained", trained.date.slice(0, 10)]);
  rows.push(["sees", `${card.size} × ${card.size} pixels, ${card.channels === 1 ? "grey" : "color"}`]);
  rows.push(["threshold", threshold]);
  rows.push(["probabilities", card.temperature === 1 ? "as the network gives them" : "calibrated on validation images"]);
  rows.push(["computed by", `${card.runtime}, ${card.precision}`]);
  return rows;
}
