// What a network is made of beyond its blocks and widths.

export const PARTS_EN = {
  names: {
    order: "order", attention: "attention", antialias: "anti-aliasing", norm: "norm", activation: "activation", convolutions: "convolutions",
    first: "a block's first convolution", projections: "projections that change the resolution", outputStride: "output stride", pool: "last pool", dropout: "dropout",
  },
  convolutionFirst: "convolution, norm, activation",
  normFirst: "norm, activation, convolution (pre-activation)",
  attentions: { none: "none", se: "squeeze-and-excitation", eca: "efficient channel attention" },
  squeezed: (/** @type {number} */ reduction) => `squeeze-and-excitation, reduction ${reduction}`,
  antialiases: { none: "none", average: "strides are 2×2 averages", blur: "strides are 3×3 blurs" },
  withBias: "with bias",
  withoutBias: "without bias",
  itsWidth: "its width",
  widthOver: (/** @type {number} */ divisor) => `its width over ${divisor}`,
  strided: "by strides alone",
  dilated: (/** @type {number} */ stride) => `${stride}, then dilation instead of strides`,
  pools: {
    average: "global average pool", max: "global max pool", both: "global average and max pools", gem: "global generalized-mean pool",
  },
  dropped: (/** @type {number} */ percent) => `${percent}% of the features`,
  none: "none",
  difference: (/** @type {string} */ name, /** @type {string} */ before, /** @type {string} */ after) => `${name}: ${before} → ${after}`,
  comma: ", ",
  headNorm: "norm",
  headDropout: (/** @type {number} */ percent) => `dropout ${percent}%`,
  classifier: (/** @type {number} */ classes) => `${classes}-d fc`,
  noClassifier: "no classifier",
};

/** @type {typeof PARTS_EN} */
export const PARTS_ZH = {
  names: {
    order: "顺序", attention: "注意力", antialias: "抗混叠", norm: "归一化", activation: "激活函数", convolutions: "卷积",
    first: "块的第一个卷积", projections: "改变分辨率的投影", outputStride: "输出步幅", pool: "最后的池化", dropout: "暂退法 (dropout)",
  },
  convolutionFirst: "卷积、归一化、激活",
  normFirst: "归一化、激活、卷积（预激活）",
  attentions: { none: "无", se: "压缩与激励 (SE)", eca: "高效通道注意力 (ECA)" },
  squeezed: (reduction) => `压缩与激励 (SE)，压缩比 ${reduction}`,
  antialiases: { none: "无", average: "步幅由 2×2 平均完成", blur: "步幅由 3×3 模糊完成" },
  withBias: "带偏置",
  withoutBias: "不带偏置",
  itsWidth: "等于块的宽度",
  widthOver: (divisor) => `块的宽度除以 ${divisor}`,
  strided: "全部由步幅得到",
  dilated: (stride) => `${stride}，其后用空洞卷积代替步幅`,
  pools: { average: "全局平均池化", max: "全局最大池化", both: "全局平均池化和最大池化", gem: "全局广义平均池化" },
  dropped: (percent) => `特征的 ${percent}%`,
  none: "无",
  difference: (name, before, after) => `${name}：${before} → ${after}`,
  comma: "，",
  headNorm: "归一化",
  headDropout: (percent) => `暂退 ${percent}%`,
  classifier: (classes) => `${classes} 维全连接层`,
  noClassifier: "没有分类器",
};
