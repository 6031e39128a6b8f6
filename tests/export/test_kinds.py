"""Networks of every kind as files that others run: the same answers, in float32 and in bytes."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from resnets.classifier.file import Classifier
from resnets.export import onnx as exporter
from resnets.export import program, quantization, runtimes
from tests import kinds, pictures

# Several kinds in one, as each export takes seconds; `benchmarks.export_catalog --kinds` goes through real ones.
MIXED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "squeezed and blurred": (
        "blur", {"attention": "se", "activation": "silu", "pool": "gem", "dropout": 0.5},
    ),
    "neighbours and averages": (
        "average", {"attention": "eca", "activation": "mish", "pool": "both", "conv_bias": True},
    ),
    "groups and dilation": ("group norm", {"activation": "gelu", "pool": "max", "output_stride": 8}),
    "pre-activation": ("pre-activation", {"activation": "leaky-relu", "stem": {"widths": [4, 8], "pool": "conv"}}),
}  # fmt: skip


@cache
def made(name: str) -> Classifier:
    """With statistics of pictures in its batch norms."""
    kind, fields = MIXED[name]
    classifier = kinds.classifier(kind, **fields)
    for norm in classifier.network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = None
    with torch.no_grad():
        classifier.network.train()(classifier.preprocessing.normalize(torch.from_numpy(pixels())))
    classifier.network.eval()
    return classifier


@cache
def pixels() -> np.ndarray:
    shown = (pictures.picture(seed % 3, seed, (kinds.SIZE, kinds.SIZE)) for seed in range(48))
    return np.stack(list(shown))


@cache
def file(name: str) -> bytes:
    return exporter.export(made(name))


@cache
def in_bytes(name: str) -> bytes:
    answers = made(name).outputs(pixels()).argmax(1)

    def judge(model: bytes) -> float:
        return float((answered(model).argmax(1) == answers).mean())

    return quantization.quantize(file(name), pixels(), judge).content


def answered(content: bytes) -> np.ndarray:
    return runtimes.onnx_runtime(content, threads=1).run(pixels())[0]


def expected(name: str) -> np.ndarray:
    return made(name).probabilities(torch.from_numpy(pixels())).numpy()


@pytest.fixture(params=MIXED)
def name(request: pytest.FixtureRequest, unchecked: None) -> str:
    return request.param


def test_an_onnx_file_gives_the_networks_probabilities(name: str) -> None:
    assert answered(file(name)) == pytest.approx(expected(name), abs=1e-5)


def test_a_torch_program_gives_the_networks_probabilities(name: str) -> None:
    opened = runtimes.torch_runtime(program.save(program.trace(made(name)), "{}"))
    assert opened.run(pixels())[0] == pytest.approx(expected(name), abs=1e-5)


def test_in_bytes_the_probabilities_are_nearly_the_same(name: str) -> None:
    theirs, ours = answered(in_bytes(name)), expected(name)
    # untrained networks tell the pictures apart by little, so the answers' spread is the measure
    assert np.abs(theirs - ours).mean() < 0.25 * np.abs(ours - ours.mean(axis=0)).mean()


def test_a_blurs_kernel_stays_exact_in_bytes(unchecked: None) -> None:
    graph = onnx.load_model_from_string(in_bytes("squeezed and blurred")).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    blurs = [
        values[node.input[0]].astype(float) * values[node.input[1]][0]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and getattr(values.get(node.input[0]), "shape", ())[1:] == (1, 3, 3)
    ]
    assert len(blurs) == 2
    for kernel in blurs:
        assert np.array_equal(kernel[0, 0], np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]))


def test_attention_is_computed_in_float32_between_bytes(unchecked: None) -> None:
    graph = onnx.load_model_from_string(in_bytes("squeezed and blurred")).graph
    weights = {one.name for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    plain = [node for node in convolutions if node.input[1] in weights]
    assert len(plain) == 6  # two in each of three blocks
    assert len(convolutions) > len(plain)
