// Where a reader is on a guided tour, and how a tour looks: its step in a band, and the tours as cards to begin from.

import { html } from "./dom.js";
import { TOURS } from "./tours.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./state.js").State} State */

/**
 * The step that a state is at, if it is on a tour.
 * @param {State} state
 */
export function stepOf(state) {
  const tour = TOURS.find((one) => one.name === state.tour);
  if (!tour) return null;
  const at = Math.min(state.step, tour.steps.length - 1);
  return { tour, at, step: tour.steps[at] };
}

/**
 * A state as it is; where its address names a step of a tour and nothing else, what that step shows.
 * @param {Model} model
 * @param {State} state
 * @param {string} hash
 * @returns {State}
 */
export function toured(model, state, hash) {
  const found = stepOf(state);
  const only = [...new URLSearchParams(hash.replace(/^#/, "")).keys()].every((key) => ["tour", "step", "language"].includes(key));
  return found && only ? { ...state, against: "", at: "", side: "", ...found.step.show(model) } : state;
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {(tour: string, step: number) => void} go an empty tour ends it
 */
export function drawTour(model, state, go) {
  const found = stepOf(state);
  if (!found) return null;
  const { tour, at, step } = found;
  const told = say.tours[tour.name];
  const last = tour.steps.length - 1;
  return html(
    "section",
    { class: "tour", "aria-live": "polite", "aria-label": say.page.tour.label(told.title) },
    html("div", {},
      html("p", { class: "small muted" }, say.page.tour.place(told.title, at + 1, tour.steps.length)),
      html("h2", {}, told.steps[at].title),
      html("p", {}, told.steps[at].text(step.values(model)))),
    html(
      "p",
      { class: "controls" },
      html("button", { type: "button", "data-key": "tour-previous", disabled: at === 0, click: () => go(tour.name, at - 1) }, say.page.tour.previous),
      html("button", { type: "button", class: "primary", "data-key": "tour-next", click: () => (at === last ? go("", 0) : go(tour.name, at + 1)) }, at === last ? say.page.tour.done : say.page.tour.next),
      at < last && html("button", { type: "button", click: () => go("", 0) }, say.page.tour.end),
    ),
  );
}

/**
 * The tours as cards to begin from.
 * @param {(tour: string, step: number) => void} go
 */
export function drawTours(go) {
  return html(
    "div",
    { class: "tours" },
    html("p", {}, say.page.tour.choose),
    html("ul", {}, ...TOURS.map((tour, place) => {
      const { title, about } = say.tours[tour.name];
      return html("li", { class: place === 0 ? "card first" : "card" },
        place === 0 && html("p", { class: "badge" }, say.page.tour.start),
        html("h2", {}, title),
        html("p", {}, about),
        html("p", { class: "small muted" }, say.page.tour.steps(tour.steps.length)),
        html("button", { type: "button", class: place === 0 ? "primary" : null, "data-key": `tour ${tour.name}`, "aria-label": `${say.page.tour.begin}: ${title}`, click: () => go(tour.name, 0) }, say.page.tour.begin));
    })),
  );
}
