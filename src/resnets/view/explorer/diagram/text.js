// SVG as text: elements that are escaped, coordinates, and how wide words come out. As Python's base/svg.py.

import { halfEven } from "../structure/spec.js";

// Widths in thousandths of an em of DejaVu Sans, the widest of the usual interface fonts; what fits it, fits the others.
const THIN_LETTERS = "ijl., ";
const NARROW_LETTERS = ":;|!'()[]/ft";
const BROAD_LETTERS = "mwMWQOGND@%&+=<>→−…";
const SQUARE_LETTER = /[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\u{20000}-\u{3ffff}]/u; // as wide as they are high
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** A coordinate to a tenth of a unit, written as shortly as it can be. @param {number} value */
export function coordinate(value) {
  const tenths = halfEven(value * 10);
  return tenths % 10 === 0 ? String(tenths / 10 || 0) : (tenths / 10).toFixed(1);
}

/** A number with so many digits behind the point; from halfway to the even one, as Python rounds. @param {number} value @param {number} digits */
export function fixedTo(value, digits) {
  const exact = value.toFixed(60);
  const end = exact.indexOf(".") + 1 + digits;
  const halfway = /^50*$/.test(exact.slice(end));
  const kept = exact.slice(0, digits === 0 ? end - 1 : end);
  return halfway && Number(kept.at(-1)) % 2 === 0 ? kept : value.toFixed(digits);
}

/** Words for the content of an element; what no XML document may hold becomes U+FFFD. @param {string} words */
export function plainText(words) {
  return words.replace(NOT_XML, "\ufffd").replaceAll("&", "&amp;").replaceAll(">", "&gt;").replaceAll("<", "&lt;");
}

/** @param {string} value */
function quotedText(value) {
  const escaped = plainText(value).replaceAll("\n", "&#10;").replaceAll("\r", "&#13;").replaceAll("\t", "&#9;");
  if (!escaped.includes('"')) return `"${escaped}"`;
  return escaped.includes("'") ? `"${escaped.replaceAll('"', "&quot;")}"` : `'${escaped}'`;
}

/**
 * One element. Children are markup; attributes are plain values, null where there is none.
 * @param {string} tag
 * @param {Record<string, string | number | null | undefined>} attributes
 * @param {...string} children
 */
export function xml(tag, attributes, ...children) {
  const written = Object.entries(attributes).filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === "number" ? `"${coordinate(value)}"` : quotedText(String(value))}`).join("");
  return children.length > 0 ? `<${tag}${written}>${children.join("")}</${tag}>` : `<${tag}${written}/>`;
}

/** The `d` of a path. @param {(string | number)[]} steps */
export function pathData(steps) {
  return steps.map((step) => (typeof step === "string" ? step : coordinate(step))).join(" ");
}

/** An upper estimate of how wide words come out. @param {string} words @param {number} size @param {boolean} [bold] */
export function widthOfText(words, size, bold = false) {
  let ems = 0;
  for (const letter of words) ems += letterWidth(letter);
  return ((ems * size) / 1000) * (bold ? 1.12 : 1);
}

/**
 * Words and the letter size, at most `size`, at which they are no wider than `within`, perhaps cut short.
 * @param {string} words
 * @param {number} size
 * @param {number} within
 * @param {{ bold?: boolean, smallest?: number }} [style]
 * @returns {[words: string, size: number]}
 */
export function fittedText(words, size, within, { bold = false, smallest = 9 } = {}) {
  const wide = widthOfText(words, size, bold);
  if (wide <= within) return [words, size];
  const smaller = Math.max(smallest, Math.trunc((2 * size * within) / wide) / 2);
  if (widthOfText(words, smaller, bold) <= within) return [words, smaller];
  let room = within - widthOfText("…", smaller, bold);
  let kept = "";
  for (const letter of words) {
    room -= widthOfText(letter, smaller, bold);
    if (room < 0) return [`${kept}…`, smaller];
    kept += letter;
  }
  return [words, smaller];
}

/** @param {string} letter */
function letterWidth(letter) {
  if (THIN_LETTERS.includes(letter)) return 330;
  if (NARROW_LETTERS.includes(letter)) return 420;
  if (BROAD_LETTERS.includes(letter) || SQUARE_LETTER.test(letter)) return 1000;
  if (letter < "\u0080" || letter === "×") return /[a-z0-9]/.test(letter) ? 645 : 850;
  return /\p{Mn}/u.test(letter) ? 0 : 1100;
}

/** The checksum of a text in UTF-8, as eight hexadecimal digits. @param {string} words */
export function crc32(words) {
  let sum = 0xffffffff;
  for (const byte of new TextEncoder().encode(words)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ((sum ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
