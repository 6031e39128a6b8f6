// What the page opens with: the diagram of the whole network, in which everything can be chosen.

import { diagramOf } from "./diagram/drawing.js";
import { spoken } from "./pictures.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./pictures.js").Select} Select */
/** @typedef {{ element: SVGElement, at: string, chosen: string, column: number }} Choice chosen: what is selected by it; column: its stage's place */

const ROOMY = "(min-width: 1200px)"; // where the window is narrower, the diagram's letters come out below 9 pixels
/** @type {WeakMap<Element, string>} the document that a drawing in the page was made from */
const documents = new WeakMap();

/** Whether the window is wide enough for the diagram. */
export function hasRoomForDiagram() {
  return matchMedia(ROOMY).matches;
}

/** The standalone document of a drawing, where it is the diagram. @param {Element} drawing */
export function documentBehind(drawing) {
  return documents.get(drawing);
}

/**
 * The diagram as a group of buttons. Arrows lead from one to the next, Enter or a click selects.
 * @param {Network} network
 * @param {string} at what is selected
 * @param {Select} select
 * @returns {SVGElement}
 */
export function drawOpening(network, at, select) {
  const source = diagramOf(network);
  const parsed = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  const drawing = /** @type {SVGElement} */ (/** @type {Element} */ (document.importNode(parsed, true)));
  documents.set(drawing, source);
  drawing.setAttribute("role", "group");
  drawing.classList.add("opening");
  for (const arc of drawing.querySelectorAll("path.shortcut")) arc.after(hitArea(arc));
  const choices = choicesIn(drawing, network);
  const buttons = [...new Map(choices.toReversed().map((choice) => [choice.at, choice])).values()].reverse(); // the first of each
  for (const { element, at: own } of buttons) {
    const label = labelOf(element, own, network);
    for (const [name, value] of Object.entries({ role: "button", tabindex: "-1", "aria-label": label })) element.setAttribute(name, value);
  }
  for (const { element, at: own } of choices) {
    if (own === at) element.setAttribute("aria-current", "true");
    element.prepend(tooltip(labelOf(element, own, network)));
  }
  drawing.addEventListener("click", (event) => {
    const group = /** @type {Element} */ (event.target).closest("[data-at]");
    const choice = choices.find(({ element }) => element === group);
    if (choice) select(choice.chosen);
  });
  drawing.addEventListener("keydown", (event) => steer(event, buttons, select));
  drawing.addEventListener("focusin", (event) => {
    for (const { element } of buttons) element.setAttribute("tabindex", element === event.target ? "0" : "-1");
  });
  return drawing;
}

/** Whatever stands for a part of the network, in the order of the drawing. @param {SVGElement} drawing @param {Network} network @returns {Choice[]} */
function choicesIn(drawing, network) {
  return /** @type {SVGElement[]} */ ([...drawing.querySelectorAll("[data-at]")]).map((element) => {
    const at = element.getAttribute("data-at") ?? "";
    const found = network.byName.get(at);
    const stage = found && "stage" in found ? found.stage : found;
    const folded = Number(element.querySelector("[data-repeats]")?.getAttribute("data-repeats") ?? 1) > 1;
    return { element, at, chosen: folded ? stage?.name ?? at : at, column: network.stages.findIndex((one) => one === stage) };
  });
}

/** @param {Element} element @param {string} at @param {Network} network */
function labelOf(element, at, network) {
  const found = network.byName.get(at);
  if (!found) return at;
  if ("kind" in found) return spoken(found);
  if (!("shortcut" in found)) {
    const [title, subtitle] = [...element.querySelectorAll("text")].map((text) => text.textContent ?? "");
    return say.diagram.stageButton(title, subtitle);
  }
  const repeats = Number(element.querySelector("[data-repeats]")?.getAttribute("data-repeats") ?? 1);
  if (repeats === 1) return say.diagram.blockButton(at, found.look.label);
  return say.diagram.runButton(at, found.stage.blocks[found.index + repeats - 1].name, repeats, found.look.label);
}

/** A line is thin: around it the pointer finds it, too. @param {Element} arc */
function hitArea(arc) {
  const area = /** @type {Element} */ (arc.cloneNode(true));
  for (const name of arc.getAttributeNames()) if (name !== "d") area.removeAttribute(name);
  area.setAttribute("class", "hit");
  return area;
}

/** @param {string} words */
function tooltip(words) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = words;
  return title;
}

/**
 * Down and up go through a column and on into the next, right and left to what stands beside; Enter selects.
 * @param {KeyboardEvent} event
 * @param {Choice[]} buttons
 * @param {Select} select
 */
function steer(event, buttons, select) {
  const here = buttons.find(({ element }) => element === event.target);
  if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = buttons.toSorted((one, other) => one.column - other.column); // stable: the order of the drawing within each
  const place = row.indexOf(here);
  /** @type {Record<string, () => void>} */
  const acts = {
    Enter: () => select(here.chosen), " ": () => select(here.chosen),
    ArrowDown: () => row[place + 1]?.element.focus(), ArrowUp: () => row[place - 1]?.element.focus(),
    ArrowRight: () => nearest(here, buttons, 1)?.element.focus(), ArrowLeft: () => nearest(here, buttons, -1)?.element.focus(),
    Home: () => row[0].element.focus(), End: () => row[row.length - 1].element.focus(),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key]();
}

/** What stands beside, in the next column or the one before. @param {Choice} here @param {Choice[]} buttons @param {number} by */
function nearest(here, buttons, by) {
  const middle = (/** @type {Choice} */ { element }) => element.getBoundingClientRect().top + element.getBoundingClientRect().height / 2;
  const isColumn = (/** @type {Choice} */ { element }) => element.querySelector(":scope > .fill-band") !== null;
  const others = buttons.filter((one) => one.column === here.column + by && isColumn(one) === isColumn(here));
  const away = others.map((one) => Math.abs(middle(one) - middle(here)));
  return others[away.indexOf(Math.min(...away))];
}
