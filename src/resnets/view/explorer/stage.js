// One stage: its blocks in a row, each with its windows, its shortcut and the volume it makes.

import { dims, short, svg } from "./dom.js";
import { caption } from "./kinds.js";
import { arc, arrow, frame, legend } from "./pictures.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Stage} Stage */
/** @typedef {import("./data.js").Block} Block */
/** @typedef {import("./pictures.js").Select} Select */

export const MANY = 48; // blocks, above which a stage is drawn as it is in the whole network, to stay quick
const LINE = 16;

/**
 * @param {Stage} stage
 * @param {number} width
 * @param {Select} select
 */
export function drawStage(stage, width, select) {
  const windows = stage.blocks.map((block) => block.operations.filter((one) => one.branch === "residual" && !one.ofAttention && /conv|pool|blur|scale/.test(one.kind)));
  const grouped = windows.flat().some((one) => one.groups > 1);
  const lines = Math.max(...windows.map((row) => row.length));
  const perLine = Math.max(1, Math.min(stage.blocks.length, Math.floor((width + 16) / (grouped ? 212 : 152))));
  const pitch = Math.min(grouped ? 250 : 220, (width - 8 + 26) / perLine);
  const cell = { width: pitch - 26, height: 34 + LINE * lines };
  const [top, step] = [98, cell.height + 66];
  const cells = stage.blocks.flatMap((block, index) => {
    const [x, y] = [4 + (index % perLine) * pitch, top + Math.floor(index / perLine) * step];
    const between = index < stage.blocks.length - 1 && index % perLine < perLine - 1;
    return [drawWhole(block, windows[index], { x, y, ...cell }, select), between && arrow(x + cell.width + 3, y + cell.height / 2, 20)];
  });
  const bottom = top + Math.ceil(stage.blocks.length / perLine) * step - 34;
  const key = legend([...new Set(stage.blocks.map((block) => block.look))], bottom + 22, width);
  return frame(
    width,
    bottom + 12 + key.height,
    say.views.stageBlocks(say.operations.stage(stage.label), stage.blocks.length),
    svg("text", { class: "strong", x: 4, y: 22 }, say.operations.stage(stage.label)),
    svg("text", { class: "muted", x: 4, y: 44 }, `${dims(stage.operations[0].input)} → ${dims(stage.output)}; ${say.views.counted(short(stage.macs), "MACs")}`),
    ...cells,
    key.drawn,
  );
}

/**
 * A block with the windows of its residual branch, under its shortcut.
 * @param {Block} block
 * @param {import("./data.js").Operation[]} windows
 * @param {import("./pictures.js").Place} place
 * @param {Select} select
 */
function drawWhole(block, windows, { x, y, width, height }, select) {
  const middle = x + width / 2;
  const last = block.operations[block.operations.length - 1];
  return svg(
    "g",
    {
      class: "cell", role: "button", tabindex: -1, "data-at": block.name, "aria-label": `${block.name}, ${block.look.label}`,
      click: () => select(block.name),
    },
    arc(block, x + 8, y, width - 16, 30),
    svg("rect", { x, y, width, height, rx: 4 }),
    svg("text", { class: "strong", x: middle, y: y + 20, "text-anchor": "middle" }, block.name),
    ...windows.map((one, index) =>
      svg("text", { class: "small", x: middle, y: y + 38 + LINE * index, "text-anchor": "middle" }, one.kind === "scale" ? say.operations.attentionWeights : caption(one).replace(say.operations.conv(""), ""))),
    svg("text", { class: "muted small", x: middle, y: y + height + 17, "text-anchor": "middle" }, dims(last.output)),
  );
}
