// What each kind of operation is called, what it does with its numbers in, and why it is there.

/** @typedef {import("./data.js").Operation} Operation */

const ACTIVATIONS = /** @type {Record<string, string>} */ ({ relu: "ReLU", silu: "SiLU", mish: "Mish", "leaky-relu": "leaky ReLU", gelu: "GELU" });

/** An activation's name as it is written, or nothing for another kind. @param {string} kind @returns {string | undefined} */
export function activationName(kind) {
  return ACTIVATIONS[kind];
}

/** Whether a kind moves a window over its input. @param {string} kind */
export function moves(kind) {
  return ["conv", "max-pool", "avg-pool", "blur"].includes(kind);
}

/** What an operation is called on a drawing: `conv 3×3, 64`. @param {Operation} operation */
export function caption(operation) {
  const { kind, kernel, output } = operation;
  const window = `${kernel}×${kernel}`;
  const stride = operation.stride > 1 ? `, stride ${operation.stride}` : "";
  const dilation = operation.dilation > 1 ? `, dilation ${operation.dilation}` : "";
  const groups = operation.groups > 1 ? `, ${operation.groups} groups` : "";
  switch (kind) {
    case "conv":
      return operation.ofAttention ? `fc, ${output[0]}` : `conv ${window}, ${output[0]}${stride}${dilation}${groups}`;
    case "max-pool":
    case "avg-pool":
      return `${kind.replace("-", " ")} ${window}${stride}`;
    case "blur":
      return `blur ${window}${stride}`;
    case "pad":
      return `pad to ${output[0]}${stride}`;
    case "norm":
      return operation.norm;
    case "add":
      return "+";
    case "global-pool":
      return "global pool";
    case "squeeze":
      return "mean, per map";
    case "channel-conv":
      return `channel conv, kernel ${operation.parameters}`;
    case "sigmoid":
      return "sigmoid";
    case "scale":
      return "× weights";
    default:
      return ACTIVATIONS[kind] ?? `linear, ${output[0]}`;
  }
}

/** What an operation does and, where the field has found out, why that helps. @param {Operation} one @returns {string} */
export function explanation(one) {
  const [channels, height, width] = one.input;
  switch (one.kind) {
    case "conv":
      if (one.ofAttention) return "A linear layer on the means: each output is a weighted sum of all of them.";
      return one.dilation > 1
        ? `Its taps stand ${one.dilation} positions apart, so it sees as far as after a stride of ${one.dilation}, and keeps every position (Chen et al. 2017).`
        : "";
    case "blur":
      return `Each position becomes a weighted mean of its 3 × 3 neighbours (weights 1, 2, 1 along each axis, over 16)${one.stride > 1 ? `, and then every ${one.stride}nd is kept. Without it a shift by one pixel could change the answer (Zhang 2019).` : "."}`;
    case "avg-pool":
      return `Each output is the mean of ${one.kernel} × ${one.kernel} neighbours: all positions count, where a stride alone would skip some.`;
    case "squeeze":
      return `Each of the ${channels} maps becomes its mean over ${height} × ${width} positions: what the whole image says about the channel.`;
    case "channel-conv":
      return `Each channel's weight is found from ${one.parameters} neighbouring channels, with the same ${one.parameters} numbers everywhere. It costs next to nothing and needs no bottleneck (Wang et al. 2020).`;
    case "sigmoid":
      return "1 / (1 + e^−x): turns each number into a weight between 0 and 1.";
    case "scale":
      return `Each of the ${channels} maps is multiplied by its weight. The block can turn channels up and down by what the whole image holds (${one.block?.operations.some((each) => each.kind === "channel-conv") ? "Wang et al. 2020" : "Hu et al. 2018"}).`;
    case "norm":
      if (one.norm === "group norm") return `Mean and variance of 32 groups of ${channels / 32} channels of one image: the other images of a batch don't matter, so small batches train as well (Wu & He 2018).`;
      return one.norm === "frozen batch norm" ? "Batch norm whose numbers never change: for batches too small to measure." : "";
    default:
      return formulas[one.kind] ?? "";
  }
}

const formulas = /** @type {Record<string, string>} */ ({
  silu: "x / (1 + e^−x): smooth, and a little below zero for small negative x.",
  mish: "x · tanh(ln(1 + e^x)): smooth, and a little below zero for small negative x.",
  "leaky-relu": "x where it is positive, 0.01 x where it is negative: nothing is cut off.",
  gelu: "x · Φ(x), where Φ is the normal distribution's cumulative probability.",
});
