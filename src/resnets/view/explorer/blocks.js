// The canvas, as blocks: the whole network, a stage, or one block with its operations, by what is selected.

import { drawBlock, drawLine } from "./block.js";
import { dims, short, svg } from "./dom.js";
import { drawOpening, hasRoomForDiagram } from "./opening.js";
import { arc, box, drawStep, frame, legend, stepHeight } from "./pictures.js";
import { MANY, drawStage } from "./stage.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./pictures.js").Select} Select */

/**
 * @param {Network} network
 * @param {string} at the selected stage, block or operation
 * @param {number} width of the drawing in pixels
 * @param {Select} select
 * @returns {SVGElement}
 */
export function drawBlocks(network, at, width, select) {
  const chosen = network.byName.get(at);
  if (!chosen && hasRoomForDiagram()) return drawOpening(network, at, select);
  if (!chosen) return drawStages(network, network.stages, width, select);
  if ("kind" in chosen) return chosen.block ? drawBlock(chosen.block, at, width, select) : drawLine(chosen.stage, at, width, select);
  if ("shortcut" in chosen) return drawBlock(chosen, at, width, select);
  if (chosen.blocks.length === 0) return drawLine(chosen, at, width, select);
  return chosen.blocks.length > MANY ? drawStages(network, [chosen], width, select) : drawStage(chosen, width, select);
}

/**
 * @typedef {{ width: number, left: number, top: number, pitch: number, perLine: number, channels: number, pixels: number }} Layout
 * left and top: where the blocks of a stage begin, beside its numbers or, where the drawing is narrow, beneath them
 */

/**
 * A row for each stage: its output volume, and its blocks with their shortcuts.
 * @param {Network} network
 * @param {Stage[]} stages
 * @param {number} width
 * @param {Select} select
 */
function drawStages(network, stages, width, select) {
  const [left, top] = width < 620 ? [4, 104] : [250, 44];
  const most = Math.max(...stages.map((stage) => stage.blocks.length));
  const pitch = Math.max(most > 60 ? 34 : 40, Math.min(110, Math.floor((width - left) / Math.max(width < 620 ? 4 : 6, most))));
  const layout = {
    width, left, top, pitch, perLine: Math.floor((width - left) / pitch),
    channels: Math.max(...network.stages.map((stage) => stage.output[0])),
    pixels: Math.max(...network.stages.map((stage) => stage.output[1])),
  };
  const rows = [];
  let y = 0;
  for (const stage of stages) {
    const { drawn, height } = drawRow(stage, y, layout, select);
    rows.push(drawn);
    y += height;
  }
  const key = legend([...new Set(network.blocks.map((block) => block.look))], y + 24, width);
  return frame(width, y + 12 + key.height, `${network.name}: ${stages.map((stage) => say.operations.stage(stage.label)).join(", ")}`, ...rows, key.drawn);
}

/**
 * @param {Stage} stage
 * @param {number} y
 * @param {Layout} layout
 * @param {Select} select
 */
function drawRow(stage, y, layout, select) {
  const { width, left, top, pitch, perLine, channels, pixels } = layout;
  const step = { width: 106, height: stepHeight(stage.operations.slice(0, 12)) };
  const steps = Math.floor((width - left + 8) / 114);
  const inside = stage.blocks.length > 0
    ? stage.blocks.map((block, index) => drawCell(block, left + (index % perLine) * pitch, y + top + Math.floor(index / perLine) * 62, pitch, select))
    : stage.operations.map((one, index) => {
      const line = Math.floor(index / steps) * (step.height + 10);
      return drawStep(one, { x: left + (index % steps) * 114, y: y + top - 16 + line, ...step }, select);
    });
  const lines = stage.blocks.length > 0 ? Math.ceil(stage.blocks.length / perLine) * 62 - 36 : Math.ceil(stage.operations.length / steps) * (step.height + 10) - 26;
  const height = Math.max(104, top + lines + 22);
  const drawn = svg(
    "g",
    { class: "stage" },
    y > 0 && svg("line", { class: "rule", x1: 0, x2: width, y1: y, y2: y }),
    svg("text", { class: "strong", x: 4, y: y + 26 }, say.operations.stage(stage.label)),
    svg("text", { class: "muted", x: 4, y: y + 46 }, dims(stage.output)),
    svg("text", { class: "muted", x: 4, y: y + 64 }, left > 4 ? say.views.counted(short(stage.parameters), "parameters") : say.page.summary(short(stage.parameters), short(stage.macs))),
    left > 4 && svg("text", { class: "muted", x: 4, y: y + 82 }, say.views.counted(short(stage.macs), "MACs")),
    box(left > 4 ? 172 : width - 74, y + (left > 4 ? Math.min(90, height - 12) : 70), stage.output, { scale: "log", channels, pixels, room: 46, kind: "plain" }),
    ...inside,
  );
  return { drawn, height };
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
  const { label } = block.look;
  return svg(
    "g",
    {
      class: "cell", role: "button", tabindex: -1, "data-at": block.name, "aria-label": `${block.name}, ${label}`,
      click: () => select(block.name),
    },
    arc(block, x, y, width, 22),
    svg("rect", { x, y, width, height: 26, rx: 4 }),
    svg("text", { x: x + width / 2, y: y + 17.5, "text-anchor": "middle" }, pitch > 46 ? block.name.replace("layer", "") : `${block.index}`),
  );
}
