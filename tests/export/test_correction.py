"""A layer whose weights are rounded gives what it gave, on average, in each channel."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from resnets.export import quantization


def convolution(groups: int, kernel: int) -> tuple[bytes, np.ndarray]:
    """A graph from 4 channels to the mean of each of 8, and images for it whose channels differ in their mean."""
    random = np.random.default_rng(groups + kernel)
    weights = random.standard_normal((8, 4 // groups, kernel, kernel)).astype(np.float32)
    weights[:, 0, 0, 0] = 20  # large: so the steps are coarse for all the others
    biases = random.standard_normal(8).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["images"], ["turned"], "turn", perm=[0, 3, 1, 2]),
            helper.make_node("Cast", ["turned"], ["floats"], "cast", to=TensorProto.FLOAT),
            helper.make_node("Conv", ["floats", "weights", "biases"], ["maps"], "conv", group=groups),
            helper.make_node("ReduceMean", ["maps", "axes"], ["probabilities"], "mean", keepdims=0),
        ],
        "layer",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 12, 12, 4])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 8])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(biases, "biases"),
            numpy_helper.from_array(np.array([2, 3]), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    images = random.integers(0, [80, 120, 200, 256], (16, 12, 12, 4)).astype(np.uint8)
    return model.SerializeToString(), images


def means(content: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"images": images})[0]).mean(axis=0)


@pytest.mark.parametrize(("groups", "kernel"), [(1, 1), (1, 3), (2, 1), (4, 3)])
def test_the_mean_of_each_channel_is_the_float_layers(
    groups: int, kernel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = convolution(groups, kernel)
    expected = means(model, images)
    corrected = means(quantization.quantize(model, images, lambda _: 1.0).content, images)
    monkeypatch.setattr(quantization, "correct_biases", lambda *_: None)
    plain = means(quantization.quantize(model, images, lambda _: 1.0).content, images)
    # What is left is of the rounding of inputs and outputs, which a mean over 16 images nearly cancels.
    assert np.abs(corrected - expected).mean() < 0.35 * np.abs(plain - expected).mean()


def test_only_biases_change(monkeypatch: pytest.MonkeyPatch) -> None:
    model, images = convolution(1, 3)
    corrected = onnx.load_model_from_string(quantization.quantize(model, images, lambda _: 1.0).content)
    monkeypatch.setattr(quantization, "correct_biases", lambda *_: None)
    plain = onnx.load_model_from_string(quantization.quantize(model, images, lambda _: 1.0).content)
    before, after = ({one.name: one for one in model.graph.initializer} for model in (plain, corrected))
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == 1
    assert after[changed[0]].data_type == TensorProto.INT32
    assert list(corrected.graph.node) == list(plain.graph.node)
