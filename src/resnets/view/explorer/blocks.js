// The canvas, as blocks: the whole network, a stage, or one block with its operations, by what is selected.

import { dims, short, svg } from "./dom.js";
import { SHORTCUTS, arc, arrow, box, caption, spoken } from "./pictures.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./data.js").Operation} Operation */
/** @typedef {(name: string) => void} Select */

const WIDTH = 960; // of every drawing, in user units
const LEFT = 244; // where the blocks of a stage begin

/**
 * @param {Network} network
 * @param {string} at the selected stage, block or operation
 * @param {Select} select
 * @returns {SVGElement}
 */
export function drawBlocks(network, at, select) {
  const chosen = network.byName.get(at);
  if (chosen && "kind" in chosen) return chosen.block ? drawBlock(chosen.block, at, select) : drawLine(chosen.stage, at, select);
  if (chosen && "shortcut" in chosen) return drawBlock(chosen, at, select);
  if (chosen && chosen.blocks.length === 0) return drawLine(chosen, at, select);
  return drawStages(network, chosen ? [chosen] : network.stages, select);
}

/**
 * A row for each stage: its output volume, and its blocks with their shortcuts.
 * @param {Network} network
 * @param {Stage[]} stages
 * @param {Select} select
 */
function drawStages(network, stages, select) {
  const channels = Math.max(...network.stages.map((stage) => stage.output[0]));
  const pixels = Math.max(...network.stages.map((stage) => stage.output[1]));
  const most = Math.max(...stages.map((stage) => stage.blocks.length));
  const pitch = Math.max(most > 60 ? 34 : 38, Math.min(110, Math.floor((WIDTH - LEFT) / Math.max(6, most))));
  const perRow = Math.floor((WIDTH - LEFT) / pitch);
  const rows = [];
  let y = 0;
  for (const stage of stages) {
    const lines = Math.max(1, Math.ceil(stage.blocks.length / perRow));
    const height = Math.max(104, lines * 62 + 36);
    rows.push(drawStage(stage, y, height, { pitch, perRow, channels, pixels }, select));
    y += height;
  }
  return frame(y + 34, `${network.name}: ${stages.map((stage) => stage.label).join(", ")}`, ...rows, legend(network, y + 22));
}

/**
 * @param {Stage} stage
 * @param {number} y
 * @param {number} height
 * @param {{ pitch: number, perRow: number, channels: number, pixels: number }} layout
 * @param {Select} select
 */
function drawStage(stage, y, height, layout, select) {
  const { pitch, perRow, channels, pixels } = layout;
  const cells = stage.blocks.map((block, index) => {
    const x = LEFT + (index % perRow) * pitch;
    const top = y + 42 + Math.floor(index / perRow) * 62;
    return drawCell(block, x, top, pitch, select);
  });
  const inside = stage.blocks.length > 0 ? cells : stage.operations.map((one, index) => drawStep(one, LEFT + index * 128, y + 34, 116, select));
  return svg(
    "g",
    { class: "stage" },
    y > 0 && svg("line", { class: "rule", x1: 0, x2: WIDTH, y1: y, y2: y }),
    svg("text", { class: "strong", x: 8, y: y + 30 }, stage.label),
    svg("text", { class: "muted", x: 8, y: y + 50 }, dims(stage.output)),
    svg("text", { class: "muted", x: 8, y: y + 68 }, `${short(stage.parameters)} parameters`),
    svg("text", { class: "muted", x: 8, y: y + 86 }, `${short(stage.macs)} MACs`),
    box(168, y + Math.min(92, height - 12), stage.output, { scale: "log", channels, pixels, room: 44, kind: "plain" }),
    ...inside,
  );
}

/**
 * A block as a cell on the trunk, under its shortcut.
 * @param {Block} block
 * @param {number} x
 * @param {number} y
 * @param {number} pitch
 * @param {Select} select
 */
function drawCell(block, x, y, pitch, select) {
  const width = pitch - 10;
  const { label } = SHORTCUTS[block.shortcut];
  return svg(
    "g",
    {
      class: "cell", role: "button", tabindex: -1, "data-at": block.name, "aria-label": `${block.name}, ${label}`,
      click: () => select(block.name),
    },
    arc(block, x, y, width, 22),
    svg("rect", { x, y, width, height: 26, rx: 3 }),
    svg("text", { x: x + width / 2, y: y + 17, "text-anchor": "middle" }, pitch > 46 ? block.name.replace("layer", "") : `${block.index}`),
  );
}

/**
 * One operation as a step on the trunk.
 * @param {Operation} one
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {Select} select
 * @param {string} [at]
 */
function drawStep(one, x, y, width, select, at = "") {
  const [first, ...rest] = caption(one).split(", ");
  return svg(
    "g",
    {
      class: `cell step ${one.kind}`, role: "button", tabindex: -1, "data-at": one.name, "aria-label": spoken(one),
      "aria-current": one.name === at ? "true" : null, click: (/** @type {Event} */ event) => {
        event.stopPropagation();
        select(one.name);
      },
    },
    svg("rect", { x, y, width, height: 46, rx: 3 }),
    svg("text", { x: x + width / 2, y: y + (rest.length > 0 ? 20 : 28), "text-anchor": "middle" }, first),
    rest.length > 0 && svg("text", { class: "small", x: x + width / 2, y: y + 36, "text-anchor": "middle" }, rest.join(", ")),
  );
}

/**
 * A stage without blocks: its operations in a line.
 * @param {Stage} stage
 * @param {string} at
 * @param {Select} select
 */
function drawLine(stage, at, select) {
  const pitch = Math.min(190, (WIDTH - 20) / stage.operations.length);
  const parts = stage.operations.flatMap((one, index) => {
    const x = 10 + index * pitch;
    const step = drawStep(one, x, 60, pitch - 22, select, at);
    const shape = svg("text", { class: "muted small", x: x + (pitch - 22) / 2, y: 128, "text-anchor": "middle" }, dims(one.output));
    return index > 0 ? [arrow(x - 20, 83, 18), step, shape] : [step, shape];
  });
  return frame(170, `the operations of the ${stage.label}`, svg("text", { class: "strong", x: 10, y: 30 }, stage.label), ...parts);
}

/**
 * One block: the residual branch below, the shortcut above, their sum to the right.
 * @param {Block} block
 * @param {string} at
 * @param {Select} select
 */
function drawBlock(block, at, select) {
  const of = (/** @type {string} */ branch) => block.operations.filter((one) => one.branch === branch);
  const residual = of("residual");
  const shortcut = of("shortcut");
  const trunk = of("trunk");
  const pitch = Math.min(118, (WIDTH - 250) / residual.length);
  const row = (/** @type {Operation[]} */ steps, /** @type {number} */ y, /** @type {number} */ from) =>
    steps.flatMap((one, index) => [
      drawStep(one, from + index * pitch, y, pitch - 18, select, at),
      svg("text", { class: "muted small", x: from + index * pitch + (pitch - 18) / 2, y: y + 62, "text-anchor": "middle" }, dims(one.output)),
      arrow(from + (index + 1) * pitch - 17, y + 23, 14),
    ]);
  const begin = 40;
  const end = begin + residual.length * pitch;
  const { dash, label } = SHORTCUTS[block.shortcut];
  const middle = shortcut.length > 0 ? begin + (residual.length - shortcut.length) * 0.5 * pitch : begin;
  const after = trunk.flatMap((one, index) => [
    drawStep(one, end + index * 96, 190, 76, select, at),
    index === 0 ? arrow(end + 77, 213, 18) : arrow(end + 96 + 77, 213, 24),
  ]);
  const from = shortcut.length > 0 ? middle - 4 : end + 38;
  const back = shortcut.length > 0 ? svg("path", { d: `M ${middle + shortcut.length * pitch - 3} 105 H ${end + 38} V 188`, "stroke-dasharray": dash || null }) : null;
  return frame(
    330,
    `${block.name}: ${block.why}`,
    svg("text", { class: "strong", x: 10, y: 26 }, `${block.name}: ReLU(residual + shortcut)`),
    svg("text", { class: "muted", x: 10, y: 46 }, `shortcut: ${label}`),
    arrow(4, 213, begin - 8),
    svg("g", { class: "shortcut", "data-kind": block.shortcut, "data-block": block.name },
      svg("path", { d: `M 18 213 V 105 H ${from}${shortcut.length > 0 ? "" : " V 188"}`, "stroke-dasharray": dash || null }), back),
    ...row(shortcut, 82, middle),
    ...row(residual, 190, begin),
    ...after,
    svg("text", { class: "muted", x: 10, y: 304 }, block.why),
  );
}

/**
 * @param {Network} network
 * @param {number} y
 */
function legend(network, y) {
  const kinds = [...new Set(network.blocks.map((block) => block.shortcut))];
  return svg(
    "g",
    { class: "legend" },
    ...kinds.map((kind, index) =>
      svg("g", { class: "key" },
        svg("line", { x1: 10 + index * 235, x2: 46 + index * 235, y1: y - 4, y2: y - 4, "stroke-dasharray": SHORTCUTS[kind].dash || null }),
        svg("text", { x: 54 + index * 235, y }, `${SHORTCUTS[kind].label} shortcut`))),
  );
}

/**
 * @param {number} height
 * @param {string} label
 * @param {...(SVGElement | null | false)} children
 */
function frame(height, label, ...children) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": label, class: "drawing" }, ...children);
}
