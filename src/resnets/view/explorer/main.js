// Puts the page together: one state, drawn by every view, changed by mouse, touch and keyboard.

import { drawBlocks } from "./blocks.js";
import { drawComparison } from "./compare.js";
import { readModel } from "./data.js";
import { byId, dims, html } from "./dom.js";
import { saveDrawing } from "./export.js";
import { inspect, summary } from "./inspector.js";
import { Store, emptyState } from "./state.js";
import { drawTable } from "./table.js";
import { TOURS, drawTour, stepOf } from "./tours.js";
import { drawWalk, walkControls } from "./walk.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./state.js").State} State */

/** The page: a model, a store, and whether a comparison shows what is the same. */
class Page {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.showSame = false;
    const [network, against = ""] = model.shown;
    this.store = new Store({ ...emptyState(), network, against, view: against ? "compare" : "blocks" });
    if (against && !location.hash) this.store.state = { ...this.store.state, view: "compare" };
    this.store.listeners.push(() => this.draw());
    this.buildHeader();
    addEventListener("keydown", (event) => this.onKey(event));
    this.draw();
  }

  get state() {
    return this.store.state;
  }

  /** @returns {Network} */
  get network() {
    return this.model.networks.get(this.state.network) ?? /** @type {Network} */ (this.model.networks.get(this.model.shown[0]));
  }

  /** The selected operation, or the first one beneath what is selected. @returns {Operation} */
  get operation() {
    const found = this.network.byName.get(this.state.at);
    if (!found) return this.network.operations[0];
    return "kind" in found ? found : found.operations[0];
  }

  get comparison() {
    const { against } = this.state;
    return this.model.comparisons.find((one) => one.first === this.network.name && one.second === against);
  }

  buildHeader() {
    const names = [...this.model.networks.keys()];
    const picker = /** @type {HTMLSelectElement} */ (byId("network"));
    picker.append(...names.map((name) => html("option", { value: name }, name)));
    picker.addEventListener("change", () => this.store.set({ network: picker.value, at: "", against: "", view: "blocks", tour: "" }));
    const tours = /** @type {HTMLSelectElement} */ (byId("tours"));
    tours.append(...TOURS.map((tour) => html("option", { value: tour.name }, tour.title)));
    tours.addEventListener("change", () => this.goTour(tours.value, 0));
    const against = /** @type {HTMLSelectElement} */ (byId("against"));
    against.addEventListener("change", () => this.store.set({ against: against.value, view: against.value ? "compare" : "blocks" }));
    for (const view of /** @type {const} */ (["blocks", "walk", "compare"])) {
      byId(`view-${view}`).addEventListener("click", () => this.show(view));
    }
    byId("save").addEventListener("click", () => saveDrawing(byId("canvas"), `${this.network.name}.svg`));
  }

  /** @param {"blocks" | "walk" | "compare"} view */
  show(view) {
    const comparison = this.model.comparisons.find((one) => one.first === this.network.name);
    const against = view === "compare" && !this.comparison ? (comparison?.second ?? "") : this.state.against;
    this.store.set({ view, against });
  }

  /** @param {string} name */
  select(name) {
    this.store.set({ at: name, view: this.state.view === "compare" ? "blocks" : this.state.view });
  }

  /**
   * @param {string} tour
   * @param {number} step
   */
  goTour(tour, step) {
    const found = stepOf({ ...this.state, tour, step });
    this.store.set(found ? { against: "", at: "", ...found.step.show, tour, step: found.at } : { tour: "", step: 0 });
  }

  draw() {
    const { state, network } = this;
    document.title = `${network.name} – resnets`;
    byId("subtitle").textContent = `${summary(network)} · ${network.source}`;
    this.drawHeader();
    this.drawStrip();
    this.drawCanvas();
    byId("inspector").replaceChildren(inspect(network, state.view === "walk" ? this.operation.name : state.at, this.model.convention));
    byId("table").replaceChildren(drawTable(network, state.view === "walk" ? this.operation.name : state.at, (name) => this.select(name)));
    const tour = drawTour(this.model, state, (name, step) => this.goTour(name, step));
    byId("tour").replaceChildren(...(tour ? [tour] : []));
  }

  drawHeader() {
    const { state, network } = this;
    /** @type {HTMLSelectElement} */ (byId("network")).value = network.name;
    /** @type {HTMLSelectElement} */ (byId("tours")).value = state.tour;
    const against = /** @type {HTMLSelectElement} */ (byId("against"));
    const others = this.model.comparisons.filter((one) => one.first === network.name).map((one) => one.second);
    against.replaceChildren(html("option", { value: "" }, "nothing"), ...others.map((name) => html("option", { value: name }, name)));
    against.value = this.comparison ? state.against : "";
    against.disabled = others.length === 0;
    for (const view of ["blocks", "walk", "compare"]) {
      byId(`view-${view}`).setAttribute("aria-pressed", String(state.view === view));
    }
    byId("view-compare").toggleAttribute("disabled", others.length === 0);
    byId("save").toggleAttribute("disabled", state.view === "compare");
  }

  drawStrip() {
    const found = this.network.byName.get(this.state.view === "walk" ? this.operation.name : this.state.at);
    const stage = found && ("stage" in found ? found.stage : found);
    const whole = html("button", { type: "button", "aria-pressed": String(!found), click: () => this.store.set({ at: "", view: "blocks" }) }, html("span", { class: "strong" }, "network"), html("span", { class: "muted" }, `${this.network.blocks.length} blocks`));
    const stages = this.network.stages.map((one) =>
      html("button", { type: "button", "data-stage": one.name, "aria-pressed": String(stage === one), click: () => this.select(one.name) },
        html("span", { class: "strong" }, one.label), html("span", { class: "muted" }, dims(one.output))));
    byId("strip").replaceChildren(whole, ...stages);
  }

  drawCanvas() {
    const { state, network, comparison } = this;
    const canvas = byId("canvas");
    const other = this.model.networks.get(state.against);
    if (state.view === "compare" && comparison && other) {
      canvas.replaceChildren(drawComparison(comparison, network, other, this.showSame, (all) => {
        this.showSame = all;
        this.draw();
      }));
      return;
    }
    const focused = document.activeElement?.getAttribute("data-at");
    if (state.view === "walk") {
      canvas.replaceChildren(drawWalk(network, this.operation, state.scale), walkControls(network, this.operation, state.scale, (changes) => this.store.set(changes)));
      return;
    }
    canvas.replaceChildren(drawBlocks(network, state.at, (name) => this.select(name)));
    this.rove(focused ?? state.at);
  }

  /** One cell of the drawing can be reached by Tab; arrows do the rest. @param {string} wanted */
  rove(wanted) {
    const cells = [...document.querySelectorAll("#canvas [data-at]")];
    const cell = cells.find((one) => one.getAttribute("data-at") === wanted) ?? cells[0];
    cell?.setAttribute("tabindex", "0");
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const act = this.actions()[event.key];
    if (!act || (event.key === "Enter" && !target.hasAttribute("data-at") && target !== document.body)) return;
    event.preventDefault();
    act();
  }

  /** What each key does. @returns {Record<string, () => void>} */
  actions() {
    const { state, network } = this;
    const found = network.byName.get(state.at);
    return {
      ArrowRight: () => this.move(1),
      ArrowLeft: () => this.move(-1),
      Enter: () => this.into(),
      ArrowDown: () => this.into(),
      ArrowUp: () => this.out(found),
      Escape: () => this.out(found),
      n: () => this.goTour(state.tour || TOURS[0].name, state.tour ? state.step + 1 : 0),
      p: () => this.goTour(state.tour || TOURS[0].name, Math.max(0, state.step - 1)),
      w: () => this.store.set({ view: state.view === "walk" ? "blocks" : "walk" }),
    };
  }

  /** To the next or the previous of the kind that is selected. @param {number} by */
  move(by) {
    const { network, state } = this;
    const found = network.byName.get(state.at);
    const row = state.view === "walk" || !found || "kind" in found ? network.operations : "shortcut" in found ? network.blocks : network.stages;
    const at = state.view === "walk" ? this.operation : found;
    const next = at ? row.findIndex((one) => one === at) + by : 0;
    if (row[next]) this.select(row[next].name);
  }

  /** One level in: the first stage, block or operation beneath what is selected. */
  into() {
    const { network, state } = this;
    const cell = document.activeElement?.getAttribute("data-at");
    if (cell && cell !== state.at) return this.select(cell);
    const found = network.byName.get(state.at);
    if (!found) return this.select(network.stages[0].name);
    if ("kind" in found) return undefined;
    const inside = "shortcut" in found ? found.operations : found.blocks.length > 0 ? found.blocks : found.operations;
    return this.select(inside[0].name);
  }

  /** One level out. @param {import("./data.js").Operation | import("./data.js").Block | import("./data.js").Stage | undefined} found */
  out(found) {
    if (!found) return;
    if ("kind" in found) this.select((found.block ?? found.stage).name);
    else this.store.set({ at: "shortcut" in found ? found.stage.name : "" });
  }
}

try {
  new Page(readModel(byId("data").textContent ?? ""));
  document.documentElement.dataset.ready = "true";
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  byId("message").textContent = `This page is damaged: its data cannot be read (${why}). Write it anew with resnets show.`;
  byId("message").hidden = false;
  byId("app").hidden = true;
}
