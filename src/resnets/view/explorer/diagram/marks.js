// Pieces of the diagram as SVG: elements painted from the palette, and words that fit. As Python's diagram/svg.py.

import { diagramPalette } from "./palette.js";
import { fittedText, pathData, plainText, xml } from "./text.js";

/** @typedef {{ fill?: string, stroke?: string, kind?: string }} Paint colours named in the palette; kind: a class for whoever looks for it */
/** @typedef {Record<string, string | number | null | undefined>} Attributes */

/**
 * An element painted with colours of the palette, and with the light ones as attributes, too.
 * @param {string} tag
 * @param {Paint} paint
 * @param {Attributes} attributes
 * @param {...string} children
 */
export function painted(tag, { fill, stroke, kind }, attributes, ...children) {
  const classes = [kind, fill && `fill-${fill}`, stroke && `stroke-${stroke}`].filter(Boolean).join(" ");
  const { light } = diagramPalette;
  return xml(tag, { class: classes || null, fill: fill ? light[fill] : "none", stroke: stroke ? light[stroke] : null, ...attributes }, ...children);
}

/** What stands for the stage, block or operation `at` of the network, and can be chosen. @param {string | null} at @param {...string} parts */
export function target(at, ...parts) {
  return at ? xml("g", { "data-at": at }, ...parts) : parts.join("");
}

/**
 * Words on a baseline at `y`. Where they are wider than `within` they are set smaller, and then cut short.
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {{ size?: number, fill?: string, anchor?: "middle" | "end" | null, bold?: boolean, within?: number | null, smallest?: number }} [style]
 */
export function written(x, y, words, { size = 13, fill = "ink", anchor = null, bold = false, within = null, smallest = 9 } = {}) {
  const [kept, fitting] = within === null ? [words, size] : fittedText(words, size, within, { bold, smallest });
  return painted("text", { fill }, { x, y, "font-size": fitting, "text-anchor": anchor, "font-weight": bold ? "700" : null }, plainText(kept));
}

/** One text on two lines, centred on `x`; read aloud or copied, it is one. @param {number} x @param {number} y @param {[string, string]} lines @param {number} size */
export function writtenOnTwo(x, y, [first, second], size) {
  return painted(
    "text", { fill: "ink" }, { "font-size": size, "text-anchor": "middle" },
    xml("tspan", { x, y }, plainText(first)), " ", xml("tspan", { x, y: y + 1.25 * size }, plainText(second)),
  );
}

/** A rectangle with round corners. @param {number} x @param {number} y @param {number} width @param {number} height @param {Paint} paint @param {number} [radius] */
export function slab(x, y, width, height, paint, radius = 4) {
  return painted("rect", paint, { x, y, width, height, rx: radius || null });
}

/** A path from commands and coordinates in turn. @param {(string | number)[]} steps @param {Paint} paint @param {number | null} [width] of its stroke */
export function traced(steps, paint, width = null) {
  return painted("path", paint, { "stroke-width": width, d: pathData(steps) });
}

/** A straight arrow that ends in (x, y), coming from above. @param {number} x @param {number} y @param {number} length */
export function fallingArrow(x, y, length) {
  return traced(["M", x, y - length, "V", y - 5], { stroke: "line" }, 1.5) + traced(["M", x, y, "l -4 -7 h 8 z"], { fill: "line" });
}
