// What operations, stages and branches are called, what an operation does, and why it is there.

const NAMES = { relu: "ReLU", silu: "SiLU", mish: "Mish", "leaky-relu": "leaky ReLU", gelu: "GELU" };

export const OPERATIONS_EN = {
  activations: /** @type {Record<string, string>} */ (NAMES),
  kind: (/** @type {string} */ kind) => kind,
  branch: (/** @type {string} */ branch) => branch,
  stage: (/** @type {string} */ label) => label,
  conv: (/** @type {string} */ window) => `conv ${window}`,
  pool: (/** @type {string} */ kind, /** @type {string} */ window) => `${kind.replace("-", " ")} ${window}`,
  blur: (/** @type {string} */ window) => `blur ${window}`,
  fc: "fc",
  padTo: (/** @type {number} */ channels) => `pad to ${channels}`,
  norm: (/** @type {string} */ name) => name,
  globalPool: "global pool",
  squeeze: "mean, per map",
  channelConv: (/** @type {number} */ kernel) => `channel conv, kernel ${kernel}`,
  sigmoid: "sigmoid",
  scale: "× weights",
  attentionWeights: "× weights of attention",
  linear: "linear",
  stride: (/** @type {number} */ count) => `stride ${count}`,
  dilation: (/** @type {number} */ count) => `dilation ${count}`,
  groups: (/** @type {number} */ count) => `${count} groups`,
  to: (/** @type {string} */ before, /** @type {string} */ after) => `${before} to ${after}`,
  does: {
    attentionLinear: "A linear layer on the means: each output is a weighted sum of all of them.",
    dilated: (/** @type {number} */ apart) => `Its taps stand ${apart} positions apart, so it sees as far as after a stride of ${apart}, and keeps every position (Chen et al. 2017).`,
    blur: (/** @type {number} */ stride) => `Each position becomes a weighted mean of its 3 × 3 neighbours (weights 1, 2, 1 along each axis, over 16)${stride > 1 ? `, and then every ${stride}nd is kept. Without it a shift by one pixel could change the answer (Zhang 2019).` : "."}`,
    average: (/** @type {number} */ kernel) => `Each output is the mean of ${kernel} × ${kernel} neighbours: all positions count, where a stride alone would skip some.`,
    squeeze: (/** @type {number} */ channels, /** @type {number} */ height, /** @type {number} */ width) => `Each of the ${channels} maps becomes its mean over ${height} × ${width} positions: what the whole image says about the channel.`,
    channelConv: (/** @type {number} */ kernel) => `Each channel's weight is found from ${kernel} neighbouring channels, with the same ${kernel} numbers everywhere. It costs next to nothing and needs no bottleneck (Wang et al. 2020).`,
    sigmoid: "1 / (1 + e^−x): turns each number into a weight between 0 and 1.",
    scale: (/** @type {number} */ channels, /** @type {string} */ source) => `Each of the ${channels} maps is multiplied by its weight. The block can turn channels up and down by what the whole image holds (${source}).`,
    groupNorm: (/** @type {number} */ channels) => `Mean and variance of 32 groups of ${channels} channels of one image: the other images of a batch don't matter, so small batches train as well (Wu & He 2018).`,
    frozenNorm: "Batch norm whose numbers never change: for batches too small to measure.",
    formulas: /** @type {Record<string, string>} */ ({
      silu: "x / (1 + e^−x): smooth, and a little below zero for small negative x.",
      mish: "x · tanh(ln(1 + e^x)): smooth, and a little below zero for small negative x.",
      "leaky-relu": "x where it is positive, 0.01 x where it is negative: nothing is cut off.",
      gelu: "x · Φ(x), where Φ is the normal distribution's cumulative probability.",
    }),
  },
};

const KINDS_ZH = /** @type {Record<string, string>} */ ({
  conv: "卷积", norm: "归一化", "max-pool": "最大池化", "avg-pool": "平均池化", blur: "模糊", pad: "补零", add: "相加",
  "global-pool": "全局池化", linear: "全连接", squeeze: "逐图均值", "channel-conv": "通道卷积", sigmoid: "sigmoid", scale: "乘以权重",
});
const NORMS_ZH = /** @type {Record<string, string>} */ ({ "batch norm": "批归一化", "group norm": "组归一化", "frozen batch norm": "冻结的批归一化" });
const BRANCHES_ZH = /** @type {Record<string, string>} */ ({ residual: "残差分支", shortcut: "捷径", trunk: "主干" });

/** @type {typeof OPERATIONS_EN} */
export const OPERATIONS_ZH = {
  activations: NAMES,
  kind: (kind) => KINDS_ZH[kind] ?? NAMES[/** @type {keyof typeof NAMES} */ (kind)] ?? kind,
  branch: (branch) => BRANCHES_ZH[branch] ?? branch,
  stage: (label) => label.replace(/^stem$/, "茎部").replace(/^head$/, "头部").replace(/^stage (\d+)$/, "阶段 $1"),
  conv: (window) => `卷积 ${window}`,
  pool: (kind, window) => `${KINDS_ZH[kind]} ${window}`,
  blur: (window) => `模糊 ${window}`,
  fc: "全连接",
  padTo: (channels) => `补零到 ${channels} 通道`,
  norm: (name) => NORMS_ZH[name] ?? name,
  globalPool: "全局池化",
  squeeze: "逐图均值",
  channelConv: (kernel) => `通道卷积, 核 ${kernel}`,
  sigmoid: "sigmoid",
  scale: "× 权重",
  attentionWeights: "× 注意力权重",
  linear: "全连接",
  stride: (count) => `步幅 ${count}`,
  dilation: (count) => `空洞率 ${count}`,
  groups: (count) => `${count} 组`,
  to: (before, after) => `${before} 变为 ${after}`,
  does: {
    attentionLinear: "作用在均值上的全连接层：每个输出是所有均值的加权和。",
    dilated: (apart) => `卷积核的采样点相隔 ${apart} 个位置，因此看得和步幅 ${apart} 之后一样远，同时保留每一个位置（Chen 等, 2017）。`,
    blur: (stride) => `每个位置变成它 3 × 3 邻域的加权平均（每个方向的权重为 1、2、1，除以 16）${stride > 1 ? `，然后每 ${stride} 个位置保留一个。没有它，平移一个像素就可能改变答案（Zhang, 2019）。` : "。"}`,
    average: (kernel) => `每个输出是 ${kernel} × ${kernel} 邻域的平均：所有位置都被用到，而单靠步幅会跳过一些。`,
    squeeze: (channels, height, width) => `${channels} 个特征图各自变成 ${height} × ${width} 个位置的均值：整幅图像对这个通道的总结。`,
    channelConv: (kernel) => `每个通道的权重由相邻的 ${kernel} 个通道算出，处处使用同样的 ${kernel} 个数。几乎不增加计算，也不需要瓶颈（Wang 等, 2020）。`,
    sigmoid: "1 / (1 + e^−x)：把每个数变成 0 到 1 之间的权重。",
    scale: (channels, source) => `${channels} 个特征图各自乘以它的权重。块可以根据整幅图像的内容调高或调低通道（${source}）。`,
    groupNorm: (channels) => `在一幅图像内，对 32 组、每组 ${channels} 个通道求均值和方差：与批次中的其他图像无关，所以小批次也能训练得一样好（Wu & He, 2018）。`,
    frozenNorm: "数值永不改变的批归一化：用于批次太小、无法统计的情形。",
    formulas: {
      silu: "x / (1 + e^−x)：平滑，x 为较小的负数时略低于零。",
      mish: "x · tanh(ln(1 + e^x))：平滑，x 为较小的负数时略低于零。",
      "leaky-relu": "x 为正时取 x，为负时取 0.01 x：什么也不会被截断。",
      gelu: "x · Φ(x)，其中 Φ 是正态分布的累积概率。",
    },
  },
};
