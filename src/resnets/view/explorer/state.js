// What is on screen, as one value that is always the URL's hash. Views draw the state and ask for another; nothing else.

/**
 * @typedef {{ network: string, view: "blocks" | "walk" | "compare" | "image", at: string, scale: "log" | "linear",
 *   against: string, all: boolean, side: string, tour: string, step: number, image: number, label: string, smooth: boolean, without: string, channel: number }} State
 * all: whether a comparison shows what is the same, too, and an image every channel; side: "second" where `at` is an operation of `against`; image, label, smooth, without, channel: of the view
 * "Your image", where an empty label stands for the first answer and channel -1 for the strongest
 */

/** @type {State} */
const EMPTY = { network: "", view: "blocks", at: "", scale: "log", against: "", all: false, side: "", tour: "", step: 0, image: 0, label: "", smooth: false, without: "", channel: -1 };

/**
 * @param {string} hash
 * @param {State} start
 * @returns {State}
 */
export function fromHash(hash, start) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const view = given.get("view");
  return {
    network: given.get("network") ?? start.network,
    view: view === "walk" || view === "compare" || view === "image" ? view : "blocks",
    at: given.get("at") ?? "",
    scale: given.get("scale") === "linear" ? "linear" : "log",
    against: given.get("against") ?? (given.has("network") ? "" : start.against),
    all: given.get("all") === "true",
    side: given.get("side") === "second" ? "second" : "",
    tour: given.get("tour") ?? "",
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
export function toHash(state) {
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
