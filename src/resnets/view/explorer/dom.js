// Elements and numbers: the little that every view shares.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. Attributes that are functions are listeners; children are elements or text.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElement}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/**
 * An SVG element, likewise.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | false)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  fill(element, attributes, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes
 * @param {(Node | string | null | false)[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false).map(plain));
}

/**
 * @param {Node | string | null | false} child
 * @returns {Node | string}
 */
function plain(child) {
  return child || "";
}

/**
 * The element with this id, which the page's template holds.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/** @param {number} value */
export function whole(value) {
  return value.toLocaleString("en-US");
}

/**
 * 25,557,032 as 25.56 M.
 * @param {number} value
 */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return whole(value);
}

/**
 * With its sign: + 1.20 M, − 300, ± 0.
 * @param {number} value
 */
export function signed(value) {
  if (value === 0) return "± 0";
  return `${value > 0 ? "+" : "−"} ${short(Math.abs(value))}`;
}

/** @param {number} bytes */
export function memory(bytes) {
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(2)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** @param {number} bytes */
export function signedMemory(bytes) {
  if (bytes === 0) return "± 0";
  return `${bytes > 0 ? "+" : "−"} ${memory(Math.abs(bytes))}`;
}

/** @param {readonly number[]} shape */
export function dims(shape) {
  return shape.join(" × ");
}
