// What a comparison says of operations, and which kinds of network there are.

export const STRUCTURE_EN = {
  attributes: {
    activation: "activation", kernel: "kernel", stride: "stride", padding: "padding", groups: "groups", dilation: "dilation",
    "channels in": "channels in", "channels out": "channels out", reduction: "reduction",
  },
  comma: ", ",
  semicolon: "; ",
  window: (/** @type {number} */ kernel, /** @type {string} */ kind) => `${kernel}×${kernel} ${kind}`,
  who: (/** @type {string} */ name, /** @type {string} */ window) => `${name} (${window})`,
  moved: (/** @type {number} */ stride, /** @type {string} */ from, /** @type {string} */ to) => `stride ${stride} moved from ${from} to ${to}`,
  change: (/** @type {string} */ attribute, /** @type {string} */ first, /** @type {string} */ second) => `${attribute} ${first} → ${second}`,
  channels: (/** @type {string} */ counts) => `${counts} channels`,
  shown: "On this page",
  families: {
    plain: "The original form", stem: "Other stems and shortcuts (C, D, T, S)", wide: "Groups and width (ResNeXt)", attention: "Channel attention (SE, ECA)",
    antialias: "Pools for strides", preactivation: "Pre-activation", small: "For small images (CIFAR)",
  },
};

/** @type {typeof STRUCTURE_EN} */
export const STRUCTURE_ZH = {
  attributes: {
    activation: "激活函数", kernel: "核", stride: "步幅", padding: "填充", groups: "组数", dilation: "空洞率",
    "channels in": "输入通道", "channels out": "输出通道", reduction: "压缩比",
  },
  comma: "，",
  semicolon: "；",
  window: (kernel, kind) => `${kernel}×${kernel} ${kind}`,
  who: (name, window) => `${name}（${window}）`,
  moved: (stride, from, to) => `步幅 ${stride} 从 ${from} 移到 ${to}`,
  change: (attribute, first, second) => `${attribute} ${first} → ${second}`,
  channels: (counts) => `${counts} 通道`,
  shown: "本页的网络",
  families: {
    plain: "原始形式", stem: "其他茎部和捷径（C、D、T、S）", wide: "分组与宽度（ResNeXt）", attention: "通道注意力（SE、ECA）",
    antialias: "用池化代替步幅", preactivation: "预激活", small: "用于小图像（CIFAR）",
  },
};
