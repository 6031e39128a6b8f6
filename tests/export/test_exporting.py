"""An export is written only where it gives the classifier's answers, and says on which images it was judged."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import resnets
from resnets.base.errors import InputError, RunFailed
from resnets.classifier.file import Classifier
from resnets.classifier.header import SAMPLES
from resnets.cli import main
from resnets.export import graph, parity_images, quantization
from resnets.export.exported import open_exported
from resnets.export.quantization import Quantized
from resnets.runs import samples
from tests import pictures
from tests.colours import traceable


def test_nothing_is_written_when_the_file_does_not_answer_as_the_classifier_does(
    classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(one: Classifier) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return one.preprocessing.mean[::-1], one.preprocessing.std

    monkeypatch.setattr(graph, "_normalization", swapped)
    with traceable(), pytest.raises(RunFailed, match="the graph normalizes with the mean in reverse"):
        resnets.export(classifier, "torch", tmp_path / "x.pt2", data=photos)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_beside_the_classifier_and_prints_the_figures(
    classifier: Classifier, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = resnets.load(str(classifier.path))
    path = classifier.save(tmp_path / "c.safetensors")
    with traceable():
        main(["export", str(path), "--to", "torch", "--data", str(photos)])
    out = capsys.readouterr().out
    assert "24 of 24 answers are the same as the classifier's" in out
    assert "24 are right, compared with 24 of the classifier" in out
    assert str(tmp_path / "c.pt2") in out
    assert (tmp_path / "c.pt2").is_file()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"to": "tflite"}, "export to 'tflite': must be one of onnx, int8, torch, triton"),
        ({"to": "onnx", "precision": "int8"}, "precision int8 is for a model repository"),
        ({"to": "int8", "max_drop": -1}, "max drop -1"),
        ({"to": "onnx", "precision": "fp16"}, "precision 'fp16': must be one of float32, int8"),
        ({"to": "triton", "max_batch": 0}, "max batch 0"),
        ({"to": "onnx", "max_batch": 8}, r"max batch 8: is for a model repository \(triton\)"),
        ({"to": "torch", "out": "x.onnx"}, r"x\.onnx: must end in \.pt2"),
        ({"to": "onnx", "out": "/"}, "/: is a folder"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    options: dict[str, object], why: str, classifier: Classifier, photos: Path, unchecked: None
) -> None:
    with pytest.raises(InputError, match=why):
        resnets.export(classifier, data=photos, **options)  # pyright: ignore[reportArgumentType] # wrong on purpose


def test_without_images_export_says_what_to_give(classifier: Classifier) -> None:
    with pytest.raises(InputError, match=rf"has no {SAMPLES} next to it, .* give data=, images of its classes"):
        resnets.export(classifier)


@pytest.fixture
def run(classifier: Classifier, tmp_path: Path) -> Classifier:
    """The classifier in a folder with samples beside it."""
    found = resnets.load(str(classifier.path))
    found.save(tmp_path / "run" / "classifier.safetensors")
    data = resnets.open_source(pictures.folder(tmp_path / "photos", count=8, size=(30, 26)))
    data = data.hold_out("val", fraction=0.5, seed=0)
    samples.write(tmp_path / "run" / SAMPLES, data.part("train"), data.part("val"), seed=0)
    return found


def test_the_samples_beside_a_classifier_are_found_and_their_validation_part_judges(run: Classifier) -> None:
    found = parity_images.find(run, None, calibrate=True)
    assert len(found.images) == 12
    assert "split val" in found.on
    assert found.labels is not None
    assert found.calibration is not None
    assert len(found.calibration) == 12
    assert not np.isin(found.calibration.rows, found.images.rows).any()


def test_without_a_training_part_half_of_the_images_calibrate_and_the_others_judge(
    run: Classifier, photos: Path
) -> None:
    found = parity_images.find(run, photos, calibrate=True)
    assert found.calibration is not None
    assert len(found.images) == len(found.calibration) == 12
    assert found.images.class_counts().tolist() == found.calibration.class_counts().tolist() == [4, 4, 4]
    assert not np.isin(found.calibration.rows, found.images.rows).any()
    assert len(parity_images.find(run, photos).images) == 24


def test_the_json_document_holds_the_path_and_the_figures(run: Classifier, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.path is not None
    with traceable():
        main(["export", str(run.path.parent), "--to", "torch", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["exported"] == str(run.path.with_name("classifier.pt2"))
    assert document["parity"]["images"] == document["parity"]["equal_top1"] == 12
    assert document["parity"]["classifier_top1"] == document["parity"]["exported_top1"]


def test_int8_is_calibrated_on_the_samples_and_says_how_it_was_made(
    run: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.path is not None
    with traceable():
        main(["export", str(run.path.parent), "--to", "int8", "--max-drop", "10"])
    path = run.path.with_name("classifier-int8.onnx")
    assert str(path) in capsys.readouterr().out
    found = open_exported(path)
    export = found.said["export"]
    assert found.kind == export["kind"] == "int8"
    assert export["int8"]["calibration_images"] == 12
    assert export["int8"]["method"] in export["int8"]["accuracies"]
    assert export["parity"]["exported_top1"]["right"] >= 0.9 * export["parity"]["images"]
    inside = onnx.load(path).graph.node
    assert any(node.op_type == "QuantizeLinear" for node in inside)


def test_int8_that_loses_too_much_is_refused_and_not_written(run: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruined(content: bytes, *_: object, **__: object) -> Quantized:
        model = onnx.load_model_from_string(content)
        bias = next(one for one in model.graph.initializer if one.name == "network.fc.bias")
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([99, 0, 0], dtype=np.float32), bias.name))
        return Quantized(model.SerializeToString(), "ruin", {"ruin": 0.3}, 12)

    monkeypatch.setattr(quantization, "quantize", ruined)
    with traceable(), pytest.raises(RunFailed, match=r"int8 loses \d+\.\d\d points, more than 0\.5"):
        resnets.export(run, "int8")
    assert run.path is not None
    assert not run.path.with_name("classifier-int8.onnx").exists()
