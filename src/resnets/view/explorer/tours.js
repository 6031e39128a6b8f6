// Three short guided tours. Every number in them is computed from the page's data.

import { shareRead } from "./data.js";
import { dims, html, short, signed, whole } from "./dom.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./state.js").State} State */
/** @typedef {{ show: Partial<State>, title: string, text: (model: Model) => string }} Step */
/** @typedef {{ name: string, title: string, steps: Step[] }} Tour */

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
  return delta === 0 ? "without one multiply-accumulate more" : `at ${signed(delta)} multiply-accumulates`;
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

/** @param {Model} model @param {string} first @param {string} second */
function differing(model, first, second) {
  const found = model.compare(first, second);
  const count = found?.pairs.filter((pair) => pair.status !== "same").length ?? 0;
  return count === 0 ? "No operation differs" : `${count} operations differ`;
}

/** @param {Operation} one */
function percentRead(one) {
  return `${Number((100 * shareRead(one)).toFixed(2))}%`;
}

/** @type {Tour[]} */
export const TOURS = [
  {
    name: "volumes",
    title: "ResNet-34 volume by volume",
    steps: [
      {
        show: { network: "resnet34", view: "walk", at: "conv1" },
        title: "The first convolution halves the image",
        text: (model) => {
          const one = operation(model, "resnet34", "conv1");
          return `${one.output[0]} filters of ${one.kernel} × ${one.kernel} look at the ${dims(one.input)} image every ${one.stride} pixels and make ${dims(one.output)}. The window does not fit a whole number of times: ${rest(one)} of a step is rounded away.`;
        },
      },
      {
        show: { network: "resnet34", view: "walk", at: "maxpool" },
        title: "The pool halves it again",
        text: (model) => {
          const one = operation(model, "resnet34", "maxpool");
          return `The largest of ${one.kernel} × ${one.kernel} neighbours is kept, every ${one.stride} positions: ${dims(one.input)} becomes ${dims(one.output)}. Nothing is learned here: ${one.parameters} parameters.`;
        },
      },
      {
        show: { network: "resnet34", view: "blocks", at: "layer1.0" },
        title: "A block adds to its input",
        text: (model) => {
          const one = block(model, "resnet34", "layer1.0");
          const windows = one.operations.filter((each) => each.kind === "conv").map(windowOf);
          return `Convolutions of ${windows.join(" and ")} make the residual; the shortcut is the input itself, since ${one.why}. What the block learns is only the difference.`;
        },
      },
      {
        show: { network: "resnet34", view: "blocks", at: "layer2.0" },
        title: "Where the shape changes, the shortcut must follow",
        text: (model) => {
          const one = block(model, "resnet34", "layer2.0");
          const projection = operation(model, "resnet34", "layer2.0.downsample.0");
          return `${one.why}. The ${windowOf(projection)} projection turns ${dims(projection.input)} into ${dims(projection.output)} with ${whole(projection.parameters)} parameters, and reads ${percentRead(projection)} of its input.`;
        },
      },
      {
        show: { network: "resnet34", view: "blocks", at: "" },
        title: "Most shortcuts pass, few project",
        text: (model) => {
          const { blocks } = named(model, "resnet34");
          const projected = blocks.filter((one) => one.shortcut === "projection").length;
          return `Of ${blocks.length} shortcuts ${projected} project, drawn dotted; the others pass their input on unchanged. Each new stage halves the height and the width and doubles the channels.`;
        },
      },
      {
        show: { network: "resnet34", view: "walk", at: "fc" },
        title: "The average, then the answer",
        text: (model) => {
          const [pool, fc] = [operation(model, "resnet34", "pool"), operation(model, "resnet34", "fc")];
          const all = named(model, "resnet34");
          return `${dims(pool.input)} is averaged over its positions and ${fc.output[0]} sums of ${fc.input[0]} numbers are the logits. In all, ${short(all.parameters)} parameters and ${short(all.macs)} multiply-accumulates.`;
        },
      },
    ],
  },
  {
    name: "tweaks",
    title: "What B, C and D change, and why",
    steps: [
      {
        show: { network: "resnet50_2015", view: "blocks", at: "layer2.0.conv1" },
        title: "2015: the stride sits on a 1 × 1",
        text: (model) => {
          const one = operation(model, "resnet50_2015", "layer2.0.conv1");
          return `A ${one.kernel} × ${one.kernel} window with stride ${one.stride} reads ${percentRead(one)} of its input. The rest of what the stage before computed is never used on this branch.`;
        },
      },
      {
        show: { network: "resnet50_2015", against: "resnet50b", view: "compare", at: "" },
        title: "B: move the stride to the 3 × 3",
        text: (model) => {
          const [first, strided] = [operation(model, "resnet50b", "layer2.0.conv1"), operation(model, "resnet50b", "layer2.0.conv2")];
          return `A ${windowOf(strided)} window with stride ${strided.stride} reads ${percentRead(strided)}. Nothing is added: the parameters stay at ${short(named(model, "resnet50b").parameters)}, and the ${windowOf(first)} before it now works at full size, ${macsBetween(model, "resnet50_2015", "resnet50b")}.`;
        },
      },
      {
        show: { network: "resnet50b", against: "resnet50c", view: "compare", at: "" },
        title: "C: three small convolutions for a large one",
        text: (model) => {
          const [first, small] = [operation(model, "resnet50b", "conv1"), convolutions(model, "resnet50c")];
          return `The ${first.kernel} × ${first.kernel} convolution of ${whole(first.parameters)} parameters gives way to ${small.length} of ${windowOf(small[0])}, ${macsBetween(model, "resnet50b", "resnet50c")}, with ${small.length - 1} more non-linearities in between.`;
        },
      },
      {
        show: { network: "resnet50c", against: "resnet50d", view: "compare", at: "" },
        title: "D: average before projecting",
        text: (model) => {
          const before = operation(model, "resnet50c", "layer2.0.downsample.0");
          const average = operation(model, "resnet50d", "layer2.0.downsample.0");
          return `The shortcut's strided ${windowOf(before)} read ${percentRead(before)} of its input. A ${windowOf(average)} average in front of it reads ${percentRead(average)}, ${macsBetween(model, "resnet50c", "resnet50d")}.`;
        },
      },
      {
        show: { network: "resnet50d", against: "xresnet50", view: "compare", at: "" },
        title: "xResNet: the same layers, another beginning",
        text: (model) => `${differing(model, "resnet50d", "xresnet50")}: ${short(named(model, "xresnet50").parameters)} parameters. The last norm of each block starts at zero, so that every block starts as its shortcut, and weights are drawn as fastai draws them.`,
      },
    ],
  },
  {
    name: "cardinality",
    title: "Cardinality: from ResNet to ResNeXt",
    steps: [
      {
        show: { network: "resnet50", view: "blocks", at: "layer1.1" },
        title: "A bottleneck",
        text: (model) => {
          const one = operation(model, "resnet50", "layer1.1.conv2");
          const outer = windowOf(operation(model, "resnet50", "layer1.1.conv1"));
          return `A ${outer} narrows ${block(model, "resnet50", "layer1.1").cIn} channels to ${one.input[0]}, a ${windowOf(one)} works there, a ${outer} widens again. Every filter of the ${windowOf(one)} reads all ${one.input[0]} channels: ${whole(one.parameters)} parameters.`;
        },
      },
      {
        show: { network: "resnext50_32x4d", view: "blocks", at: "layer1.1.conv2" },
        title: "Split it into groups",
        text: (model) => {
          const one = operation(model, "resnext50_32x4d", "layer1.1.conv2");
          return `Here the ${windowOf(one)} has ${one.groups} groups: each filter reads ${one.input[0] / one.groups} of the ${one.input[0]} channels. ${one.output[0] / operation(model, "resnet50", "layer1.1.conv2").output[0]} times the width, and ${whole(one.parameters)} parameters. The number of groups is the cardinality.`;
        },
      },
      {
        show: { network: "resnet50", against: "resnext50_32x4d", view: "compare", at: "" },
        title: "The same cost, spent otherwise",
        text: (model) => {
          const [one, other] = [named(model, "resnet50"), named(model, "resnext50_32x4d")];
          return `${short(one.parameters)} parameters become ${short(other.parameters)}, ${short(one.macs)} multiply-accumulates ${short(other.macs)}: width was bought with groups.`;
        },
      },
    ],
  },
];

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
  const only = [...new URLSearchParams(hash.replace(/^#/, "")).keys()].every((key) => key === "tour" || key === "step");
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
  const last = tour.steps.length - 1;
  return html(
    "section",
    { class: "tour", "aria-live": "polite", "aria-label": `guided tour: ${tour.title}` },
    html("p", { class: "small muted" }, `${tour.title} · ${at + 1} of ${tour.steps.length}`),
    html("h2", {}, step.title),
    html("p", {}, step.text(model)),
    html(
      "p",
      { class: "controls" },
      html("button", { type: "button", "data-key": "tour-previous", disabled: at === 0, click: () => go(tour.name, at - 1) }, "Previous (p)"),
      html("button", { type: "button", class: "primary", "data-key": "tour-next", click: () => (at === last ? go("", 0) : go(tour.name, at + 1)) }, at === last ? "Done" : "Next (n)"),
      at < last && html("button", { type: "button", click: () => go("", 0) }, "End the tour"),
    ),
  );
}
