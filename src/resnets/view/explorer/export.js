// What is on screen as an SVG file that looks the same by itself.

import { svg } from "./dom.js";
import { documentBehind } from "./opening.js";

/**
 * Offers the canvas as a download: its drawing (the diagram as `resnets show --format svg` writes it) or, in a comparison, its text as it is laid out.
 * @param {HTMLElement} canvas
 * @param {string} name
 */
export function saveDrawing(canvas, name) {
  const drawing = canvas.querySelector("svg");
  const source = drawing ? documentBehind(drawing) ?? standalone(drawing) : laidOut(canvas);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([source], { type: "image/svg+xml" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * The drawing's source with the styles it has on screen written into it.
 * @param {SVGSVGElement} drawing
 */
export function standalone(drawing) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  copies.forEach((element, index) => {
    const style = getComputedStyle(originals[index]);
    for (const property of ["fill", "stroke", "stroke-width", "font-size", "font-weight", "opacity", "fill-opacity"]) {
      element.setAttribute(property, style.getPropertyValue(property));
    }
  });
  const { width, height } = drawing.viewBox.baseVal;
  return serialized(copy, width, height);
}

/**
 * HTML as an SVG drawing: every line of text where it stands, and the rules between the rows of a table.
 * @param {HTMLElement} element
 */
function laidOut(element) {
  for (const box of element.querySelectorAll(".scroll")) box.scrollTo(0, 0);
  const origin = element.getBoundingClientRect();
  const [width, height] = [Math.max(element.scrollWidth, ...rights(element, origin.left)) + 12, bottom(element) - origin.top + 12];
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}` });
  for (const row of element.querySelectorAll("tr")) {
    const { left, right, bottom: y } = row.getBoundingClientRect();
    drawn.append(svg("line", { x1: left - origin.left, x2: right - origin.left, y1: y - origin.top, y2: y - origin.top, stroke: getComputedStyle(row.cells[0]).borderBottomColor }));
  }
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) drawn.append(...textLines(/** @type {Text} */ (walker.currentNode), origin));
  return serialized(drawn, width, height);
}

/** @param {HTMLElement} element @param {number} left */
function rights(element, left) {
  return [...element.querySelectorAll("table")].map((table) => table.getBoundingClientRect().right - left);
}

/** @param {HTMLElement} element */
function bottom(element) {
  return Math.max(element.getBoundingClientRect().bottom, ...[...element.querySelectorAll("table")].map((table) => table.getBoundingClientRect().bottom));
}

/**
 * The lines that a text node is broken into, each as SVG text.
 * @param {Text} node
 * @param {DOMRect} origin
 */
function textLines(node, origin) {
  const parent = node.parentElement;
  if (!parent || parent.closest(".hidden")) return [];
  const style = getComputedStyle(parent);
  const range = document.createRange();
  /** @type {{ x: number, y: number, words: string[] }[]} */
  const lines = [];
  for (const word of node.data.matchAll(/\S+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    const place = range.getBoundingClientRect();
    const y = place.bottom - origin.top - 0.24 * place.height; // near enough to where letters stand
    const line = lines[lines.length - 1];
    if (line && Math.abs(line.y - y) < 4) line.words.push(word[0]);
    else if (place.width > 0) lines.push({ x: place.left - origin.left, y, words: [word[0]] });
  }
  return lines.map(({ x, y, words: found }) =>
    svg("text", { x, y, fill: style.color, "font-size": style.fontSize, "font-weight": style.fontWeight }, found.join(" ")));
}

/** @param {SVGElement} drawing @param {number} width @param {number} height */
function serialized(drawing, width, height) {
  drawing.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  drawing.setAttribute("font-family", "system-ui, sans-serif");
  drawing.setAttribute("width", String(width));
  drawing.setAttribute("height", String(height));
  drawing.style.background = getComputedStyle(document.body).backgroundColor;
  return new XMLSerializer().serializeToString(drawing);
}
