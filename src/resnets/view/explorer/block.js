// One block: its residual branch, its shortcut and their sum; across where there is room for it, downwards where not.

import { dims, svg } from "./dom.js";
import { activationName } from "./kinds.js";
import { arrow, arrowDown, drawStep, frame, stepHeight, strokeOf } from "./pictures.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {import("./pictures.js").Select} Select */

/**
 * @param {Block} block
 * @param {string} at
 * @param {number} width
 * @param {Select} select
 */
export function drawBlock(block, at, width, select) {
  const of = (/** @type {string} */ branch) => block.operations.filter((one) => one.branch === branch);
  const residual = of("residual");
  const parts = { residual: residual.filter((one) => !one.ofAttention), side: residual.filter((one) => one.ofAttention), shortcut: of("shortcut"), trunk: of("trunk"), height: stepHeight(block.operations) };
  const rest = 190 + (parts.side.length > 0 ? PRODUCT : 0) - (parts.trunk.length > 1 ? 0 : 84);
  const pitch = Math.min(150, (width - rest) / (parts.residual.length - (parts.side.length > 0 ? 1 : 0)));
  return pitch >= 82 ? across(block, parts, pitch, at, width, select) : downwards(block, parts, at, width, select);
}

const PRODUCT = 62; // what the product of maps and weights takes of a branch

/** @typedef {{ residual: Operation[], side: Operation[], shortcut: Operation[], trunk: Operation[], height: number }} Parts */

/**
 * @param {Block} block
 * @param {Parts} parts
 * @param {number} pitch
 * @param {string} at
 * @param {number} width
 * @param {Select} select
 */
function across(block, { residual, side, shortcut, trunk, height }, pitch, at, width, select) {
  const [begin, upper, lower] = [38, 70, 170 + height - 46];
  const line = lower + height / 2;
  const gap = pitch < 90 ? 9 : pitch < 104 ? 13 : 18;
  const product = side.length > 0 ? residual[residual.length - 1] : null;
  const main = product ? residual.slice(0, -1) : residual;
  const end = begin + main.length * pitch;
  const sum = end + 6 + (product ? PRODUCT : 0);
  const row = (/** @type {Operation[]} */ steps, /** @type {number} */ y, /** @type {number} */ from) =>
    steps.flatMap((one, index) => [
      drawStep(one, { x: from + index * pitch, y, width: pitch - gap, height }, select, at),
      svg("text", { class: "muted small", x: from + index * pitch + (pitch - gap) / 2, y: y + height + 16, "text-anchor": "middle" }, pitch < 104 ? dims(one.output).replaceAll(" ", "") : dims(one.output)),
      arrow(from + (index + 1) * pitch - gap + 1, y + height / 2, gap - 3),
    ]);
  const before = sharedSteps(block, residual);
  const fork = before > 0 ? begin + before * pitch - gap / 2 - 1 : 20;
  const first = begin + Math.max(before, (main.length - shortcut.length) * 0.5) * pitch;
  const top = upper + height / 2;
  const after = trunk.flatMap((one, index) => {
    const round = one.kind === "add";
    const x = index === 0 ? sum : sum + 62 + (index - 1) * 84;
    const wide = round ? 40 : 64;
    return [drawStep(one, { x, y: round ? line - 20 : lower, width: wide, height: round ? 40 : height }, select, at), arrow(x + wide + 2, line, 17)];
  });
  const path = shortcut.length > 0
    ? `M ${fork} ${line} V ${top} H ${first - 4} M ${first + shortcut.length * pitch} ${top} H ${sum + 20} V ${line - 22}`
    : `M ${fork} ${line} V ${top} H ${sum + 20} V ${line - 22}`;
  const deep = side.length > 0 ? height + 42 : 0;
  return frame(
    width,
    lower + height + 30 + deep,
    `${block.name}: ${block.why}`,
    ...title(block),
    shortcutLine(block, path),
    arrow(4, line, begin - 7),
    ...row(shortcut, upper, first),
    ...row(main, lower, begin),
    product && drawStep(product, { x: end, y: line - 20, width: 40, height: 40 }, select, at),
    product && arrow(end + 42, line, PRODUCT - 40),
    ...sideAcross(side, end, { pitch, gap, line, y: lower + height + 44, height }, select, at),
    ...after,
  );
}

/**
 * @param {Block} block
 * @param {Parts} parts
 * @param {string} at
 * @param {number} width
 * @param {Select} select
 */
function downwards(block, { residual: main, side, shortcut, trunk, height }, at, width, select) {
  const residual = [...main.slice(0, main.length - (side.length > 0 ? 1 : 0)), ...side, ...main.slice(main.length - (side.length > 0 ? 1 : 0))];
  const before = sharedSteps(block, residual);
  const pitch = height + 34;
  const begin = 84;
  const fork = before > 0 ? begin + 24 + before * pitch - 24 : begin;
  const wide = Math.min(180, width * 0.47);
  const right = Math.min(260, width - wide - 4); // where the residual branch's column begins
  const [middle, left] = [right + wide / 2, 4 + Math.min(140, width * 0.4) / 2];
  const sum = begin + 24 + residual.length * pitch;
  const column = (/** @type {Operation[]} */ steps, /** @type {number} */ x, /** @type {number} */ room, /** @type {number} */ y) =>
    steps.flatMap((one, index) => [
      drawStep(one, one.ofAttention ? { x: x - room / 2 + 22, y: y + index * pitch, width: room - 22, height } : { x: x - room / 2, y: y + index * pitch, width: room, height }, select, at),
      arrowDown(x, y + index * pitch + height + 2, 30),
      svg("text", { class: "muted small", x: x + 8, y: y + index * pitch + height + 20 }, dims(one.output).replaceAll(" ", "")),
    ]);
  const from = begin + 24 + Math.max(before * pitch, ((residual.length - shortcut.length) / 2) * pitch);
  const path = shortcut.length > 0
    ? `M ${middle} ${fork} H ${left} V ${from - 4} M ${left} ${from + shortcut.length * pitch} V ${sum + 20} H ${middle - 24}`
    : `M ${middle} ${fork} H ${left} V ${sum + 20} H ${middle - 24}`;
  const after = trunk.map((one, index) =>
    drawStep(one, one.kind === "add" ? { x: middle - 20, y: sum, width: 40, height: 40 } : index === 0 ? { x: right, y: sum, width: wide, height } : { x: right, y: sum + 62 + (index - 1) * pitch, width: wide, height }, select, at));
  const end = sum + 40 + (trunk.length - 1) * (height + 22);
  return frame(
    width,
    end + 34,
    `${block.name}: ${block.why}`,
    ...title(block),
    shortcutLine(block, path),
    arrowDown(middle, begin - 18, 40),
    ...column(shortcut, left, Math.min(140, width * 0.4), from),
    ...column(residual, middle, wide, begin + 24),
    side.length > 0 && bypass(right + 9, middle, begin + 24 + (main.length - 1) * pitch - 22, begin + 24 + (residual.length - 1) * pitch),
    ...after,
    trunk.length > 1 && arrowDown(middle, sum + 42, 18),
    arrowDown(middle, end + 4, 26),
  );
}

/** How many steps of the residual branch the shortcut has behind it, too: in pre-activation, norm and activation. @param {Block} block @param {Operation[]} residual */
function sharedSteps(block, residual) {
  return block.activated ? residual.findIndex((one) => one.kind === "conv") : 0;
}

/**
 * Attention's side path below the branch: it leaves before the product, and its weights come up into it.
 * @param {Operation[]} side
 * @param {number} to where the product begins
 * @param {{ pitch: number, gap: number, line: number, y: number, height: number }} layout
 * @param {Select} select
 * @param {string} at
 */
function sideAcross(side, to, { pitch, gap, line, y, height }, select, at) {
  if (side.length === 0) return [];
  const [start, leave, middle] = [to - side.length * pitch, to - gap / 2 - 1, y + height / 2];
  const [end, top] = [to + 20, line + 23];
  return [
    svg("path", { class: "arrow side", d: `M ${leave} ${line} V ${y - 12} H ${start - 12} V ${middle} H ${start - 3}` }),
    ...side.flatMap((one, index) => [
      drawStep(one, { x: start + index * pitch, y, width: pitch - gap, height }, select, at),
      index < side.length - 1 && arrow(start + (index + 1) * pitch - gap + 1, middle, gap - 3),
    ]),
    svg("path", { class: "arrow side", d: `M ${to - gap + 1} ${middle} H ${end} V ${top} M ${end - 4} ${top + 6} L ${end} ${top} L ${end + 4} ${top + 6}` }),
  ];
}

/** Beside attention's side path, drawn downwards: the maps themselves, on their way to the product. @param {number} x @param {number} middle @param {number} from @param {number} to */
function bypass(x, middle, from, to) {
  return svg("path", { class: "arrow side", d: `M ${middle} ${from} H ${x} V ${to - 3} M ${x - 4} ${to - 9} L ${x} ${to - 3} L ${x + 4} ${to - 9}` });
}

/** @param {Block} block */
function title(block) {
  const last = activationName(block.operations.at(-1)?.kind ?? "");
  const sum = block.shortcut === "none" ? say.views.residual : say.views.sum;
  const formula = last ? `${last}(${sum})` : sum;
  const reads = block.shortcut === "none" ? "" : block.activated ? say.views.reads.activated : last ? "" : say.views.reads.plain;
  return [
    svg("text", { class: "strong", x: 4, y: 22 }, `${block.name}: ${formula}`),
    svg("text", { class: "muted", x: 4, y: 44 }, `${say.views.shortcut(block.look.label)}${reads}`),
  ];
}

/**
 * @param {Block} block
 * @param {string} path
 */
function shortcutLine(block, path) {
  if (block.shortcut === "none") return null;
  return svg("g", { class: "shortcut", "data-kind": block.shortcut, "data-block": block.name }, svg("path", { d: path, ...strokeOf(block.look) }));
}

/**
 * A stage without blocks: its operations in lines.
 * @param {Stage} stage
 * @param {string} at
 * @param {number} width
 * @param {Select} select
 */
export function drawLine(stage, at, width, select) {
  const { operations } = stage;
  const height = stepHeight(operations);
  const perLine = Math.max(2, Math.min(operations.length, Math.floor(width / 122)));
  const pitch = Math.min(190, (width - 8) / perLine);
  const parts = operations.flatMap((one, index) => {
    const [x, y] = [4 + (index % perLine) * pitch, 62 + Math.floor(index / perLine) * (height + 44)];
    return [
      drawStep(one, { x, y, width: pitch - 22, height }, select, at),
      svg("text", { class: "muted small", x: x + (pitch - 22) / 2, y: y + height + 17, "text-anchor": "middle" }, dims(one.output)),
      index < operations.length - 1 && arrow(x + pitch - 20, y + height / 2, 17),
    ];
  });
  const [first, last] = [operations[0], operations[operations.length - 1]];
  return frame(
    width,
    62 + Math.ceil(operations.length / perLine) * (height + 44) - 14,
    say.views.stageOperations(say.operations.stage(stage.label)),
    svg("text", { class: "strong", x: 4, y: 22 }, say.operations.stage(stage.label)),
    svg("text", { class: "muted", x: 4, y: 44 }, `${dims(first.input)} → ${dims(last.output)}`),
    ...parts,
  );
}
