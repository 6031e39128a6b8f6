// spec -> a row per operation, by arithmetic alone, in the order in which they run; counted as Python's structure.py does.

import { Branch, joinedFields } from "./branch.js";
import { blocksOf } from "./spec.js";

/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {import("./spec.js").SpecBlock} SpecBlock */
/** @typedef {import("./branch.js").Row} Row */
/** @typedef {import("./branch.js").Shape} Shape */

/**
 * The operations of a network on images of a size. Numbers are exact below 2^53: weights times pixels of the image.
 * @param {Spec} spec
 * @param {readonly [height: number, width: number]} size
 * @returns {Row[]}
 */
export function operationRows(spec, [height, width]) {
  const rows = stemRows(spec, [spec.in_channels, height, width]);
  for (const block of blocksOf(spec)) rows.push(...blockRows(spec, block, rows[rows.length - 1]));
  rows.push(...headRows(spec, rows[rows.length - 1]));
  return rows;
}

/** @param {Spec} spec @param {Shape} image */
function stemRows(spec, image) {
  const { widths, kernel, stride } = spec.stem;
  const trunk = new Branch(spec, { output: image, field: { size: 1, jump: 1, start: 0 } }, { stage: "stem", block: null, branch: "trunk" });
  const last = widths.length - 1;
  widths.slice(0, last).forEach((width, place) => {
    trunk.conv(`conv1.${3 * place}`, width, kernel, { stride: place === 0 ? stride : 1 });
    trunk.norm(`conv1.${3 * place + 1}`);
    trunk.activation(`conv1.${3 * place + 2}`);
  });
  trunk.conv(last > 0 ? `conv1.${3 * last}` : "conv1", widths[last], kernel, { stride: last > 0 ? 1 : stride });
  trunk.norm("bn1");
  trunk.activation("act1");
  addStemPool(spec, trunk);
  return trunk.rows;
}

/** @param {Spec} spec @param {Branch} trunk */
function addStemPool(spec, trunk) {
  const stride = spec.antialias === "none" ? 2 : 1; // else a layer of its own has it
  const before = trunk.rows.length;
  if (spec.stem.pool === "conv") {
    trunk.conv("maxpool.0", spec.stem.widths[spec.stem.widths.length - 1], 3, { stride });
    trunk.antialias("maxpool.1", 2);
    trunk.largest("maxpool.1", 2);
    const after = trunk.rows.length - before;
    trunk.norm(`maxpool.${after}`);
    trunk.activation(`maxpool.${after + 1}`);
  } else if (spec.stem.pool === "max" && spec.antialias === "average") {
    trunk.avgPool("maxpool");
  } else if (spec.stem.pool === "max") {
    const blurs = spec.antialias === "blur";
    trunk.maxPool(blurs ? "maxpool.0" : "maxpool", blurs ? 1 : 2);
    trunk.antialias("maxpool.1", 2);
  }
}

/** The residual branch, the shortcut, their sum (if there is a shortcut), and its activation unless one came before. @param {Spec} spec @param {SpecBlock} block @param {Row} before */
function blockRows(spec, block, before) {
  const name = `layer${block.stage}.${block.index}`;
  const place = { stage: `stage ${block.stage}`, block: block.index };
  const residual = new Branch(spec, before, { ...place, branch: "residual" });
  addResidual(spec, block, residual, name);
  const shortcut = new Branch(spec, before, { ...place, branch: "shortcut" });
  addShortcut(spec, block, shortcut, `${name}.downsample`);
  const joins = block.shortcut !== "none";
  const trunk = new Branch(spec, { output: residual.shape, field: joins ? joinedFields(residual.field, shortcut.field) : residual.field }, { ...place, branch: "trunk" });
  if (joins) trunk.add(`${name}.add`, "add", residual.shape);
  if (!spec.preactivation) trunk.activation(`${name}.act${spec.block === "basic" ? 2 : 3}`);
  return [...residual.rows, ...shortcut.rows, ...trunk.rows];
}

/** @param {Spec} spec @param {SpecBlock} block @param {Branch} branch @param {string} name */
function addResidual(spec, block, branch, name) {
  const convolutions = residualConvolutions(spec, block);
  const first = block.stage === 1 && block.index === 0; // in pre-activation, the stem has activated its input already
  convolutions.forEach(({ cOut, kernel, ...window }, index) => {
    const [position, last] = [index + 1, index === convolutions.length - 1];
    if (spec.preactivation && !(first && index === 0)) {
      branch.norm(`${name}.bn${position}`);
      branch.activation(`${name}.act${position}`);
    }
    if (last) branch.antialias(`${name}.aa`, block.stride, block.firstDilation !== block.dilation);
    branch.conv(`${name}.conv${position}`, cOut, kernel, { ...window, stride: spec.antialias === "none" ? window.stride : 1 });
    if (index === convolutions.length - 2) branch.largest(`${name}.pool`, block.stride);
    if (!spec.preactivation) {
      branch.norm(`${name}.bn${position}`);
      if (!last) branch.activation(`${name}.act${position}`);
    }
  });
  branch.attention(`${name}.se`);
}

/** @param {Spec} spec @param {SpecBlock} block */
function residualConvolutions(spec, { firstWidth, width, cOut, stride, dilation, firstDilation }) {
  if (spec.block === "basic") {
    return [
      { cOut: width, kernel: 3, stride, groups: spec.groups, dilation: firstDilation },
      { cOut, kernel: 3, stride: 1, groups: 1, dilation },
    ];
  }
  const [first, second] = spec.stride_at === "conv1" ? [stride, 1] : [1, stride];
  return [
    { cOut: firstWidth, kernel: 1, stride: first, groups: 1, dilation: 1 },
    { cOut: width, kernel: 3, stride: second, groups: spec.groups, dilation: firstDilation },
    { cOut, kernel: 1, stride: 1, groups: 1, dilation: 1 },
  ];
}

/** @param {Spec} spec @param {SpecBlock} block @param {Branch} branch @param {string} name */
function addShortcut(spec, block, branch, name) {
  const changes = block.stride > 1 || block.dilation > 1;
  if (block.shortcut === "identity" || block.shortcut === "none") return;
  if (block.shortcut === "pad") {
    branch.pad(name, block.cOut, block.stride);
    return;
  }
  if (block.shortcut === "projection") {
    const kernel = changes ? spec.projection_kernel : 1;
    branch.conv(`${name}.0`, block.cOut, kernel, { stride: block.stride, dilation: kernel > 1 ? block.firstDilation : 1 });
  } else {
    if (changes) branch.avgPool(`${name}.0`, block.stride);
    branch.conv(`${name}.1`, block.cOut, 1);
  }
  if (!spec.preactivation) branch.norm(`${name}.${block.shortcut === "projection" ? 1 : 2}`);
}

/** @param {Spec} spec @param {Row} before */
function headRows(spec, before) {
  const trunk = new Branch(spec, before, { stage: "head", block: null, branch: "trunk" });
  if (spec.preactivation) {
    trunk.norm("norm");
    trunk.activation("act");
  }
  trunk.globalPool("pool");
  if (spec.num_classes) trunk.linear("fc", spec.num_classes);
  return trunk.rows;
}
