// Puts the page together: one state, drawn by every view, changed by mouse, touch and keyboard.

import { drawBlocks } from "./blocks.js";
import { ChangePanel } from "./change_panel.js";
import { ChangedNetworks } from "./changed.js";
import { drawComparison, pairAt } from "./compare.js";
import { readModel } from "./data.js";
import { drawDepth } from "./depth.js";
import { byId, dims, html } from "./dom.js";
import { saveDrawing } from "./export.js";
import { Header } from "./header.js";
import { inspect, summary } from "./inspector.js";
import { around, beneath, beside, besideRow } from "./keys.js";
import { LiveView } from "./live/view.js";
import { inspectPair } from "./pair.js";
import { focusAgain, focusKey, refill, roomOf } from "./placing.js";
import { Store, emptyState } from "./state.js";
import { drawTable } from "./table.js";
import { drawTour, drawTours, stepOf, toured } from "./touring.js";
import { TOURS } from "./tours.js";
import { drawWalk } from "./walk.js";
import { WalkBar } from "./walk_bar.js";
import { say, speak } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./state.js").State} State */

/** The page: a model, a store, and how wide the canvas's drawing is. */
class Page {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.width = roomOf(byId("canvas"));
    const [network, against = ""] = model.shown;
    this.store = new Store({ ...emptyState(), network, against, view: against ? "compare" : "blocks" });
    if (against && !location.hash) this.store.state = { ...this.store.state, view: "compare" };
    this.walkBar = new WalkBar((changes) => this.walk(changes));
    this.header = new Header(model, {
      network: (name) => this.store.set({ network: name, at: "", against: "", view: "blocks", tour: "", change: "" }),
      against: (name) => this.store.set({ against: name, at: "", side: "", view: name ? "compare" : "blocks", tour: "" }),
      view: (view) => this.show(view),
      language: (language) => this.store.set({ language }),
      edit: () => this.store.set({ edit: !this.state.edit }),
      save: () => this.save(),
    });
    this.changed = new ChangedNetworks(model);
    this.panel = new ChangePanel({ change: (change) => this.store.set({ change, tour: "" }), close: () => this.store.set({ edit: false }) });
    this.store.listeners.push(() => this.draw());
    this.live = model.live ? new LiveView(model.live, { draw: () => this.draw(), change: (changes) => this.store.set(changes) }) : null;
    addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.resize()).observe(byId("canvas"));
    this.draw();
  }

  /** What is on screen; an address that names only a step of a tour stands for what that step shows. @returns {State} */
  get state() {
    return toured(this.model, this.store.state, location.hash);
  }

  /** The network on screen, as published. @returns {Network} */
  get published() {
    return this.model.networks.get(this.state.network) ?? /** @type {Network} */ (this.model.networks.get(this.model.shown[0]));
  }

  /** The accuracy that somebody has published for it; empty where nobody has, or where it is changed. */
  get score() {
    const found = this.state.change ? null : this.model.rows.get(this.published.name)?.published;
    return found ? say.page.published(`${(100 * found.top1).toFixed(2)}%`, found.data, found.by) : "";
  }

  /** The network on screen, as the sliders have it. @returns {Network} */
  get network() {
    return this.changed.of(this.published, this.state.change).network;
  }

  /** The selected operation, or the first one beneath what is selected. @returns {Operation} */
  get operation() {
    const found = this.network.byName.get(this.state.at);
    if (!found) return this.network.operations[0];
    return "kind" in found ? found : found.operations[0];
  }

  get comparison() {
    return this.changed.compared(this.published, this.state.change, this.state.against);
  }

  /** Draws anew where the canvas has become so much wider or narrower that the drawing should be another. */
  resize() {
    const width = roomOf(byId("canvas"));
    if (Math.abs(width - this.width) < 24) return;
    this.width = width;
    this.drawCanvas();
  }

  /** The comparison on screen, if it is that. */
  get comparing() {
    const { state, comparison } = this;
    const other = this.model.networks.get(state.against);
    return state.view === "compare" && comparison && other ? { comparison, other, pair: pairAt(comparison, state) } : null;
  }

  /** The network that follows in the page's list: what is compared with where nothing is chosen. */
  get next() {
    const names = [...this.model.networks.keys()];
    return names[(names.indexOf(this.network.name) + 1) % names.length];
  }

  /** Another view, which ends a tour. @param {State["view"]} view */
  show(view) {
    const against = view === "compare" && !this.comparison ? this.next : this.state.against;
    this.store.set({ view, against, tour: "", step: 0 });
  }

  /** The drawing as a file, which is called after what it shows. */
  save() {
    const parts = this.comparing ? [this.network.name, this.comparing.other.name] : [this.network.name, this.state.view === "walk" ? this.operation.name : this.state.at];
    saveDrawing(byId("canvas"), `${parts.filter(Boolean).join("-")}.svg`);
  }

  /** @param {string} at @param {string} [side] of a comparison */
  select(at, side = "") {
    this.store.set({ at, side });
  }

  /** @param {{ step?: number, to?: number, scale?: boolean }} changes */
  walk({ step = 0, to = this.operation.index + step, scale = false }) {
    const next = this.network.operations[to];
    if (scale) this.store.set({ scale: this.state.scale === "log" ? "linear" : "log" });
    else if (next) this.select(next.name);
  }

  /**
   * @param {string} tour
   * @param {number} step
   */
  goTour(tour, step) {
    const found = stepOf({ ...this.state, tour, step });
    this.store.set(found ? { against: "", at: "", side: "", change: "", edit: false, ...found.step.show(this.model), tour, step: found.at } : { tour: "", step: 0 });
  }

  draw() {
    const { state, network, comparing } = this;
    const focused = focusKey(document.activeElement);
    if (this.live?.canFollow(state)) {
      this.drawCanvas();
      return focusAgain(focused);
    }
    speak(state.language || this.model.language);
    document.title = `${network.name} – resnets`;
    this.header.draw(state, this.published.name, [summary(network), network.source, this.score].filter(Boolean).join(" · "));
    const alone = state.view === "tours" || state.view === "depth";
    for (const id of ["strip", "inspector", "table"]) byId(id).hidden = alone;
    byId("main").className = alone ? "alone" : "";
    this.drawStrip();
    this.drawCanvas();
    const at = state.view === "walk" ? this.operation.name : state.at;
    const shown = comparing && state.side === "second" ? comparing.other : network;
    byId("inspector").replaceChildren(comparing?.pair
      ? inspectPair(comparing.pair, network, comparing.other, (one, name) => this.open(one, name))
      : inspect(shown, at));
    if (!comparing && network === this.published) byId("inspector").append(this.live?.inspect(network, state) ?? "");
    refill(byId("table"), drawTable(shown, at, (name) => this.select(name, comparing ? state.side : "")));
    const { trouble } = this.changed.of(this.published, state.change);
    if (state.edit) this.panel.follow(this.published, network, state.change, trouble);
    if (state.edit !== this.panel.element.isConnected) byId("panel").replaceChildren(...(state.edit ? [this.panel.element] : []));
    const tour = drawTour(this.model, state, (name, step) => this.goTour(name, step));
    byId("tour").replaceChildren(...(tour ? [tour] : []));
    byId("main").style.setProperty("--above", `${Math.round(byId("main").getBoundingClientRect().top + scrollY)}px`);
    return focusAgain(focused);
  }

  /** An operation of a comparison, in its own network. @param {Network} network @param {string} at */
  open(network, at) {
    this.store.set({ network: network.name, against: network === this.network ? this.state.against : "", at, side: "", view: "blocks", tour: "", step: 0 });
  }

  drawStrip() {
    const shown = this.comparing && this.state.side === "second" ? this.comparing.other : this.network;
    const found = shown.byName.get(this.state.view === "walk" ? this.operation.name : this.state.at);
    const stage = found && ("stage" in found ? found.stage : found);
    const tab = (/** @type {Record<string, any>} */ attributes, /** @type {string} */ label, /** @type {string} */ note) =>
      html("button", { type: "button", ...attributes }, html("span", { class: "strong" }, label), html("span", { class: "muted" }, note));
    byId("strip").replaceChildren(
      tab({ "data-key": "network", "aria-pressed": String(!found), click: () => this.store.set({ at: "", side: "", view: this.comparing ? "compare" : "blocks" }) }, say.page.network, say.page.blocks(this.network.blocks.length)),
      ...this.network.stages.map((one) => tab({ "data-stage": one.name, "aria-pressed": String(stage?.name === one.name), click: () => this.select(one.name) }, say.operations.stage(one.label), dims(one.output).replaceAll(" ", "\u2009"))),
    );
  }

  drawCanvas() {
    const { state, network, comparing } = this;
    const canvas = byId("canvas");
    const inside = canvas.contains(document.activeElement) && document.activeElement?.getAttribute("data-at");
    if (comparing) {
      refill(canvas, drawComparison(comparing.comparison, network, comparing.other, state, {
        show: (all) => this.store.set({ all }),
        select: (at, side) => this.select(at, side),
      }));
    } else if (state.view === "walk") {
      const drawing = drawWalk(network, this.operation, state.scale, this.width);
      const { element } = this.walkBar;
      if (element.parentNode === canvas) element.previousElementSibling?.replaceWith(drawing);
      else canvas.replaceChildren(drawing, element);
      this.walkBar.follow(network, this.operation, state.scale, this.width, drawing);
    } else if (state.view === "image" && this.live) {
      canvas.replaceChildren(this.live.draw(this.published, state, this.width));
    } else if (state.view === "depth") {
      canvas.replaceChildren(drawDepth(this.model.fading, this.width));
    } else if (state.view === "tours") {
      canvas.replaceChildren(drawTours((name, step) => this.goTour(name, step)));
    } else {
      canvas.replaceChildren(drawBlocks(network, state.at, this.width, (name) => this.select(name)));
      this.rove(inside || "");
    }
  }

  /** One cell of the drawing can be reached by Tab, and keeps the focus where the drawing had it. @param {string} had */
  rove(had) {
    const cells = /** @type {SVGElement[]} */ ([...document.querySelectorAll("#canvas [data-at]")]);
    const called = (/** @type {string} */ name) => cells.find((one) => one.getAttribute("data-at") === name);
    const cell = called(this.state.at) ?? called(had) ?? cells[0];
    cell?.setAttribute("tabindex", "0");
    if (had) cell?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const cell = target.getAttribute?.("data-at");
    const presses = event.key === "Enter" || event.key === " ";
    if (presses && cell && cell !== this.state.at) {
      event.preventDefault();
      this.select(cell);
      return;
    }
    const act = this.actions()[event.key];
    const scrolls = target.classList.contains("scroll") && event.key.startsWith("Arrow");
    if (!act || scrolls || (presses && !cell && target !== document.body)) return;
    event.preventDefault();
    act();
  }

  /** What each key does. @returns {Record<string, () => void>} */
  actions() {
    const { state, comparing } = this;
    const network = comparing && state.side === "second" ? comparing.other : this.network;
    const side = comparing ? state.side : "";
    const to = (/** @type {import("./keys.js").Target | null} */ found) => found && this.select(found.at, found.side ?? side);
    const move = (/** @type {number} */ by) => to(comparing ? besideRow(comparing.comparison, state, by) : beside(network, state, by));
    const into = () => to(comparing && state.at ? besideRow(comparing.comparison, state, 0) : beneath(network, state));
    const out = () => to(around(network, state));
    const tour = (/** @type {number} */ by) => this.goTour(state.tour || TOURS[0].name, state.tour ? Math.max(0, state.step + by) : 0);
    return {
      ArrowRight: () => move(1), ArrowLeft: () => move(-1), Enter: into, ArrowDown: into, ArrowUp: out, Escape: out,
      n: () => tour(1), p: () => tour(-1), b: () => this.show("blocks"), w: () => this.show(state.view === "walk" ? "blocks" : "walk"),
      i: () => this.live && this.show("image"), c: () => this.show("compare"), l: () => state.view === "walk" && this.walk({ scale: true }),
    };
  }
}

try {
  new Page(readModel(byId("data").textContent ?? ""));
  document.documentElement.dataset.ready = "true";
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  byId("message").textContent = say.page.damaged(why);
  byId("message").hidden = false;
  byId("app").hidden = true;
}
