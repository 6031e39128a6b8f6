// Networks as the sliders have changed them, each built once; where the settings make no network, the published one.

import { fromText } from "./change.js";
import { compareNetworks } from "./structure/comparison.js";
import { problem } from "./structure/problem.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Comparison} Comparison */
/** @typedef {{ network: Network, trouble: string }} Changed trouble: why there is no such network; empty where there is */

const KEPT = 40; // networks; a slider that is dragged for long makes many

export class ChangedNetworks {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<string, Changed>} */
    this.found = new Map();
    /** @type {Map<string, Comparison>} */
    this.comparisons = new Map();
  }

  /** @param {Network} published @param {string} change @returns {Changed} */
  of(published, change) {
    if (!change) return { network: published, trouble: "" };
    const key = `${published.name}\n${change}\n${say.page.code}`;
    if (!this.found.has(key)) keep(this.found, key, this.build(published, change));
    return /** @type {Changed} */ (this.found.get(key));
  }

  /** @param {Network} published @param {string} change @returns {Changed} */
  build(published, change) {
    const { spec, imageSize } = fromText(change, published);
    try {
      const trouble = problem(/** @type {import("./data.js").Spec} */ (spec));
      if (trouble) return { network: published, trouble };
      return { network: this.model.build(say.change.changed(published.name), published.source, /** @type {import("./data.js").Spec} */ (spec), imageSize), trouble: "" };
    } catch {
      return { network: published, trouble: say.change.unreadable }; // an address that somebody has written by hand
    }
  }

  /** The network as changed, against one of the page's. @param {Network} published @param {string} change @param {string} against */
  compared(published, change, against) {
    if (!change) return this.model.compare(published.name, against);
    const other = this.model.networks.get(against);
    if (!other) return undefined;
    const key = `${published.name}\n${change}\n${against}\n${say.page.code}`;
    if (!this.comparisons.has(key)) keep(this.comparisons, key, compareNetworks(this.of(published, change).network, other));
    return this.comparisons.get(key);
  }
}

/** @template T @param {Map<string, T>} found @param {string} key @param {T} value */
function keep(found, key, value) {
  if (found.size >= KEPT) found.clear();
  found.set(key, value);
}
