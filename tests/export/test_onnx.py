"""The ONNX file is one that any runtime reads: checked, compact, for any batch, from uint8 pixels to probabilities."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import resnets
from resnets.classifier.file import Classifier
from resnets.export import graph
from resnets.export import onnx as exporter
from tests.colours import SIZE
from tests.export.samples import in_openvino

CLOSE = 2e-6  # of probabilities: the same sums of float32, in another order and with norms folded


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(onnx_file: Path) -> onnx.ModelProto:
    return onnx.load(onnx_file)


def test_onnxs_own_checker_finds_no_fault(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    assert model.ir_version == 8  # what ONNX Runtime has read since 1.14


def test_names_types_and_shapes_are_what_the_documentation_says(onnx_file: Path) -> None:
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    assert [(one.name, one.type, one.shape) for one in session.get_inputs()] == [
        ("images", "tensor(uint8)", ["batch", SIZE, SIZE, 3])
    ]
    assert [(one.name, one.type, one.shape) for one in session.get_outputs()] == [
        ("probabilities", "tensor(float)", ["batch", 3]),
        ("features", "tensor(float)", ["batch", 16]),
    ]


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_one_file_takes_any_batch_and_gives_the_classifiers_probabilities_and_features(
    batch: int, onnx_file: Path, classifier: Classifier
) -> None:
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    probabilities, features = map(np.asarray, session.run(None, {"images": pixels(batch)}))
    images = torch.from_numpy(pixels(batch))
    assert np.allclose(probabilities, classifier.probabilities(images).numpy(), atol=CLOSE)
    with torch.inference_mode():
        expected = classifier.network.features(classifier.preprocessing.normalize(images)).numpy()
    assert np.allclose(features, expected, atol=1e-5 * np.abs(expected).max())  # float32


def test_openvino_reads_the_file_and_agrees(onnx_file: Path, classifier: Classifier) -> None:
    compiled = in_openvino(onnx_file)
    for batch in (1, 7):
        found = compiled({"images": pixels(batch)})["probabilities"]
        assert np.allclose(found, classifier.probabilities(torch.from_numpy(pixels(batch))).numpy(), atol=CLOSE)


def test_norms_are_folded_and_normalization_is_one_multiplication_and_one_addition(model: onnx.ModelProto) -> None:
    kinds = [node.op_type for node in model.graph.node]
    assert "BatchNormalization" not in kinds
    assert kinds[:6] == ["Reshape", "Cast", "Mul", "Add", "Reshape", "Transpose"]
    assert kinds.count("Mul") == 1
    assert kinds.count("Conv") == 1 + 2 * 3


def test_nothing_of_this_machine_and_no_debug_entry_is_left(onnx_file: Path, model: onnx.ModelProto) -> None:
    assert [one.key for one in model.metadata_props] == ["resnets"]
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        assert not part.metadata_props
        assert not part.doc_string
    content = onnx_file.read_bytes()
    for trace in (b".py", str(Path.cwd()).encode(), b"stack_trace"):
        assert trace not in content


def test_exporting_leaves_the_classifier_as_it_was(classifier: Classifier) -> None:
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    graph.Graph(classifier)
    after = classifier.network.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(resnets.InputError, match=r"needs the packages onnx and onnxscript: pip install 'resnets\[ex"):
        exporter.with_metadata(b"", "{}")
