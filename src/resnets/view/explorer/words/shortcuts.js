// What shortcuts are called, why a block has the one it has, and what the paper's options do.

/** @param {readonly number[]} shape */
function shapeWords(shape) {
  return shape.join(" × ");
}

/** @param {number} kernel */
function windowName(kernel) {
  return `${kernel}×${kernel}`;
}

/** `64 → 256`, or `stay 64`. @param {number} cIn @param {number} cOut @param {string} stay */
function channelWords(cIn, cOut, stay) {
  return cIn === cOut ? `${stay} ${cIn}` : `${cIn} → ${cOut}`;
}

export const SHORTCUTS_EN = {
  looks: {
    identity: { label: "identity", short: "identity", sign: "", meaning: "x itself" },
    projection: { label: "1×1 projection", short: "1×1 projection", sign: "1×1", meaning: "convolution, norm" },
    pad: { label: "padded identity", short: "pad", sign: "pad", meaning: "zeros for the new channels" },
    "pooled-projection": { label: "average pool, then 1×1", short: "avg pool + 1×1", sign: "avg", meaning: "pool where the stride is 2" },
    none: { label: "no shortcut", short: "none", sign: "none", meaning: "a plain network" },
  },
  larger: (/** @type {number} */ kernel) => ({ label: `${windowName(kernel)} projection`, short: `${windowName(kernel)} projection`, sign: windowName(kernel) }),
  bare: "convolution",
  noneAnywhere: "no shortcuts (plain)",
  none: "no shortcut: a plain network",
  options: {
    A: "pad where the shape changes",
    B: "project where the shape changes",
    C: "project everywhere",
    D: "average, then project, where the shape changes",
  },
  rule: (/** @type {string} */ option, /** @type {string} */ words) => `shortcuts ${words} (${option === "D" ? "ResNet-D" : `option ${option}`})`,
  same: (/** @type {readonly number[]} */ shape) => `same shape (${shapeWords(shape)}): identity`,
  always: (/** @type {readonly number[]} */ shape) => `same shape (${shapeWords(shape)}), but option C projects everywhere: projection`,
  projected: (/** @type {number} */ cIn, /** @type {number} */ cOut, /** @type {number} */ stride) => `channels ${channelWords(cIn, cOut, "stay")}, stride ${stride}: projection`,
  pooled: (/** @type {number} */ cIn, /** @type {number} */ cOut, /** @type {number} */ stride) =>
    `channels ${channelWords(cIn, cOut, "stay")}, stride ${stride}: 2×2 average pool, then projection of stride 1 (ResNet-D)`,
  padded: (/** @type {number} */ cIn, /** @type {number} */ cOut, /** @type {number} */ stride) => {
    const pads = cIn === cOut ? [] : [`pads ${cIn} → ${cOut} channels with zeros`];
    const keeps = stride === 1 ? [] : [`keeps every other row and column (stride ${stride})`];
    return `option A ${[...pads, ...keeps].join(" and ")}: no parameters`;
  },
};

/** @type {typeof SHORTCUTS_EN} */
export const SHORTCUTS_ZH = {
  looks: {
    identity: { label: "恒等映射", short: "恒等映射", sign: "", meaning: "x 本身" },
    projection: { label: "1×1 投影", short: "1×1 投影", sign: "1×1", meaning: "卷积、归一化" },
    pad: { label: "补零的恒等映射", short: "补零", sign: "补零", meaning: "新增的通道补零" },
    "pooled-projection": { label: "平均池化，再 1×1 投影", short: "平均池化 + 1×1", sign: "平均", meaning: "步幅为 2 处先池化" },
    none: { label: "没有捷径", short: "无", sign: "无", meaning: "普通网络" },
  },
  larger: (kernel) => ({ label: `${windowName(kernel)} 投影`, short: `${windowName(kernel)} 投影`, sign: windowName(kernel) }),
  bare: "卷积",
  noneAnywhere: "没有捷径（普通网络）",
  none: "没有捷径：普通网络",
  options: { A: "形状改变处补零", B: "形状改变处投影", C: "处处投影", D: "形状改变处先平均再投影" },
  rule: (option, words) => `捷径：${words}（${option === "D" ? "ResNet-D" : `方案 ${option}`}）`,
  same: (shape) => `形状不变（${shapeWords(shape)}）：恒等映射`,
  always: (shape) => `形状不变（${shapeWords(shape)}），但方案 C 处处投影：投影`,
  projected: (cIn, cOut, stride) => `通道${channelWords(cIn, cOut, "保持")}，步幅 ${stride}：投影`,
  pooled: (cIn, cOut, stride) => `通道${channelWords(cIn, cOut, "保持")}，步幅 ${stride}：先 2×2 平均池化，再步幅为 1 的投影 (ResNet-D)`,
  padded: (cIn, cOut, stride) => {
    const pads = cIn === cOut ? [] : [`用零把通道从 ${cIn} 补到 ${cOut}`];
    const keeps = stride === 1 ? [] : [`每隔一行一列保留一个（步幅 ${stride}）`];
    return `方案 A：${[...pads, ...keeps].join("，并")}：没有参数`;
  },
};
