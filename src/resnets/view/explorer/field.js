// The receptive field, drawn on the image.

import { html, svg, whole } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Operation} Operation */

const SIDE = 220; // of the picture

/**
 * The image and, on it, the pixels that the middle output position of an operation depends on: what of them lies in
 * the image filled, the true size dashed.
 * @param {Operation} operation
 * @param {[number, number]} image height and width
 */
export function receptiveField(operation, [height, width]) {
  const { size, jump, start } = operation.field;
  const from = (/** @type {number} */ places) => start + Math.floor((places - 1) / 2) * jump;
  const [left, top] = [from(operation.output[2]), from(operation.output[1])];
  const [x0, y0] = [Math.min(0, left), Math.min(0, top)];
  const [x1, y1] = [Math.max(width, left + size), Math.max(height, top + size)];
  const unit = SIDE / Math.max(x1 - x0, y1 - y0);
  const rect = (/** @type {string} */ kind, /** @type {number[]} */ [a, b, c, d]) =>
    svg("rect", { class: kind, x: (a - x0) * unit, y: (b - y0) * unit, width: Math.max(2, (c - a) * unit), height: Math.max(2, (d - b) * unit) });
  const clipped = left < 0 || top < 0 || left + size > width || top + size > height;
  const seen = [Math.max(0, left), Math.max(0, top), Math.min(width, left + size), Math.min(height, top + size)];
  const true_ = say.inspector.pixels(whole(size));
  const inside = `${whole(seen[2] - seen[0])} × ${whole(seen[3] - seen[1])}`;
  const words = clipped
    ? say.inspector.clipped(true_, `${height} × ${width}`, inside)
    : say.inspector.unclipped(true_, `${height} × ${width}`);
  return html(
    "figure",
    { "data-field": "receptive", "data-clipped": String(clipped) },
    svg(
      "svg",
      { viewBox: `-2 -2 ${(x1 - x0) * unit + 4} ${(y1 - y0) * unit + 4}`, class: "field", role: "img", "aria-label": say.inspector.fieldLabel(words) },
      rect("image", [0, 0, width, height]),
      rect("seen", seen),
      clipped && rect("extent", [left, top, left + size, top + size]),
    ),
    html("figcaption", {}, say.inspector.fieldCaption(words)),
  );
}
