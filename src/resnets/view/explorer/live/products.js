// One output number of a convolution before one's eyes: window × kernel, channel by channel, and their sum.

import { html } from "../dom.js";
import { say } from "../words.js";
import { channelSums } from "./convolve.js";
import { heatMap } from "./maps.js";
import { largest, reach } from "./record.js";
import { scaleLegend, shortNumber } from "./scale.js";

/** @typedef {import("./convolve.js").Product} Product */

const SHOWN = 4; // input channels, those whose products count most
const COLOURS = 3; // up to here a channel of the image has a colour's name

/**
 * @param {Product} product
 * @param {{ stored: number | null, ofImage: boolean }} options stored: what torch gave; ofImage: whether the input is the image
 */
export function drawProducts(product, { stored, ofImage }) {
  const sums = channelSums(product);
  const shown = ofImage && sums.length <= COLOURS ? sums.map((_, channel) => channel) : largest(sums.map(Math.abs), SHOWN);
  const rest = sums.reduce((total, one, channel) => total + (shown.includes(channel) ? 0 : one), 0);
  const total = sums.reduce((all, one) => all + one, product.bias);
  const ranges = [reach(product.window), reach(product.kernel)];
  const of = product.window.map((value, place) => value * product.kernel[place]);
  const range = reach(of);
  const named = (/** @type {number} */ channel) => (ofImage && sums.length === COLOURS ? say.live.colours[channel] : say.live.inputChannel(channel));
  return html(
    "div",
    { class: "products" },
    html("table", {},
      html("thead", {}, html("tr", {}, ...["", say.live.window, say.live.kernel, say.live.product, say.live.sumOf].map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {},
        ...shown.map((channel) => productRow(product, of, channel, named(channel), sums[channel], [ranges[0], ranges[1], range])),
        sums.length > shown.length && html("tr", {}, html("th", { scope: "row" }, say.live.others(sums.length - shown.length)), html("td", { colspan: 3 }), html("td", { class: "number" }, shortNumber(rest))),
        product.bias !== 0 && html("tr", {}, html("th", { scope: "row" }, say.live.bias), html("td", { colspan: 3 }), html("td", { class: "number" }, shortNumber(product.bias))),
        html("tr", { class: "total" }, html("th", { scope: "row" }, say.live.totalOf(of.length)), html("td", { colspan: 3 }), html("td", { class: "number", "data-field": "total", "data-value": total }, shortNumber(total))))),
    stored !== null && html("p", { class: "small muted", "data-field": "stored", "data-value": stored }, say.live.stored(shortNumber(stored))),
    scaleLegend(range, say.live.productScale),
    allNumbers(product, of, shown, named),
  );
}

/**
 * @param {Product} product
 * @param {Float64Array} of the products
 * @param {number} channel
 * @param {string} name
 * @param {number} sum
 * @param {number[]} ranges
 */
function productRow({ window, kernel, side }, of, channel, name, sum, ranges) {
  const part = (/** @type {ArrayLike<number>} */ values) => Array.prototype.slice.call(values, channel * side * side, (channel + 1) * side * side);
  const picture = (/** @type {ArrayLike<number>} */ values, /** @type {number} */ range, /** @type {string} */ words) =>
    html("td", {}, heatMap(part(values), side, { range, side: side > 1 ? 78 : 28, label: say.live.matrixLabel(words, name) }));
  return html("tr", {},
    html("th", { scope: "row" }, name),
    picture(window, ranges[0], say.live.window), picture(kernel, ranges[1], say.live.kernel), picture(of, ranges[2], say.live.product),
    html("td", { class: "number" }, shortNumber(sum)));
}

/** Every product as `window × kernel = product`, made when it is asked for. @param {Product} product @param {Float64Array} of @param {number[]} shown @param {(channel: number) => string} named */
function allNumbers({ window, kernel, side }, of, shown, named) {
  const box = html("details", {}, html("summary", {}, say.live.allNumbers));
  box.addEventListener("toggle", () => {
    if (box.childElementCount > 1) return;
    box.append(...shown.map((channel) => html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": named(channel) }, html("table", { class: "matrix" },
      html("caption", {}, named(channel)),
      html("tbody", {}, ...Array.from({ length: side }, (_, row) => html("tr", {}, ...Array.from({ length: side }, (__, column) => {
        const place = (channel * side + row) * side + column;
        return html("td", {}, `${shortNumber(window[place])} × ${shortNumber(kernel[place])} = ${shortNumber(of[place])}`);
      }))))))));
  });
  return box;
}
