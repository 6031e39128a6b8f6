"""An int8 model computes on bytes from the first convolution to the last, alike on every CPU, and is the best of those
tried.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import resnets
from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.export import onnx as exporter
from resnets.export import quantization
from resnets.export.activation_ranges import activations
from resnets.export.quantization import METHODS, SLOWER, quantize
from tests import pictures
from tests.colours import SIZE, traceable
from tests.export.samples import in_openvino

SHOWN = (28, 26)  # pixels: as the classifier learnt from


@pytest.fixture(scope="module")
def model(onnx_file: Path) -> bytes:
    return onnx_file.read_bytes()


def pixels(classifier: Classifier, start: int, count: int) -> np.ndarray:
    """Images of the three classes in turn, as the network takes them."""
    shown = (pictures.picture(seed % 3, seed, SHOWN) for seed in range(start, start + count))
    return np.stack([classifier.preprocessing.pixels(one) for one in shown])


def answers(content: bytes, images: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"images": images})[0])


def judge_on(images: np.ndarray, labels: np.ndarray) -> Callable[[bytes], float]:
    return lambda content: float((answers(content, images).argmax(1) == labels).mean())


@pytest.fixture(scope="module")
def quantized(model: bytes, classifier: Classifier) -> quantization.Quantized:
    judge = judge_on(pixels(classifier, 5000, 60), (5000 + np.arange(60)) % 3)
    return quantize(model, pixels(classifier, 3000, 24), judge)


@pytest.fixture(scope="module")
def nodes(quantized: quantization.Quantized) -> onnx.ModelProto:
    return onnx.load_model_from_string(quantized.content)


def arrays(found: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {one.name: numpy_helper.to_array(one) for one in found.graph.initializer}


def weights(found: onnx.ModelProto) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each convolution and of the last layer: integers, scales, zero points."""
    made = {output: node for node in found.graph.node for output in node.output}
    values = arrays(found)
    for node in found.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            yield tuple(values[name] for name in made[node.input[1]].input)  # pyright: ignore[reportReturnType] # three


def test_every_convolution_and_addition_stands_between_qdq_pairs(nodes: onnx.ModelProto) -> None:
    made = {output: node.op_type for node in nodes.graph.node for output in node.output}
    read: dict[str, list[str]] = {}
    for node in nodes.graph.node:
        for name in node.input:
            read.setdefault(name, []).append(node.op_type)
    inner = [node for node in nodes.graph.node if node.op_type in ("Conv", "Add")][1:]  # but the normalization's Add
    assert Counter(node.op_type for node in inner) == {"Conv": 7, "Add": 3}
    for node in inner:
        assert {made[name] for name in node.input} == {"DequantizeLinear"}
        assert read[node.output[0]] == ["QuantizeLinear"]
    assert not any(node.op_type == "Relu" for node in nodes.graph.node)  # each is in the range of what follows


def test_weights_have_a_scale_for_each_output_channel_and_cannot_overflow_16_bits(nodes: onnx.ModelProto) -> None:
    found = list(weights(nodes))
    assert len(found) == 8
    for integers, scales, zeros in found:
        assert integers.dtype == np.int8
        assert scales.shape == zeros.shape == (len(integers),)
        assert not zeros.any()
        largest = np.abs(integers.astype(int)).reshape(len(integers), -1).max(axis=1)
        assert 2 * 255 * largest.max() <= np.iinfo(np.int16).max
        assert (largest >= 63).mean() > 0.9  # and the 7 bits are used in each channel, but where the bias needs more


def test_onnx_runtime_fuses_all_of_it_into_operations_on_bytes(
    quantized: quantization.Quantized, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3  # it warns that such a file is for this machine alone
    onnxruntime.InferenceSession(quantized.content, options, providers=["CPUExecutionProvider"])
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    assert {kind: kinds[kind] for kind in ("QLinearConv", "QLinearAdd", "QGemm")} == {
        "QLinearConv": 7, "QLinearAdd": 3, "QGemm": 1,
    }  # fmt: skip
    assert not {"Conv", "Gemm", "FusedConv", "Relu"} & set(kinds)
    assert kinds["Add"] == 1  # the normalization's


def test_the_answers_are_the_float_models_within_what_bytes_can_tell(
    model: bytes, quantized: quantization.Quantized, classifier: Classifier
) -> None:
    images = pixels(classifier, 7000, 60)
    expected, found = answers(model, images), answers(quantized.content, images)
    # Measured: 0.06. With 4 to 16 channels, few errors meet in a sum, and cancel less than they do in a real network.
    assert np.abs(found - expected).max() < 0.1
    assert np.abs(found - expected).mean() < 0.02
    assert not np.array_equal(found, expected)
    accurate = judge_on(pixels(classifier, 5000, 60), (5000 + np.arange(60)) % 3)(model)
    assert quantized.accuracy >= accurate - 0.05  # 3 of 60
    assert accurate > 0.9
    assert np.abs(found - classifier_probabilities(classifier, images)).max() < 0.1


def classifier_probabilities(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    import torch

    return classifier.probabilities(torch.from_numpy(images)).numpy()


def test_openvino_computes_the_same_file_alike(quantized: quantization.Quantized, classifier: Classifier) -> None:
    compiled = in_openvino(quantized.content)
    images = pixels(classifier, 7000, 30)
    found = compiled({"images": images})["probabilities"]
    assert np.abs(found - answers(quantized.content, images)).max() < 0.03  # rounds between layers as it likes
    assert np.array_equal(found.argmax(1), answers(quantized.content, images).argmax(1))


def test_inputs_outputs_and_metadata_stay(model: bytes, nodes: onnx.ModelProto) -> None:
    before = onnx.load_model_from_string(model)
    assert before.metadata_props[0].key == "resnets"
    assert list(nodes.metadata_props) == list(before.metadata_props)
    assert list(nodes.graph.input) == list(before.graph.input)
    assert list(nodes.graph.output) == list(before.graph.output)
    assert (nodes.opset_import, nodes.ir_version) == (before.opset_import, before.ir_version)
    assert not nodes.graph.value_info


def test_embeddings_are_not_rounded_to_bytes(quantized: quantization.Quantized, classifier: Classifier) -> None:
    session = onnxruntime.InferenceSession(quantized.content, providers=["CPUExecutionProvider"])
    (found,) = session.run(["features"], {"images": pixels(classifier, 0, 64)})
    assert len(np.unique(np.asarray(found))) > 256


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([0.7, 0.9], METHODS[1]),
        ([0.9, 0.7], METHODS[0]),
        ([0.8, 0.8], METHODS[0]),  # of equals the first
    ],
)
def test_the_method_that_the_judge_scores_best_is_chosen(
    scores: list[float], chosen: quantization.Method, model: bytes, classifier: Classifier
) -> None:
    shown: list[bytes] = []

    def judge(content: bytes) -> float:
        shown.append(content)
        return scores[len(shown) - 1]

    found = quantize(model, pixels(classifier, 0, 6), judge)
    assert found.method == chosen.name
    assert found.content == shown[METHODS.index(chosen)]
    assert list(found.accuracies.items()) == [(one.name, score) for one, score in zip(METHODS, scores, strict=True)]
    assert found.accuracy == max(scores)
    assert len(set(shown)) == len(shown)  # the methods differ


def test_slower_models_are_tried_only_where_no_fast_one_is_good_enough(model: bytes, classifier: Classifier) -> None:
    scores = iter([0.5, 0.6, 0.6, 0.7])
    found = quantize(model, pixels(classifier, 0, 6), lambda _: next(scores), enough=0.65)
    assert (found.method, found.accuracy) == (SLOWER[1].name, 0.7)
    assert {integers.dtype for integers, _, _ in weights(onnx.load_model_from_string(found.content))} == {
        np.dtype(np.uint8)
    }
    assert len(quantize(model, pixels(classifier, 0, 6), lambda _: 0.65, enough=0.65).accuracies) == len(METHODS)


def test_the_same_images_give_the_same_file_in_one_array_or_in_batches(model: bytes, classifier: Classifier) -> None:
    images, seen = pixels(classifier, 0, 9), list[Progress]()
    whole = quantize(model, images, lambda _: 1.0, watch=seen.append)
    parts = quantize(model, iter([images[:4], images[4:]]), lambda _: 1.0)
    assert whole == parts
    assert whole.images == 9
    assert [(one.done, one.total) for one in seen if one.task == "calibrating"] == [(n, 9) for n in range(1, 10)]


def test_the_widest_range_holds_every_value_and_the_usual_one_less(model: bytes, classifier: Classifier) -> None:
    parsed = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model))
    images = pixels(classifier, 0, 5)
    (name,) = (node.output[0] for node in parsed.graph.node if node.op_type == "Gemm")
    found = activations(parsed, [name, name], [images])
    logits = np.log(answers(model, images)) * classifier.temperature  # but for a constant an image
    spread = (found.greatest - found.least)[:, 0]
    assert np.allclose(spread, logits.max(1) - logits.min(1), atol=1e-4)  # float32
    low, high = found.widest()[name]
    assert (low, high) == (found.least.min(), found.greatest.max())
    low, high = found.usual()[name]
    assert found.least.min() < low < high < found.greatest.max()


def test_without_an_image_there_is_one_clear_error(model: bytes) -> None:
    for nothing in (np.zeros((0, SIZE, SIZE, 3), np.uint8), iter(())):
        with pytest.raises(InputError, match="no image to calibrate the quantization on"):
            quantize(model, nothing, lambda _: 1.0)


def test_a_network_of_damaged_weights_is_refused(model: bytes, classifier: Classifier) -> None:
    broken = onnx.load_model_from_string(model)
    for one in broken.graph.initializer:
        if one.name.endswith("fc.bias"):
            one.CopyFrom(numpy_helper.from_array(np.full(3, np.nan, np.float32), one.name))
    with pytest.raises(RunFailed, match="not finite numbers"):
        quantize(broken.SerializeToString(), pixels(classifier, 0, 2), lambda _: 1.0)


def test_akamasters_resnet20_in_int8_gives_nearly_every_answer_it_gave(shared_data: Path) -> None:
    """All of CIFAR-10 is in test_published.py."""
    classifier, _ = resnets.convert(shared_data / "resnet20-12fca82f.th", "cifar_resnet20")
    with traceable():
        model = exporter.export(classifier)
    training, test = (
        resnets.open_source(shared_data / name).evenly(count, seed=0)
        for name, count in (("cifar10-train-2000.zip", 64), ("cifar10-test.zip", 200))
    )
    images = np.stack(list(loading.evaluation_pixels(test, classifier.preprocessing)))
    calibration = np.stack(list(loading.evaluation_pixels(training, classifier.preprocessing)))
    found = quantize(model, calibration, judge_on(images, test.labels))
    agreeing = answers(found.content, images).argmax(1) == answers(model, images).argmax(1)
    assert agreeing.mean() > 0.96  # 0.989 of 2,000 measured
    assert found.accuracy >= judge_on(images, test.labels)(model) - 0.02  # 4 of 200; half a point needs thousands
