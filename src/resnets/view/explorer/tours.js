// Four short guided tours. Every number in them is computed from the networks; what is told is in words/tours.js.

import { shareRead } from "./data.js";
import { dims, html, short, signed, whole } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./words/tours.js").Values} Values */
/** @typedef {{ show: Partial<State>, values: (model: Model) => Values }} Step */
/** @typedef {{ name: keyof typeof say.tours, steps: Step[] }} Tour */

/** @param {Model} model @param {string} network @param {string} name */
function operation(model, network, name) {
  return /** @type {Operation} */ (named(model, network).byName.get(name));
}

/** @param {Model} model @param {string} network @param {string} name */
function block(model, network, name) {
  return /** @type {Block} */ (named(model, network).byName.get(name));
}

/** @param {Model} model @param {string} name */
function named(model, name) {
  return /** @type {Network} */ (model.networks.get(name));
}

/** @param {Model} model @param {string} first @param {string} second */
function macsBetween(model, first, second) {
  const delta = named(model, second).macs - named(model, first).macs;
  return delta === 0 ? say.costs.same : say.costs.more(signed(delta));
}

/** `3 × 3`. @param {Operation} one */
function windowOf(one) {
  return `${one.kernel} × ${one.kernel}`;
}

/** What rounding the number of steps down drops. @param {Operation} one */
function rest(one) {
  return ((one.input[1] + 2 * one.padding - one.kernel) % one.stride) / one.stride;
}

/** @param {Model} model @param {string} name */
function convolutions(model, name) {
  return named(model, name).stages[0].operations.filter((one) => one.kind === "conv");
}

/** The windows of a block's convolutions. @param {Block} one */
function windowsOf(one) {
  return one.operations.filter((each) => each.kind === "conv" && each.branch === "residual").map(windowOf).join(say.costs.and);
}

/** @param {Model} model @param {string} first @param {string} second */
function differing(model, first, second) {
  return say.costs.differing(model.compare(first, second)?.pairs.filter((pair) => pair.status !== "same").length ?? 0);
}

/** @param {Operation} one */
function percentRead(one) {
  return `${Number((100 * shareRead(one)).toFixed(2))}%`;
}

/** @type {Tour} */
const BASICS = {
  name: "basics",
  steps: [
    {
      show: { network: "resnet34", view: "walk", at: "conv1" },
      values: (model) => {
        const { input } = operation(model, "resnet34", "conv1");
        return { image: dims(input), numbers: whole(input[0] * input[1] * input[2]), classes: operation(model, "resnet34", "fc").output[0] };
      },
    },
    {
      show: { network: "resnet34", view: "walk", at: "conv1" },
      values: (model) => {
        const one = operation(model, "resnet34", "conv1");
        const weights = one.input[0] * one.kernel ** 2;
        return { window: `${dims([one.input[0], one.kernel, one.kernel])} = ${weights}`, stride: one.stride, weights, positions: whole(one.output[1] * one.output[2]) };
      },
    },
    {
      show: { network: "resnet34", view: "blocks", at: "conv1" },
      values: (model) => {
        const one = operation(model, "resnet34", "conv1");
        return { filters: one.output[0], output: dims(one.output) };
      },
    },
    {
      show: { network: "resnet34", view: "blocks", at: "act1" },
      values: (model) => ({ norm: operation(model, "resnet34", "bn1").parameters }),
    },
    {
      show: { network: "resnet34", view: "blocks", at: "layer1.0" },
      values: (model) => ({ windows: windowsOf(block(model, "resnet34", "layer1.0")), cost: block(model, "resnet34", "layer1.0").operations.filter((one) => one.branch === "shortcut").reduce((sum, one) => sum + one.parameters, 0) }),
    },
    {
      show: { network: "resnet34", view: "blocks", at: "layer1.0.add" },
      values: (model) => ({ depth: named(model, "resnet34").depth }),
    },
    {
      show: { network: "resnet34", view: "blocks", at: "" },
      values: (model) => ({ blocks: named(model, "resnet34").blocks.length, live: 0 }),
    },
  ],
};

/** @type {Tour} */
const VOLUMES = {
  name: "volumes",
  steps: [
    {
      show: { network: "resnet34", view: "walk", at: "conv1" },
      values: (model) => {
        const one = operation(model, "resnet34", "conv1");
        return { filters: one.output[0], window: windowOf(one), input: dims(one.input), stride: one.stride, output: dims(one.output), rest: rest(one) };
      },
    },
    {
      show: { network: "resnet34", view: "walk", at: "maxpool" },
      values: (model) => {
        const one = operation(model, "resnet34", "maxpool");
        return { window: windowOf(one), stride: one.stride, input: dims(one.input), output: dims(one.output), parameters: one.parameters };
      },
    },
    {
      show: { network: "resnet34", view: "blocks", at: "layer1.0" },
      values: (model) => ({ windows: windowsOf(block(model, "resnet34", "layer1.0")), why: block(model, "resnet34", "layer1.0").why }),
    },
    {
      show: { network: "resnet34", view: "blocks", at: "layer2.0" },
      values: (model) => {
        const one = operation(model, "resnet34", "layer2.0.downsample.0");
        return { why: block(model, "resnet34", "layer2.0").why, window: windowOf(one), input: dims(one.input), output: dims(one.output), parameters: whole(one.parameters), read: percentRead(one) };
      },
    },
    {
      show: { network: "resnet34", view: "blocks", at: "" },
      values: (model) => {
        const { blocks } = named(model, "resnet34");
        return { blocks: blocks.length, projected: blocks.filter((one) => one.shortcut === "projection").length };
      },
    },
    {
      show: { network: "resnet34", view: "walk", at: "fc" },
      values: (model) => {
        const [pool, fc, all] = [operation(model, "resnet34", "pool"), operation(model, "resnet34", "fc"), named(model, "resnet34")];
        return { input: dims(pool.input), classes: fc.output[0], features: fc.input[0], parameters: short(all.parameters), macs: short(all.macs) };
      },
    },
  ],
};

/** @type {Tour} */
const TWEAKS = {
  name: "tweaks",
  steps: [
    {
      show: { network: "resnet50_2015", view: "blocks", at: "layer2.0.conv1" },
      values: (model) => {
        const one = operation(model, "resnet50_2015", "layer2.0.conv1");
        return { window: windowOf(one), stride: one.stride, read: percentRead(one) };
      },
    },
    {
      show: { network: "resnet50_2015", against: "resnet50b", view: "compare", at: "" },
      values: (model) => {
        const [first, strided] = [operation(model, "resnet50b", "layer2.0.conv1"), operation(model, "resnet50b", "layer2.0.conv2")];
        return {
          window: windowOf(strided), stride: strided.stride, read: percentRead(strided), parameters: short(named(model, "resnet50b").parameters),
          before: windowOf(first), macs: macsBetween(model, "resnet50_2015", "resnet50b"),
        };
      },
    },
    {
      show: { network: "resnet50b", against: "resnet50c", view: "compare", at: "" },
      values: (model) => {
        const [first, small] = [operation(model, "resnet50b", "conv1"), convolutions(model, "resnet50c")];
        return {
          window: windowOf(first), parameters: whole(first.parameters), count: small.length, small: windowOf(small[0]),
          macs: macsBetween(model, "resnet50b", "resnet50c"), between: small.length - 1,
        };
      },
    },
    {
      show: { network: "resnet50c", against: "resnet50d", view: "compare", at: "" },
      values: (model) => {
        const [before, average] = [operation(model, "resnet50c", "layer2.0.downsample.0"), operation(model, "resnet50d", "layer2.0.downsample.0")];
        return {
          window: windowOf(before), before: percentRead(before), average: windowOf(average), after: percentRead(average),
          macs: macsBetween(model, "resnet50c", "resnet50d"),
        };
      },
    },
    {
      show: { network: "resnet50d", against: "xresnet50", view: "compare", at: "" },
      values: (model) => ({ differing: differing(model, "resnet50d", "xresnet50"), parameters: short(named(model, "xresnet50").parameters) }),
    },
  ],
};

/** @type {Tour} */
const CARDINALITY = {
  name: "cardinality",
  steps: [
    {
      show: { network: "resnet50", view: "blocks", at: "layer1.1" },
      values: (model) => {
        const one = operation(model, "resnet50", "layer1.1.conv2");
        return {
          outer: windowOf(operation(model, "resnet50", "layer1.1.conv1")), channels: block(model, "resnet50", "layer1.1").cIn, inner: one.input[0],
          window: windowOf(one), parameters: whole(one.parameters),
        };
      },
    },
    {
      show: { network: "resnext50_32x4d", view: "blocks", at: "layer1.1.conv2" },
      values: (model) => {
        const one = operation(model, "resnext50_32x4d", "layer1.1.conv2");
        return {
          window: windowOf(one), groups: one.groups, each: one.input[0] / one.groups, channels: one.input[0],
          wider: one.output[0] / operation(model, "resnet50", "layer1.1.conv2").output[0], parameters: whole(one.parameters),
        };
      },
    },
    {
      show: { network: "resnet50", against: "resnext50_32x4d", view: "compare", at: "" },
      values: (model) => {
        const [one, other] = [named(model, "resnet50"), named(model, "resnext50_32x4d")];
        return { before: short(one.parameters), after: short(other.parameters), macsBefore: short(one.macs), macsAfter: short(other.macs) };
      },
    },
  ],
};

export const TOURS = [BASICS, VOLUMES, TWEAKS, CARDINALITY];

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
 * @param {State} state
 * @param {string} hash
 * @returns {State}
 */
export function toured(state, hash) {
  const found = stepOf(state);
  const only = [...new URLSearchParams(hash.replace(/^#/, "")).keys()].every((key) => ["tour", "step", "language"].includes(key));
  return found && only ? { ...state, against: "", at: "", side: "", ...found.step.show } : state;
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
