// Four short guided tours. Every number in them is computed from the networks; what is told is in words/tours.js.

import { shareRead } from "./data.js";
import { dims, short, signed, whole } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./words/tours.js").Values} Values */
/** @typedef {{ show: (model: Model) => Partial<State>, values: (model: Model) => Values }} Step */
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

/** The network that the first tour is about: the reader's own, where an image of theirs is in it. @param {Model} model */
function own(model) {
  return named(model, model.live ? model.shown[0] : "resnet34");
}

/** @param {Model} model */
function firstConvolution(model) {
  return /** @type {Operation} */ (own(model).operations.find((one) => one.kind === "conv"));
}

/** A place of that network: with the reader's image where there is one, else in a view of its structure. @param {State["view"]} view @param {(model: Model) => string} at @returns {Step["show"]} */
function ownPlace(view, at) {
  return (model) => ({ network: own(model).name, view: model.live ? "image" : view, at: at(model) });
}

/** @type {Tour} */
const BASICS = {
  name: "basics",
  steps: [
    {
      show: ownPlace("walk", (model) => (model.live ? "" : firstConvolution(model).name)),
      values: (model) => {
        const { input } = firstConvolution(model);
        return { image: dims(input), numbers: whole(input[0] * input[1] * input[2]), classes: whole(own(model).spec.num_classes), live: model.live ? 1 : 0 };
      },
    },
    {
      show: ownPlace("walk", (model) => firstConvolution(model).name),
      values: (model) => {
        const one = firstConvolution(model);
        const weights = one.input[0] * one.kernel ** 2;
        return { window: `${dims([one.input[0], one.kernel, one.kernel])} = ${weights}`, stride: one.stride, weights, positions: whole(one.output[1] * one.output[2]) };
      },
    },
    {
      show: ownPlace("blocks", (model) => firstConvolution(model).name),
      values: (model) => ({ filters: firstConvolution(model).output[0], output: dims(firstConvolution(model).output) }),
    },
    {
      show: (model) => ({ network: own(model).name, view: "blocks", at: "act1" }),
      values: (model) => ({ norm: operation(model, own(model).name, "bn1").parameters }),
    },
    {
      show: (model) => ({ network: own(model).name, view: "depth", at: "" }),
      values: ({ fading }) => {
        const last = (/** @type {string} */ name) => (fading.networks[name].train_loss.at(-1) ?? 0).toFixed(2);
        return { plain56: last("plain-56"), plain20: last("plain-20"), guess: Math.log(10).toFixed(2) };
      },
    },
    {
      show: ownPlace("blocks", () => "layer1.0"),
      values: (model) => {
        const one = block(model, own(model).name, "layer1.0");
        const cost = one.operations.filter(({ branch }) => branch === "shortcut").reduce((sum, { parameters }) => sum + parameters, 0);
        return { windows: windowsOf(one), cost: whole(cost) };
      },
    },
    {
      show: (model) => ({ network: own(model).name, view: "blocks", at: "layer1.0.add" }),
      values: (model) => ({ depth: own(model).depth }),
    },
    {
      show: ownPlace("blocks", () => ""),
      values: (model) => ({ blocks: own(model).blocks.length, live: model.live ? 1 : 0 }),
    },
  ],
};

/** @type {Tour} */
const VOLUMES = {
  name: "volumes",
  steps: [
    {
      show: () => ({ network: "resnet34", view: "walk", at: "conv1" }),
      values: (model) => {
        const one = operation(model, "resnet34", "conv1");
        return { filters: one.output[0], window: windowOf(one), input: dims(one.input), stride: one.stride, output: dims(one.output), rest: rest(one) };
      },
    },
    {
      show: () => ({ network: "resnet34", view: "walk", at: "maxpool" }),
      values: (model) => {
        const one = operation(model, "resnet34", "maxpool");
        return { window: windowOf(one), stride: one.stride, input: dims(one.input), output: dims(one.output), parameters: one.parameters };
      },
    },
    {
      show: () => ({ network: "resnet34", view: "blocks", at: "layer1.0" }),
      values: (model) => ({ windows: windowsOf(block(model, "resnet34", "layer1.0")), why: block(model, "resnet34", "layer1.0").why }),
    },
    {
      show: () => ({ network: "resnet34", view: "blocks", at: "layer2.0" }),
      values: (model) => {
        const one = operation(model, "resnet34", "layer2.0.downsample.0");
        return { why: block(model, "resnet34", "layer2.0").why, window: windowOf(one), input: dims(one.input), output: dims(one.output), parameters: whole(one.parameters), read: percentRead(one) };
      },
    },
    {
      show: () => ({ network: "resnet34", view: "blocks", at: "" }),
      values: (model) => {
        const { blocks } = named(model, "resnet34");
        return { blocks: blocks.length, projected: blocks.filter((one) => one.shortcut === "projection").length };
      },
    },
    {
      show: () => ({ network: "resnet34", view: "walk", at: "fc" }),
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
      show: () => ({ network: "resnet50_2015", view: "blocks", at: "layer2.0.conv1" }),
      values: (model) => {
        const one = operation(model, "resnet50_2015", "layer2.0.conv1");
        return { window: windowOf(one), stride: one.stride, read: percentRead(one) };
      },
    },
    {
      show: () => ({ network: "resnet50_2015", against: "resnet50b", view: "compare", at: "" }),
      values: (model) => {
        const [first, strided] = [operation(model, "resnet50b", "layer2.0.conv1"), operation(model, "resnet50b", "layer2.0.conv2")];
        return {
          window: windowOf(strided), stride: strided.stride, read: percentRead(strided), parameters: short(named(model, "resnet50b").parameters),
          before: windowOf(first), macs: macsBetween(model, "resnet50_2015", "resnet50b"),
        };
      },
    },
    {
      show: () => ({ network: "resnet50b", against: "resnet50c", view: "compare", at: "" }),
      values: (model) => {
        const [first, small] = [operation(model, "resnet50b", "conv1"), convolutions(model, "resnet50c")];
        return {
          window: windowOf(first), parameters: whole(first.parameters), count: small.length, small: windowOf(small[0]),
          macs: macsBetween(model, "resnet50b", "resnet50c"), between: small.length - 1,
        };
      },
    },
    {
      show: () => ({ network: "resnet50c", against: "resnet50d", view: "compare", at: "" }),
      values: (model) => {
        const [before, average] = [operation(model, "resnet50c", "layer2.0.downsample.0"), operation(model, "resnet50d", "layer2.0.downsample.0")];
        return {
          window: windowOf(before), before: percentRead(before), average: windowOf(average), after: percentRead(average),
          macs: macsBetween(model, "resnet50c", "resnet50d"),
        };
      },
    },
    {
      show: () => ({ network: "resnet50d", against: "xresnet50", view: "compare", at: "" }),
      values: (model) => ({ differing: differing(model, "resnet50d", "xresnet50"), parameters: short(named(model, "xresnet50").parameters) }),
    },
  ],
};

/** @type {Tour} */
const CARDINALITY = {
  name: "cardinality",
  steps: [
    {
      show: () => ({ network: "resnet50", view: "blocks", at: "layer1.1" }),
      values: (model) => {
        const one = operation(model, "resnet50", "layer1.1.conv2");
        return {
          outer: windowOf(operation(model, "resnet50", "layer1.1.conv1")), channels: block(model, "resnet50", "layer1.1").cIn, inner: one.input[0],
          window: windowOf(one), parameters: whole(one.parameters),
        };
      },
    },
    {
      show: () => ({ network: "resnext50_32x4d", view: "blocks", at: "layer1.1.conv2" }),
      values: (model) => {
        const one = operation(model, "resnext50_32x4d", "layer1.1.conv2");
        return {
          window: windowOf(one), groups: one.groups, each: one.input[0] / one.groups, channels: one.input[0],
          wider: one.output[0] / operation(model, "resnet50", "layer1.1.conv2").output[0], parameters: whole(one.parameters),
        };
      },
    },
    {
      show: () => ({ network: "resnet50", against: "resnext50_32x4d", view: "compare", at: "" }),
      values: (model) => {
        const [one, other] = [named(model, "resnet50"), named(model, "resnext50_32x4d")];
        return { before: short(one.parameters), after: short(other.parameters), macsBefore: short(one.macs), macsAfter: short(other.macs) };
      },
    },
  ],
};

export const TOURS = [BASICS, VOLUMES, TWEAKS, CARDINALITY];
