// What each kind of operation is called, what it does with its numbers in, and why it is there.

import { say } from "./words.js";

/** @typedef {import("./data.js").Operation} Operation */

/** An activation's name as it is written, or nothing for another kind. @param {string} kind @returns {string | undefined} */
export function activationName(kind) {
  return say.operations.activations[kind];
}

/** Whether a kind moves a window over its input. @param {string} kind */
export function moves(kind) {
  return ["conv", "max-pool", "avg-pool", "blur"].includes(kind);
}

/** What an operation is called on a drawing: `conv 3×3, 64`. @param {Operation} operation */
export function caption(operation) {
  return captionParts(operation).join(", ");
}

/** The same in its parts: `conv 3×3`, `64`, `stride 2`. @param {Operation} operation @returns {string[]} */
function captionParts({ kind, kernel, stride, dilation, groups, output, norm, parameters, ofAttention }) {
  const called = say.operations;
  const window = `${kernel}×${kernel}`;
  const held = stride > 1 ? [called.stride(stride)] : [];
  switch (kind) {
    case "conv":
      if (ofAttention) return [called.fc, `${output[0]}`];
      return [called.conv(window), `${output[0]}`, ...held, ...(dilation > 1 ? [called.dilation(dilation)] : []), ...(groups > 1 ? [called.groups(groups)] : [])];
    case "max-pool":
    case "avg-pool":
      return [called.pool(kind, window), ...held];
    case "blur":
      return [called.blur(window), ...held];
    case "pad":
      return [called.padTo(output[0]), ...held];
    case "norm":
      return [called.norm(norm)];
    case "add":
      return ["+"];
    case "global-pool":
      return [called.globalPool];
    case "squeeze":
      return [called.squeeze];
    case "channel-conv":
      return [called.channelConv(parameters)];
    case "sigmoid":
      return [called.sigmoid];
    case "scale":
      return [called.scale];
    default:
      return activationName(kind) ? [activationName(kind) ?? ""] : [called.linear, `${output[0]}`];
  }
}

/** What an operation does and, where the field has found out, why that helps. @param {Operation} one @returns {string} */
export function explanation(one) {
  const { does } = say.operations;
  const [channels, height, width] = one.input;
  switch (one.kind) {
    case "conv":
      if (one.ofAttention) return does.attentionLinear;
      return one.dilation > 1 ? does.dilated(one.dilation) : "";
    case "blur":
      return does.blur(one.stride);
    case "avg-pool":
      return does.average(one.kernel);
    case "squeeze":
      return does.squeeze(channels, height, width);
    case "channel-conv":
      return does.channelConv(one.parameters);
    case "sigmoid":
      return does.sigmoid;
    case "scale":
      return does.scale(channels, one.block?.operations.some((each) => each.kind === "channel-conv") ? "Wang et al. 2020" : "Hu et al. 2018");
    case "norm":
      if (one.norm === "group norm") return does.groupNorm(channels / 32);
      return one.norm === "frozen batch norm" ? does.frozenNorm : "";
    default:
      return does.formulas[one.kind] ?? "";
  }
}
