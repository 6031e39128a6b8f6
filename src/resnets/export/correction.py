"""Rounded weights shift the mean of what a layer gives; its bias takes that back (Nagel et al. 2019, section 4.2)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, Float64
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Means = Mapping[str, Float32[np.ndarray, " channels"]]


def correct_biases(quantized: "onnx.ModelProto", original: "onnx.ModelProto", means: Means) -> None:
    """Change the integer biases of a model in QDQ form, so that rounding its weights shifts no channel's mean.

    original: the model as it was, with the same names of nodes. means: of each channel of each layer's input, by the
    name that the input has in `original`. Zeros that a convolution pads with are taken for such means as well.
    """
    from onnx import numpy_helper

    before = {one.name: one for one in original.graph.initializer}
    after = {one.name: one for one in quantized.graph.initializer}
    layers = {node.name: node for node in original.graph.node if node.op_type in ("Conv", "Gemm")}
    made = {output: node for node in quantized.graph.node for output in node.output}
    for node in quantized.graph.node:
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3 or node.input[1] in after:
            continue  # without a bias, or left in float32
        integers, scales, zeros = (numpy_helper.to_array(after[name]) for name in made[node.input[1]].input)
        rounded = (integers.astype(np.float64) - _rows(zeros, integers)) * _rows(scales, integers)
        layer = layers[node.name]
        lost = numpy_helper.to_array(before[layer.input[1]]).astype(np.float64) - rounded
        biases, steps = (after[name] for name in made[node.input[2]].input[:2])
        shift = _shift(lost, means[layer.input[0]]) / numpy_helper.to_array(steps)
        moved = np.rint(numpy_helper.to_array(biases) + shift).clip(-(2**31) + 1, 2**31 - 1)
        biases.CopyFrom(numpy_helper.from_array(moved.astype(np.int32), biases.name))


def _shift(
    lost: Float64[np.ndarray, "outputs inputs *kernel"], means: Float[np.ndarray, " channels"]
) -> Float64[np.ndarray, " outputs"]:
    """What each output's mean lost with its weights. The channels of grouped convolutions are `inputs` a group."""
    inputs = lost.shape[1]
    groups = len(means) // inputs
    weights = lost.reshape(groups, len(lost) // groups, inputs, -1).sum(axis=3)
    return np.einsum("goi,gi->go", weights, means.reshape(groups, inputs).astype(np.float64)).reshape(-1)


def _rows(values: NDArray[np.generic], integers: NDArray[np.generic]) -> NDArray[np.float64]:
    """One number for each output channel, shaped to be multiplied with weights."""
    return values.astype(np.float64).reshape(-1, *(1 for _ in integers.shape[1:]))
