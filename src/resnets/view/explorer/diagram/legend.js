// What the strokes, boxes and lengths of a diagram mean.

import { slab, written } from "./marks.js";
import { circledPlus, circledTimes, shortcutPath } from "./operations.js";
import { axesBox, ruler } from "./volumes.js";
import { dilatedWords } from "../structure/parts.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../structure/spec.js").Spec} Spec */
/** @typedef {import("./volumes.js").Scales} Scales */

const REMARK_LINE = 17; // between the lines of what is remarked
const RULER_CAPTION = 160; // the width of a ruler's

/** Of the legend of a network. @param {Spec} spec */
export function legendHeight(spec) {
  return 88 + REMARK_LINE * Math.max(0, remarksOn(spec).length - 3);
}

/**
 * The legend, `y` its top: the shortcuts that this network has, then what else is drawn, then the scale.
 * @param {Network} network
 * @param {Scales} scales
 * @param {number} x
 * @param {number} y
 * @param {number} width
 */
export function drawnLegend(network, scales, x, y, width) {
  const { spec } = network;
  const looks = new Map(network.blocks.map((block) => [block.shortcut, block.look])); // the last of each kind
  const kinds = Object.keys(say.shortcuts.looks).flatMap((kind) => looks.get(/** @type {any} */ (kind)) ?? []);
  const bottom = y + legendHeight(spec) - 6;
  return [
    ...kinds.flatMap((look, row) => {
      const line = y + 18 + 24 * row;
      return [shortcutPath(look, ["M", x, line - 4.5, "h", 46]), written(x + 58, line, say.diagram.look(look.label, look.meaning))];
    }),
    ...drawnSymbols(spec, x + 470, y),
    ...remarksOn(spec).flatMap((words, row) => {
      const line = y + 18 + REMARK_LINE * row;
      const sign = words.startsWith("×");
      return [
        ...(sign ? [circledTimes(x + 826, line - 4.5, 7)] : []),
        written(x + (sign ? 838 : 820), line, sign ? words.slice(1) : words, { within: 266 }),
      ];
    }),
    ...drawnScale(scales, x + width, y, bottom),
    written(x, bottom, smallPrint(network), { size: 12, fill: "muted", within: width - 560 }),
  ];
}

/** What else a reader should know, in short lines; one that begins with × has its sign drawn before it. @param {Spec} spec */
function remarksOn(spec) {
  const { remarks } = say.diagram;
  const dilated = dilatedWords(spec);
  return [
    ...(spec.preactivation ? remarks.preactivation : []),
    ...(spec.zero_last_norm ? (spec.preactivation ? remarks.zeroConv : remarks.zeroNorm) : []),
    ...(spec.attention === "none" ? [] : remarks[spec.attention]),
    ...(spec.antialias === "none" ? [] : remarks[spec.antialias]),
    ...(spec.norm === "batch" ? [] : [remarks[spec.norm]]),
    ...(spec.conv_bias ? [remarks.bias] : []),
    ...(dilated ? [remarks.outputStride(dilated)] : []),
  ];
}

/** @param {Spec} spec @param {number} x @param {number} y */
function drawnSymbols(spec, x, y) {
  return [
    ...(spec.shortcut === "none" ? [] : [
      circledPlus(x + 24, y + 13.5, 9),
      written(x + 58, y + 18, spec.preactivation ? say.diagram.sum : say.diagram.sumThen(say.diagram.kinds[spec.activation])),
    ]),
    ...[7, 3.5, 0].map((shift) => slab(x + 4 + shift, y + 33 - shift, 38, 22, { fill: "card", stroke: "line" })),
    written(x + 23, y + 48.5, "× n", { bold: true, anchor: "middle" }),
    written(x + 58, y + 48, say.diagram.folded),
  ];
}

/** @param {Scales} scales @param {number} right @param {number} y @param {number} bottom */
function drawnScale(scales, right, y, bottom) {
  const pixels = right - Math.max(scales.pixels.length + 12, RULER_CAPTION);
  const channels = pixels - Math.max(scales.channels.length + 12, RULER_CAPTION) - 24;
  return [
    axesBox(channels - 100, y + 50),
    ruler(channels, y + 30, scales.channels, say.diagram.scale("C", scales.channels.linear)),
    ruler(pixels, y + 30, scales.pixels, say.diagram.scale("H, W", scales.pixels.linear)),
    written(right, bottom, say.diagram.axes, { size: 12, fill: "muted", anchor: "end" }),
  ];
}

/** @param {Network} network */
function smallPrint({ spec, imageSize: [height, width] }) {
  return say.diagram.smallPrint(say.inspector.counted, `${spec.in_channels} × ${height} × ${width}`);
}
