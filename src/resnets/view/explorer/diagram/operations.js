// Operations as a column of labelled boxes, data flowing down. As Python's diagram/operations.py.

import { fallingArrow, painted, slab, target, traced, written } from "./marks.js";
import { pathData } from "./text.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Look} Look */
/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {import("../structure/spec.js").Spec} Spec */
/** @typedef {{ at: string, lines: string[], fill: string, glued: boolean }} OperationBox glued: whether it clings to the one above */
/** @typedef {{ narrow?: boolean, zeroed?: boolean }} BoxStyle narrow: no line holds two things; zeroed: the last one that can starts at zero */

export const BOX_GAP = 13; // between what is not glued, with an arrow in it
export const BOX_COLUMN = 138; // the width of a column
export const STUB = 22; // the arrow into and out of a column that is no block
const SEAM = 2;
const BOX_LINE = 14.5; // between baselines in a box
const CLINGING = ["relu", "silu", "mish", "leaky-relu", "gelu", "norm"];

/** @type {Record<string, string>} */
const BOX_FILLS = {
  conv: "conv", norm: "norm", "max-pool": "pool", "avg-pool": "pool", "global-pool": "pool", blur: "pool", linear: "linear", pad: "pad",
  squeeze: "pool", "channel-conv": "conv", sigmoid: "relu", relu: "relu", silu: "relu", mish: "relu", "leaky-relu": "relu", gelu: "relu",
};

/**
 * A path in the stroke of a kind of shortcut.
 * @param {Look} look
 * @param {(string | number)[]} steps
 * @param {{ kind?: string, data?: Record<string, string>, title?: string }} [more]
 */
export function shortcutPath({ width, dash, cap }, steps, { kind, data = {}, title } = {}) {
  return painted(
    "path", { stroke: "shortcut", kind },
    { d: pathData(steps), "stroke-width": width, "stroke-dasharray": dash || null, "stroke-linecap": cap === "butt" ? null : cap, ...data },
    ...(title === undefined ? [] : [title]),
  );
}

/** What is written on an operation, by line. @param {Spec} spec @param {Operation} one @param {BoxStyle} style @returns {string[]} */
function boxLines(spec, one, { narrow, zeroed }) {
  const words = say.diagram;
  const starts = zeroed ? words.startsAtZero : "";
  const stride = one.stride > 1 ? words.stride(one.stride) : "";
  const [cIn, height, width] = one.input;
  const channels = `${cIn} → ${one.output[0]}`;
  switch (one.kind) {
    case "conv": {
      if (one.ofAttention) return [words.fc(channels)];
      const head = words.conv(one.kernel);
      const [dilation, groups] = [one.dilation > 1 ? words.dilation(one.dilation) : "", one.groups > 1 ? words.groups(one.groups) : ""];
      return [...(narrow || !stride ? [head, stride] : [words.joined(head, stride)]), dilation, `${channels}${starts}`, groups];
    }
    case "blur":
      return [stride ? words.joined(words.blur(one.kernel), stride) : words.blur(one.kernel)];
    case "squeeze":
      return [words.squeeze];
    case "channel-conv":
      return [words.channelConv, words.kernel(one.parameters)];
    case "max-pool":
      return [words.maxPool(one.kernel), stride];
    case "avg-pool":
      return [words.avgPool(one.kernel), stride];
    case "pad":
      return [words.pad, stride, cIn === one.output[0] ? "" : channels];
    case "global-pool":
      return [say.parts.pools[spec.pool], `${height} × ${width} → 1 × 1`];
    case "linear":
      return [words.linear, channels];
    case "norm":
      return [words.norms[spec.norm] + starts];
    default:
      return [words.kinds[/** @type {keyof typeof words.kinds} */ (one.kind)]];
  }
}

/**
 * Operations as boxes. What always goes together is glued: norm and activation behind their convolution or, in
 * pre-activation, before it.
 * @param {Spec} spec
 * @param {Operation[]} operations
 * @param {BoxStyle} [style]
 * @returns {OperationBox[]}
 */
export function boxesOf(spec, operations, { narrow = false, zeroed = false } = {}) {
  const last = operations.findLast((one) => one.kind === (spec.preactivation ? "conv" : "norm"));
  return operations.map((one, place) => ({
    at: one.name,
    lines: boxLines(spec, one, { narrow, zeroed: zeroed && one === last }).filter(Boolean),
    fill: one.ofAttention && one.kind === "conv" ? "linear" : BOX_FILLS[one.kind],
    glued: place > 0 && clings(operations[place - 1], one, spec.preactivation && !narrow),
  }));
}

/** @param {Operation} before @param {Operation} one @param {boolean} first whether norm and activation stand before the convolution that they belong to */
function clings(before, one, first) {
  if (one.ofAttention || before.kind === "norm") return true;
  if (first && before.branch === "residual") return CLINGING.includes(before.kind) && one.kind === "conv";
  return CLINGING.includes(one.kind);
}

/** @param {OperationBox} box */
function boxHeight(box) {
  return 4 + BOX_LINE * box.lines.length;
}

/** How tall a column of boxes is drawn. @param {OperationBox[]} column */
export function columnHeight(column) {
  const gaps = column.slice(1).reduce((sum, box) => sum + (box.glued ? SEAM : BOX_GAP), 0);
  return column.reduce((sum, box) => sum + boxHeight(box), 0) + gaps;
}

/** A column of boxes centred on `x`, its top at `y`. @param {OperationBox[]} column @param {number} x @param {number} y @param {number} width @param {boolean} [arrows] */
export function drawnColumn(column, x, y, width, arrows = true) {
  let at = y;
  return column.map((box, place) => {
    if (place > 0) at += box.glued ? SEAM : BOX_GAP;
    const drawn = (place > 0 && arrows && !box.glued ? fallingArrow(x, at, BOX_GAP) : "") + drawnBox(box, x, at, width);
    at += boxHeight(box);
    return drawn;
  }).join("");
}

/** @param {OperationBox} box @param {number} x @param {number} y @param {number} width */
export function drawnBox(box, x, y, width) {
  const lines = box.lines.map((line, row) => written(x, y + 13.5 + BOX_LINE * row, line, { size: 12.5, anchor: "middle", within: width - 8, smallest: 8 }));
  return target(box.at, slab(x - width / 2, y, width, boxHeight(box), { fill: box.fill }), ...lines);
}

/** Operations that are no block, `x` their left edge and `y` the top of the arrow that comes in. @param {OperationBox[]} column @param {number} x @param {number} y */
export function drawnBetween(column, x, y) {
  const [middle, end] = [x + BOX_COLUMN / 2, y + STUB + columnHeight(column)];
  return fallingArrow(middle, y + STUB, STUB) + drawnColumn(column, middle, y + STUB, BOX_COLUMN) + fallingArrow(middle, end + STUB, STUB);
}

/** The circled plus at which a residual and a shortcut are added. @param {number} x @param {number} y @param {number} radius */
export function circledPlus(x, y, radius) {
  const arm = radius * 0.55;
  return signCircle(x, y, radius) + traced(["M", x - arm, y, "h", 2 * arm, "M", x, y - arm, "v", 2 * arm], { stroke: "ink" }, 1.8);
}

/** The circled cross at which each map is multiplied by its weight. @param {number} x @param {number} y @param {number} radius */
export function circledTimes(x, y, radius) {
  const arm = radius * 0.42;
  return signCircle(x, y, radius) + traced(
    ["M", x - arm, y - arm, "l", 2 * arm, 2 * arm, "M", x - arm, y + arm, "l", 2 * arm, -2 * arm], { stroke: "ink" }, 1.8,
  );
}

/** @param {number} cx @param {number} cy @param {number} r */
function signCircle(cx, cy, r) {
  return painted("circle", { fill: "paper", stroke: "ink" }, { cx, cy, r, "stroke-width": 1.5 });
}
