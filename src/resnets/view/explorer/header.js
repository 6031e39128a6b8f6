// What stands around the views: the pickers, the buttons of the views, the language, the keys.

import { byId, html } from "./dom.js";
import { LANGUAGES, say } from "./words.js";

/** @typedef {import("./data.js").Model} Model */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./words.js").Language} Language */
/**
 * @typedef {{ network: (name: string) => void, against: (name: string) => void, view: (view: State["view"]) => void,
 *   language: (language: Language) => void, edit: () => void, save: () => void }} Asks what a reader may ask for here
 */

const VIEWS = /** @type {const} */ (["blocks", "walk", "compare", "image", "depth"]);

/** Made anew in another language; between, it follows the state. */
export class Header {
  /** @param {Model} model @param {Asks} asks */
  constructor(model, asks) {
    this.model = model;
    this.asks = asks;
    this.language = "";
    this.offered = "";
    this.network = picker("network", asks.network);
    this.against = picker("against", asks.against);
  }

  /**
   * @param {State} state
   * @param {string} network
   * @param {string} subtitle
   */
  draw(state, network, subtitle) {
    if (this.language !== say.page.code) this.speak();
    byId("subtitle").textContent = subtitle;
    this.network.value = network;
    this.offer(network);
    this.against.value = state.view === "compare" ? state.against : "";
    byId("view-change").setAttribute("aria-pressed", String(state.edit));
    byId("save").hidden = state.view === "image"; // its maps are pixels, which a drawing cannot hold
    for (const view of [...VIEWS, /** @type {const} */ ("tours")]) {
      document.getElementById(`view-${view}`)?.setAttribute("aria-pressed", String(view === "tours" ? state.view === view || state.tour !== "" : state.view === view && state.tour === ""));
    }
  }

  /** Every other network to compare with. @param {string} network */
  offer(network) {
    if (this.offered === network) return;
    this.offered = network;
    const groups = this.model.groups().map(({ label, names }) => ({ label, names: names.filter((name) => name !== network) }));
    this.against.replaceChildren(html("option", { value: "" }, say.page.nothing), ...options(groups.filter(({ names }) => names.length > 0)));
  }

  /** Everything here in the language that the page speaks now. */
  speak() {
    const { page } = say;
    this.language = page.code;
    document.documentElement.lang = page.code;
    byId("title").textContent = page.title;
    byId("pickers").replaceChildren(html("label", {}, `${page.pickNetwork} `, this.network), html("label", {}, `${page.pickAgainst} `, this.against));
    this.network.replaceChildren(...options(this.model.groups()));
    this.offered = "";
    const button = (/** @type {string} */ view, /** @type {string} */ kind, /** @type {() => void} */ click) =>
      html("button", { type: "button", id: `view-${view}`, class: kind || null, click }, page.views[view]);
    const bar = byId("bar");
    bar.setAttribute("aria-label", page.view);
    bar.replaceChildren(
      button("tours", "", () => this.asks.view("tours")),
      ...VIEWS.filter((view) => view !== "image" || this.model.live).map((view) => button(view, "", () => this.asks.view(view))),
      button("change", "", () => this.asks.edit()),
      html("span", { class: "right" }),
      html("button", { type: "button", id: "save", click: () => this.asks.save() }, page.save),
      languages((language) => this.asks.language(language)),
    );
    byId("strip").setAttribute("aria-label", page.stages);
    byId("inspector").setAttribute("aria-label", page.inspector);
    byId("table").setAttribute("aria-label", page.operations);
    byId("keys").replaceChildren(...keys());
    byId("alone").textContent = page.alone;
  }
}

/** @param {string} id @param {(value: string) => void} change @returns {HTMLSelectElement} */
function picker(id, change) {
  const made = /** @type {HTMLSelectElement} */ (html("select", { id, change: () => change(made.value) }));
  return made;
}

/** Networks in groups. @param {import("./data.js").Group[]} groups */
function options(groups) {
  return groups.map(({ label, names }) => html("optgroup", { label }, ...names.map((name) => html("option", { value: name }, name))));
}

/** A switch between the languages, each named in itself. @param {(language: Language) => void} ask */
function languages(ask) {
  return html("span", { class: "languages", role: "group", "aria-label": say.page.language }, ...Object.entries(LANGUAGES).map(([code, name]) =>
    html("button", { type: "button", lang: code, "data-key": `language ${code}`, "aria-pressed": String(code === say.page.code), click: () => ask(/** @type {Language} */ (code)) }, name)));
}

/** What each key does. @returns {(Node | string)[]} */
function keys() {
  const { keyNames } = say.page;
  const listed = /** @type {const} */ ([
    [["←", "→"], keyNames.beside], [["↓", "Enter"], keyNames.into], [["↑", "Esc"], keyNames.out], [["b"], keyNames.blocks], [["w"], keyNames.walk],
    [["l"], keyNames.scale], [["c"], keyNames.compare], [["n", "p"], keyNames.tour],
  ]);
  return [html("strong", {}, say.page.keys), ...listed.flatMap(([pressed, name]) =>
    [" ", html("span", {}, ...pressed.flatMap((key) => [html("kbd", {}, key), " "]), name)])];
}
