// One residual network as a picture: its volumes, its blocks with their shortcuts, and what is inside a block. The
// document is byte for byte the one that Python's diagram/drawing.py writes, in English.

import { columnInside, columnsOf, compact } from "./columns.js";
import { INSIDE, drawnInside } from "./detail.js";
import { drawnLegend, legendHeight } from "./legend.js";
import { slab, target, traced, written, writtenOnTwo } from "./marks.js";
import { BOX_COLUMN, drawnBetween } from "./operations.js";
import { DIAGRAM_SCOPE, diagramStyle } from "./palette.js";
import { coordinate, crc32, fittedText, plainText, widthOfText, xml } from "./text.js";
import { ABOVE_TRUNK, BELOW_TRUNK, arcLabel, cellEdges, drawnRuns, runsOf, trunkCell } from "./trunk.js";
import { SLOPE, edgesOf, extentOf, scalesOf, sizeLabel, standingBox } from "./volumes.js";
import { headWords } from "../structure/parts.js";
import { ruleOf } from "../structure/shortcuts.js";
import { sumOf } from "../structure/spec.js";
import { say } from "../words.js";

/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Shape} Shape */
/** @typedef {import("./columns.js").Column} Column */
/** @typedef {import("./columns.js").ColumnVolume} ColumnVolume */
/**
 * @typedef {{ width: number, height: number, slots: [left: number, width: number][], scales: import("./volumes.js").Scales,
 *   ground: number, axis: number, card: number, note: number, bottom: number }} Sheet where everything goes
 * ground: on which the volumes stand; axis: of the trunk; card: the top of the cards; note: the first line of the notes on them
 */

const [LEAST_WIDTH, LEAST_HEIGHT] = [1600, 900]; // a network of many stages, or of a deep stem, takes more
const [MARGIN, GUTTER] = [24, 10];
const [STAGE_WIDTH, HEAD_WIDTH, VOLUME_WIDTH] = [258, 182, 72]; // at least: a stage's column, the head's, a stem's volume
const [LONGEST_CHANNELS, SHORTEST_PIXELS, LONGEST_PIXELS] = [140, 96, 170];
const [TOP, TITLES, LABELS, FUNNEL] = [88, 54, 58, 18]; // heights
const VOLUME_GAP = 8; // at least, between volumes side by side
const SHELF = 66; // between volumes above each other

/** An SVG document that shows a network. @param {Network} network */
export function diagramOf(network) {
  const columns = columnsOf(network);
  const sheet = sheetFor(network, columns);
  const slots = columns.map((column, place) => ({ column, x: sheet.slots[place][0], width: sheet.slots[place][1] }));
  return documentOf(network, sheet, [
    slab(0, 0, sheet.width, sheet.height, { fill: "paper" }, 0),
    ...headerOf(network, sheet),
    ...slots.map(({ column, x, width }) => bandOf(column, x, width, sheet)),
    trunkLine(sheet),
    ...slots.flatMap(({ column, x, width }) => [
      ...columnVolumes(column, x, width, sheet),
      ...columnBlocks(column, x, width, sheet),
      ...cardOf(column, x, width, sheet),
    ]),
    ...drawnLegend(network, sheet.scales, MARGIN, sheet.bottom + 14, sheet.width - 2 * MARGIN),
  ]);
}

/** @param {Network} network @param {Column[]} columns @returns {Sheet} */
function sheetFor(network, columns) {
  const [stages, gutters] = [columns.length - 2, GUTTER * (columns.length - 1)];
  const stem = Math.max(240, VOLUME_WIDTH * columns[0].volumes.length);
  const width = Math.max(LEAST_WIDTH, 2 * MARGIN + stem + stages * STAGE_WIDTH + HEAD_WIDTH + gutters);
  const stage = (width - 2 * MARGIN - stem - HEAD_WIDTH - gutters) / stages;
  let x = MARGIN;
  const slots = columns.map((_, place) => {
    const wide = place === 0 ? stem : place === columns.length - 1 ? HEAD_WIDTH : stage;
    /** @type {[number, number]} */
    const slot = [x, wide];
    x += wide + GUTTER;
    return slot;
  });
  const note = 24 + Math.max(...columns.filter((column) => column.detail).map(columnInside)) + 20; // below the card's top
  const lines = Math.max(2, ...columns.map((column) => column.notes.length));
  const card = Math.max(24 + Math.max(...columns.map(columnInside)), note + 16 * lines - 12);
  const key = 14 + legendHeight(network.spec) + 12;
  const below = LABELS + ABOVE_TRUNK + BELOW_TRUNK + FUNNEL + card + 10 + key;
  const deep = 1 + SLOPE;
  const pixels = Math.min(Math.max((LEAST_HEIGHT - TOP - TITLES - below) / deep, SHORTEST_PIXELS), LONGEST_PIXELS);
  const ground = TOP + TITLES + pixels * deep;
  const axis = ground + LABELS + ABOVE_TRUNK;
  const height = Math.max(LEAST_HEIGHT, ground + below);
  return {
    width, height, slots, ground, axis, scales: fittingScales(network, columns[0], stem, pixels),
    card: axis + BELOW_TRUNK + FUNNEL, note: axis + BELOW_TRUNK + FUNNEL + note, bottom: height - key,
  };
}

/** The scales on which the volumes of the stem fit side by side. @param {Network} network @param {Column} stem @param {number} width @param {number} pixels */
function fittingScales(network, stem, width, pixels) {
  const scales = scalesOf(network, LONGEST_CHANNELS, pixels);
  const edges = stem.volumes.map(({ shape }) => edgesOf(scales, shape));
  const room = width - VOLUME_GAP * (edges.length + 1) - SLOPE * sumOf(edges.map(([, , back]) => back));
  const fitting = (LONGEST_CHANNELS * room) / sumOf(edges.map(([right]) => right));
  return scalesOf(network, Math.min(LONGEST_CHANNELS, fitting), pixels);
}

/** @param {Network} network @param {Sheet} sheet */
function headerOf(network, sheet) {
  const { totals } = say.diagram;
  const values = [[compact(network.parameters), totals.parameters], [compact(network.macs), totals.macs], [String(network.depth), totals.depth]];
  const left = sheet.width - MARGIN - 164 * values.length;
  const within = left - MARGIN - 30;
  return [
    written(MARGIN, 47, network.name, { size: 36, bold: true, within, smallest: 18 }),
    written(MARGIN, 73, summaryOf(network), { size: 15, fill: "muted", within, smallest: 11 }),
    ...values.flatMap(([value, label], place) => {
      const x = left + 164 * (place + 1);
      return [
        written(x, 47, value, { size: 26, bold: true, anchor: "end", within: 150 }),
        written(x, 73, label, { size: 15, fill: "muted", anchor: "end" }),
      ];
    }),
  ];
}

/** @param {Network} network */
function summaryOf({ spec, imageSize: [height, width] }) {
  const counts = (spec.depths.length < 9 ? spec.depths : [sumOf(spec.depths)]).join(" + ");
  return say.diagram.summary(counts, sumOf(spec.depths), spec.block, ruleOf(spec.shortcut), `${spec.in_channels} × ${height} × ${width}`);
}

/** @param {Sheet} sheet */
function trunkLine({ slots, axis }) {
  const [last, width] = slots[slots.length - 1];
  const end = last + width - 4;
  return traced(["M", slots[0][0] + 10, axis, "H", end - 5], { stroke: "line" }, 2) + traced(["M", end, axis, "l -9 -5 v 10 z"], { fill: "line" });
}

/** The ground of a column, and its titles. @param {Column} column @param {number} x @param {number} width @param {Sheet} sheet */
function bandOf({ at, title, subtitle }, x, width, { bottom }) {
  return target(
    at,
    slab(x, TOP, width, bottom - TOP, { fill: "band" }, 8),
    written(x + 14, TOP + 27, title, { size: 19, bold: true, within: width - 28 }),
    written(x + 14, TOP + 46, subtitle, { fill: "muted", within: width - 28 }),
  );
}

/** Side by side on the ground, each with its size below: on one line where there is room for it. @param {Column} column @param {number} x @param {number} width @param {Sheet} sheet */
function columnVolumes(column, x, width, sheet) {
  const { volumes, stacked } = column;
  const [ground, middle] = [sheet.ground, x + width / 2];
  const shelf = traced(["M", x + 12, ground, "h", width - 24], { stroke: "rule" }, 1.5);
  if (volumes.length === 1) {
    const [{ shape, of }] = volumes;
    const label = written(middle, ground + 25, sizeLabel(shape), { size: 16, bold: true, anchor: "middle", within: width - 24 });
    return [shelf, target(of, standingBox(shape, middle, ground, sheet.scales), label)];
  }
  return [shelf, ...(stacked ? volumes.toReversed().map((volume, place) => onShelf(volume, middle, ground - SHELF * place, width, sheet)) : sideBySide(volumes, x, width, sheet))];
}

/** @param {ColumnVolume} volume @param {number} middle @param {number} ground @param {number} width @param {Sheet} sheet */
function onShelf({ name, shape, of }, middle, ground, width, { scales }) {
  return target(
    of,
    standingBox(shape, middle, ground, scales),
    written(middle, ground + 19, sizeLabel(shape), { size: 12.5, anchor: "middle", within: width - 24 }),
    written(middle, ground + 36, name, { size: 12.5, fill: "muted", anchor: "middle" }),
  );
}

/** @param {ColumnVolume[]} volumes @param {number} x @param {number} width @param {Sheet} sheet */
function sideBySide(volumes, x, width, { ground, scales }) {
  const labels = volumes.map(({ shape: [depth, height, wide] }) => /** @type {[string, string]} */ ([`${depth} ×`, `${height} × ${wide}`]));
  const room = width / labels.length - VOLUME_GAP;
  const size = Math.min(...labels.flat().map((line) => fittedText(line, 12.5, room)[1]));
  const taken = volumes.map(({ shape }, place) => Math.max(extentOf(scales, shape), ...labels[place].map((line) => widthOfText(line, size))));
  const gap = (width - sumOf(taken)) / (taken.length + 1);
  let end = x;
  return volumes.map(({ name, shape, of }, place) => {
    end += gap + taken[place];
    const middle = end - taken[place] / 2;
    return target(
      of,
      standingBox(shape, middle, ground, scales),
      writtenOnTwo(middle, ground + 18, labels[place], size),
      written(middle, ground + 52, name, { size: 12.5, fill: "muted", anchor: "middle" }),
    );
  });
}

/** The column's part of the trunk, and two lines that lead from its first cell to the card. @param {Column} column @param {number} x @param {number} width @param {Sheet} sheet */
function columnBlocks({ runs, cell }, x, width, { axis, card }) {
  const wide = Math.min(116, width - 48);
  const [left, right] = runs.length > 0 ? cellEdges(0, runs.length, x, width) : [x + (width - wide) / 2, x + (width + wide) / 2];
  const y = axis + 22;
  return [
    traced(["M", left + 3, y, "L", x + 4, card, "M", right - 3, y, "L", x + width - 4, card], { stroke: "rule" }),
    ...(runs.length > 0 ? drawnRuns(runs, x, axis, width) : [trunkCell(left, axis, wide, cell)]),
  ];
}

/** The column's operations; below them, how the blocks that are not drawn differ. @param {Column} column @param {number} x @param {number} width @param {Sheet} sheet */
function cardOf({ inside, detail, boxes, notes }, x, width, { card, note, bottom }) {
  const wide = detail ? INSIDE : BOX_COLUMN;
  const [left, y] = [x + (width - wide) / 2, card + 24];
  return [
    slab(x + 4, card, width - 8, bottom - card - 4, { fill: "card" }, 6),
    target(detail ? inside : null, written(left, card + 19, say.diagram.inside(inside), { bold: true })),
    detail ? drawnInside(detail, left, y) : drawnBetween(boxes, left, y),
    ...notes.map((words, row) => written(left, note + 16 * row, words, { size: 12, fill: "muted", within: wide + 6 })),
  ];
}

/** @param {Network} network @param {Sheet} sheet @param {string[]} parts */
function documentOf(network, { width, height }, parts) {
  const [said, told] = [plainText(say.diagram.title(network.name)), plainText(descriptionOf(network))];
  const digest = crc32([said, told, ...parts].join(""));
  const [title, description] = [`${DIAGRAM_SCOPE}-${digest}-title`, `${DIAGRAM_SCOPE}-${digest}-description`];
  return `${xml(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}`, width: "100%", class: DIAGRAM_SCOPE,
      role: "img", "aria-labelledby": `${title} ${description}`, "font-family": "system-ui, sans-serif",
    },
    "\n", xml("title", { id: title }, said), xml("desc", { id: description }, told), xml("style", {}, "\n", diagramStyle(), "\n"), "\n",
    parts.join("\n"), "\n",
  )}\n`;
}

/** The diagram in words, for those who cannot see it. @param {Network} network */
function descriptionOf(network) {
  const words = say.diagram;
  return [
    words.told(network.name, summaryOf(network), network.parameters.toLocaleString("en-US"), network.macs.toLocaleString("en-US")),
    ...network.parts.map(([name, value]) => words.toldPart(name, value)),
    ...runsOf(network).map((runs, place) => {
      const { operations } = runs[0].first.stage;
      const shortcuts = runs.map((run) => `${run.repeats} × ${arcLabel(run.first)}`).join(words.then);
      return words.toldStage(place + 1, sizeLabel(operations[operations.length - 1].output), shortcuts);
    }),
    words.toldHead(headWords(network.spec)),
  ].join(words.space);
}
