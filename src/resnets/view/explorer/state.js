// What is on screen, as one value that is always the URL's hash. Views draw the state and ask for another; nothing else.

/**
 * @typedef {{ network: string, view: "blocks" | "walk" | "compare" | "tours" | "image" | "depth", at: string, scale: "log" | "linear",
 *   against: string, all: boolean, side: string, tour: string, step: number,
 *   language: import("./words.js").Language | "", change: string, edit: boolean,
 *   image: number, label: string, smooth: boolean, without: string, channel: number }} State
 * all: whether a comparison shows what is the same, too, and an image every channel; side: "second" where `at` is an operation of `against`; language: empty for the one that the page was written in;
 * change: what differs from the network as published, as JSON; edit: whether the sliders for that are shown; image, label, smooth, without, channel: of the view
 * "Your image", where an empty label stands for the first answer and channel -1 for the strongest
 */

const VIEWS = /** @type {State["view"][]} */ (["blocks", "walk", "compare", "tours", "image", "depth"]);

/** @type {State} */
const EMPTY = { network: "", view: "blocks", at: "", scale: "log", against: "", all: false, side: "", tour: "", step: 0, language: "", change: "", edit: false, image: 0, label: "", smooth: false, without: "", channel: -1 };

/**
 * @param {string} hash
 * @param {State} start
 * @returns {State}
 */
function fromHash(hash, start) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const [view, language] = [given.get("view"), given.get("language")];
  return {
    network: given.get("network") ?? start.network,
    view: VIEWS.includes(/** @type {State["view"]} */ (view)) ? /** @type {State["view"]} */ (view) : "blocks",
    at: given.get("at") ?? "",
    scale: given.get("scale") === "linear" ? "linear" : "log",
    against: given.get("against") ?? (given.has("network") ? "" : start.against),
    all: given.get("all") === "true",
    side: given.get("side") === "second" ? "second" : "",
    tour: given.get("tour") ?? "",
    language: language === "en" || language === "zh" ? language : start.language,
    change: given.get("change") ?? "",
    edit: given.get("edit") === "true",
    step: Math.max(0, Number.parseInt(given.get("step") ?? "0", 10) || 0),
    image: Math.max(0, Number.parseInt(given.get("image") ?? "0", 10) || 0),
    label: given.get("label") ?? "",
    smooth: given.get("smooth") === "true",
    without: given.get("without") ?? "",
    channel: /^\d+$/.test(given.get("channel") ?? "") ? Number(given.get("channel")) : -1,
  };
}

/**
 * @param {State} state
 * @returns {string}
 */
function toHash(state) {
  const kept = Object.entries(state).filter(([name, value]) => value !== EMPTY[/** @type {keyof State} */ (name)]);
  return `#${new URLSearchParams(kept.map(([name, value]) => [name, String(value)]))}`;
}

/** Holds the state and tells whoever listens that it has changed. */
export class Store {
  /** @param {State} start */
  constructor(start) {
    this.start = start;
    this.state = fromHash(location.hash, start);
    /** @type {((state: State) => void)[]} */
    this.listeners = [];
    addEventListener("hashchange", () => {
      this.state = fromHash(location.hash, start);
      this.tell();
    });
  }

  /** Steps within a view replace the address; another view is one that the browser's Back returns from. @param {Partial<State>} changes */
  set(changes) {
    const next = { ...this.state, ...changes };
    if (toHash(next) === toHash(this.state)) return;
    const places = /** @type {const} */ (["network", "against", "view", "tour", "step"]);
    const elsewhere = places.some((name) => next[name] !== this.state[name]);
    this.state = next;
    history[elsewhere ? "pushState" : "replaceState"](null, "", toHash(next));
    this.tell();
  }

  tell() {
    for (const listener of this.listeners) listener(this.state);
  }
}

/** @returns {State} */
export function emptyState() {
  return { ...EMPTY };
}
