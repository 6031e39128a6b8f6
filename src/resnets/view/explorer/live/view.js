// The view "Your image": what classifiers did with images, from the answer down to one product.

import { byId, html } from "../dom.js";
import { say } from "../words.js";
import { drawCard } from "./card.js";
import { classChoices, classChooser } from "./chooser.js";
import { storedProduct } from "./convolve.js";
import { FilterBench } from "./filters.js";
import { openLive } from "./record.js";
import { drawProducts } from "./products.js";
import { shortNumber } from "./scale.js";
import { blockStrip, ratioOf } from "./strip.js";
import { drawSum } from "./sum.js";

/** @typedef {import("./record.js").Live} Live */
/** @typedef {import("./record.js").LiveClassifier} LiveClassifier */
/** @typedef {import("./record.js").LiveRecord} LiveRecord */
/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {import("../state.js").State} State */
/** @typedef {(changes: Partial<State>) => void} Change */

/** Everything that the page knows of images, and how it is drawn. */
export class LiveView {
  /**
   * @param {any} packed
   * @param {{ draw: () => void, change: Change }} asks draw: is called once the activations are inflated
   */
  constructor(packed, { draw, change }) {
    /** @type {Live | null} */
    this.live = null;
    this.change = change;
    this.bench = new FilterBench();
    /** @type {Map<LiveClassifier, HTMLElement>} */
    this.choices = new Map();
    this.drawn = ""; // the state that the whole page was drawn for, but for what this view alone shows
    this.unpack(packed).then(draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  /** @param {any} packed */
  async unpack(packed) {
    try {
      this.live = await openLive(packed);
      this.choices = new Map(this.live.classifiers.map((one) => [one, classChoices(one.classes)]));
      this.drawn = "";
      document.documentElement.dataset.live = "true";
    } catch (error) {
      byId("message").textContent = say.live.tooOld(error instanceof Error ? error.message : String(error));
      byId("message").hidden = false;
    }
  }

  /** Whether nothing but this view has to be drawn for a state: what is chosen in it concerns no other part of the page. @param {State} state */
  canFollow(state) {
    const rest = JSON.stringify({ ...state, label: "", smooth: false, without: "", channel: -1, all: false });
    const same = state.view === "image" && rest === this.drawn;
    this.drawn = rest;
    return same;
  }

  /** The chosen image in a network; null where nothing was recorded of it. @param {Network} network @param {State} state @returns {LiveRecord | null} */
  record(network, state) {
    const own = (this.live?.records ?? []).filter((one) => one.classifier.network === network.name);
    return own.find((one) => one.image === state.image) ?? own[0] ?? null;
  }

  /**
   * @param {Network} network
   * @param {State} state
   * @param {number} width
   */
  draw(network, state, width) {
    if (!this.live) return html("p", {}, say.live.loading);
    const { change } = this;
    const record = this.record(network, state);
    if (!record) return html("p", {}, say.live.noRecord(network.name));
    const { classifiers, pictures, records } = this.live;
    const cards = classifiers.length > 1 ? classifiers.length : pictures.length;
    const perRow = classifiers.length > 1 ? 2 : Math.max(1, Math.min(cards, Math.floor((width + 16) / 256)));
    const room = width < 620 ? width - 28 : Math.min(360, (width + 16) / perRow - 44);
    const found = network.byName.get(state.at);
    const block = found && "shortcut" in found ? found : found && "kind" in found ? found.block : found && "blocks" in found ? found.blocks[0] : null;
    const operation = found && "kind" in found && found.kind === "conv" ? found : null;
    const answers = [
      classChooser(record, state, change, /** @type {HTMLElement} */ (this.choices.get(record.classifier))),
      html("div", { class: `shots ${records.length === 1 ? "one" : ""}`, style: `--columns: ${width < 620 ? 1 : perRow}` }, ...ordered(records, classifiers.length).map((one) => drawCard(one, state, {
        width: room, several: classifiers.length > 1, current: one === record, change,
      }))),
      html("p", { class: "small muted" }, say.live.pictureNote(record.classifier.preprocessing)),
    ];
    const strip = blockStrip(record, state, block?.name ?? "", change);
    const inside = [
      operation && operation.name !== record.classifier.first && convolution(record, operation),
      block && drawSum(record, block.name, state, { width, pixels: block.operations[block.operations.length - 1].field.jump, change }),
      !block && this.firstConvolution(record, network),
      !block && drawSum(record, "stem", state, { width, pixels: stemOutput(network).field.jump, change }),
    ];
    const told = state.tour !== "" && state.at !== ""; // a tour's step is about what it has selected
    return html("div", { class: "live" }, html("h2", {}, say.live.title), ...(told ? [...inside, strip, ...answers] : [...answers, strip, ...inside]));
  }

  /** @param {LiveRecord} record @param {Network} network */
  firstConvolution(record, network) {
    const first = network.byName.get(record.classifier.first);
    return first && "kind" in first ? this.bench.draw(record, first) : null;
  }

  /**
   * What the inspector adds to an operation or a block.
   * @param {Network} network
   * @param {State} state
   */
  inspect(network, state) {
    const record = this.record(network, state);
    const found = network.byName.get(state.at);
    if (!record || !found || "blocks" in found) return null;
    const look = html("button", { type: "button", "data-key": "look", click: () => this.change({ view: "image" }) }, say.live.look);
    const title = html("h3", {}, say.live.onImage(record.picture.name));
    if ("shortcut" in found) return html("section", { class: "on-image" }, title, html("p", {}, say.live.ratioWords(shortNumber(ratioOf(record, found.name)))), state.view !== "image" && look);
    const response = record.responses.get(found.name);
    if (!response || found.kind !== "conv") return null;
    return html("section", { class: "on-image" }, title, html("p", {}, say.live.responseWords(shortNumber(response.value), response.filter, response.row + 1, response.column + 1)), state.view !== "image" && look);
  }
}

/** The records image by image where several classifiers stand side by side. @param {LiveRecord[]} records @param {number} classifiers */
function ordered(records, classifiers) {
  return classifiers > 1 ? [...records].sort((a, b) => a.image - b.image) : records;
}

/** @param {Network} network */
function stemOutput(network) {
  const { operations } = network.stages[0];
  return operations[operations.length - 1];
}

/** One output of a convolution, by what is stored of it. @param {LiveRecord} record @param {Operation} operation */
function convolution(record, operation) {
  const response = record.responses.get(operation.name);
  if (!response) return null;
  return html(
    "section",
    { class: "bench", "data-operation": operation.name },
    html("h3", {}, say.live.convolutionTitle(operation.name)),
    html("p", {}, say.live.responseWords(shortNumber(response.value), response.filter, response.row + 1, response.column + 1)),
    drawProducts(storedProduct(record, operation.name), { stored: response.value, ofImage: false }),
  );
}
