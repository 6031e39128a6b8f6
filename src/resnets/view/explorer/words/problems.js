// Why a spec is no network, in one line that names the values.

/** @typedef {readonly number[]} Counts */

/** @param {number} value */
function grouped(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** @param {Counts} values */
function tuple(values) {
  return `(${values.join(", ")}${values.length === 1 ? "," : ""})`;
}

export const PROBLEMS_EN = {
  stages: (/** @type {Counts} */ depths, /** @type {Counts} */ widths) => `depths = ${tuple(depths)} and widths = ${tuple(widths)}: a network needs one width for each stage`,
  groupWidth: (/** @type {number} */ groups, /** @type {number} */ groupWidth, /** @type {number} */ width) =>
    `groups = ${groups}, group_width = ${groupWidth} at width ${width}: a group would have ${width} * ${groupWidth} / 64 = ${grouped((width * groupWidth) / 64)} channels; it must be whole`,
  startless: 'shortcut = "none" with zero_last_norm = true: without shortcuts every block would start at zero, and nothing would be learnt; use zero_last_norm = false',
  leavesOut: (/** @type {string} */ shortcut) =>
    `antialias = "max" with shortcut = "${shortcut}": its pools leave a last odd row out, which that shortcut keeps; use shortcut = "pooled-projection"`,
  shrinks: (/** @type {number} */ before, /** @type {number} */ after) =>
    `shortcut = "pad" where channels shrink from ${before} to ${after}: padding only adds channels; use shortcut = "projection"`,
  blocks: (/** @type {Counts} */ depths, /** @type {number} */ count, /** @type {number} */ most) => `depths = ${tuple(depths)}: ${grouped(count)} blocks; at most ${grouped(most)} together`,
  wide: (/** @type {number} */ groups, /** @type {number} */ groupWidth, /** @type {number} */ channels, /** @type {number} */ most) =>
    `groups = ${groups}, group_width = ${groupWidth}: ${grouped(channels)} channels in a block; at most ${grouped(most)}`,
  groups: (/** @type {number} */ groups, /** @type {number} */ divisor, /** @type {string} */ block, /** @type {number} */ channels) =>
    `groups = ${groups}, reduce_first = ${divisor} with block = "${block}": ${channels} channels cannot be parted into ${groups} groups`,
  norm: (/** @type {number} */ channels, /** @type {number} */ groups) => `norm = "group": ${channels} channels cannot be parted into ${groups} groups; use widths that can`,
  weights: (/** @type {Counts} */ depths, /** @type {Counts} */ widths, /** @type {number} */ weights, /** @type {number} */ most) =>
    `depths = ${tuple(depths)}, widths = ${tuple(widths)}: ${grouped(weights)} weights; at most ${grouped(most)}, so make it narrower or shallower`,
};

/** @type {typeof PROBLEMS_EN} */
export const PROBLEMS_ZH = {
  stages: (depths, widths) => `depths = ${tuple(depths)}，widths = ${tuple(widths)}：每个阶段需要一个宽度`,
  groupWidth: (groups, groupWidth, width) =>
    `groups = ${groups}，group_width = ${groupWidth}，宽度 ${width}：每组会有 ${width} * ${groupWidth} / 64 = ${grouped((width * groupWidth) / 64)} 个通道；必须是整数`,
  startless: 'shortcut = "none"，而 zero_last_norm = true：没有捷径，每个块都会从零开始，什么也学不到；请用 zero_last_norm = false',
  leavesOut: (shortcut) => `antialias = "max"，而 shortcut = "${shortcut}"：最大池化会舍去末尾的奇数行，而这种捷径会保留它；请用 shortcut = "pooled-projection"`,
  shrinks: (before, after) => `shortcut = "pad"，而通道从 ${before} 减少到 ${after}：补零只能增加通道；请用 shortcut = "projection"`,
  blocks: (depths, count, most) => `depths = ${tuple(depths)}：共 ${grouped(count)} 个块；最多 ${grouped(most)} 个`,
  wide: (groups, groupWidth, channels, most) => `groups = ${groups}，group_width = ${groupWidth}：块内有 ${grouped(channels)} 个通道；最多 ${grouped(most)} 个`,
  groups: (groups, divisor, block, channels) => `groups = ${groups}，reduce_first = ${divisor}，block = "${block}"：${channels} 个通道无法分成 ${groups} 组`,
  norm: (channels, groups) => `norm = "group"：${channels} 个通道无法分成 ${groups} 组；请换用能整除的宽度`,
  weights: (depths, widths, weights, most) => `depths = ${tuple(depths)}，widths = ${tuple(widths)}：${grouped(weights)} 个权重；最多 ${grouped(most)} 个，请减小宽度或深度`,
};
