"""A file that drifted from its classifier is refused, and each drift by its name."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from resnets.base.errors import RunFailed
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.data import sources
from resnets.evaluation.metrics import Rate
from resnets.export import disagreement, exported, exporting, parity_images
from resnets.export.gate import Gate, Parity, refusal
from tests import pictures

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.35)  # as tests/deploy/conftest.py has them

Edit = Callable[[onnx.ModelProto], None]


def header(**changes: object) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        entry = model.metadata_props[0]
        entry.value = json.dumps(json.loads(entry.value) | changes)

    return edit


def preprocessing(**changes: object) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        said = json.loads(model.metadata_props[0].value)["preprocessing"]
        header(preprocessing=said | changes)(model)

    return edit


def values(name: str, new: Callable[[np.ndarray], np.ndarray]) -> Edit:
    """The graph with other numbers in one of its constants."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = next(one for one in model.graph.initializer if one.name == name)
        old = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(new(old).astype(old.dtype), name))

    return edit


def normalizing(mean: tuple[float, ...], std: tuple[float, ...]) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        values("scale", lambda old: np.resize(1 / (255 * np.array(std)), old.shape))(model)  # repeated along a row
        values("offset", lambda old: np.resize(-np.array(mean) / np.array(std), old.shape))(model)

    return edit


def blue_first(model: onnx.ModelProto) -> None:
    first = model.graph.node[0]
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0]), "order"))
    turn = onnx.helper.make_node("Gather", [first.input[0], "order"], ["turned"], axis=3)
    first.input[0] = "turned"
    model.graph.node.insert(0, turn)


def outputs_moved(model: onnx.ModelProto) -> None:
    for name in ("network.fc.weight", "network.fc.bias"):
        values(name, lambda old: old[[1, 2, 0]])(model)


def hotter(model: onnx.ModelProto) -> None:
    divide = next(node for node in model.graph.node if node.op_type == "Div")
    values(divide.input[1], lambda _: np.array(0.5))(model)


DRIFTS: dict[str, tuple[Edit, str]] = {
    "mean reversed in the graph": (normalizing(MEAN[::-1], STD), "graph normalizes with the mean in reverse"),
    "mean and std exchanged in the graph": (normalizing(STD, MEAN), "graph normalizes with mean and std swapped"),
    "mean and std of BGR": (normalizing(MEAN[::-1], STD[::-1]), "graph normalizes with mean and std in reverse"),
    "no normalization": (normalizing((0, 0, 0), (1, 1, 1)), "graph normalizes not at all: pixels from 0 to 1"),
    "ImageNet's": (
        normalizing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "graph normalizes with ImageNet's mean and std",
    ),
    "a half": (normalizing((0.5,) * 3, (0.5,) * 3), r"graph normalizes with mean and std of 0\.5"),
    "BGR": (blue_first, r"graph reads the channels in reverse \(BGR\)"),
    "outputs moved": (outputs_moved, "graph has its outputs in another order: output 0 is the classifier's 1"),
    "temperature in the graph": (hotter, r"graph has the temperature 0\.5"),
    "a weight": (values("network.conv1.weight", lambda old: -old), "the graph computes something else"),
    "not a number": (values("network.fc.bias", lambda old: old * np.nan), "its outputs are not finite numbers"),
    "another resize": (preprocessing(resize=28), "another resize: 28, but 24 in the classifier; so 24 of 24 images"),
    "another crop": (preprocessing(fit="squash"), "another crop: fit squash, but crop in the classifier"),
    "another interpolation": (preprocessing(interpolation="bicubic"), "another interpolation: bicubic"),
    "mean reversed in the header": (preprocessing(mean=MEAN[::-1]), r"mean or std reversed \(BGR order\) in the h"),
    "exchanged in the header": (preprocessing(mean=STD, std=MEAN), "mean and std swapped in the header"),
    "another mean": (preprocessing(mean=(0.1, 0.2, 0.3)), "another mean and std in the header"),
    "classes reordered": (
        header(classes=["red", "green", "blue"]),
        "classes reordered: output 0 is called 'red', but 'blue' in the classifier",
    ),
    "classes renamed": (header(classes=["blue", "green", "rot"]), "other class names: 'rot'"),
    "temperature in the header": (header(temperature=1.0), r"another temperature: 1\.0, but 1\.7 in the classifier"),
    "threshold": (header(abstain_below=0.0), r"another abstain_below: 0\.0, but 0\.4 in the classifier"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_each_drift_is_caught_with_its_reason(
    name: str, onnx_file: Path, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    edit, why = DRIFTS[name]
    model = onnx.load(onnx_file)
    edit(model)
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(RunFailed, match=why) as refused:
        exporting.check(classifier, exported.open_exported(tmp_path / "x.onnx"), data=photos)
    assert "x.onnx" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_as_it_was_exported_passes_with_its_figures(
    onnx_file: Path, torch_file: Path, classifier: Classifier, photos: Path
) -> None:
    for file in (onnx_file, torch_file):
        found = exporting.check(classifier, exported.open_exported(file), data=photos)
        assert (found.count, found.equal) == (24, 24)
        assert found.classifier == found.exported == Rate(24, 24)
        assert found.difference < 1e-5  # float32
        assert str(found).startswith("24 of 24 answers are the same as the classifier's, probabilities differ by up to")


def test_images_of_other_classes_are_judged_by_agreement(
    onnx_file: Path, classifier: Classifier, tmp_path: Path
) -> None:
    folder = pictures.folder(tmp_path / "photos", count=3)
    for name in pictures.CLASSES:
        (folder / name).rename(folder / f"n-{name}")
    file = exported.open_exported(onnx_file)
    found = exporting.check(classifier, file, data=folder)
    assert (found.count, found.equal, found.classifier, found.exported) == (9, 9, None, None)
    mapped = exporting.check(classifier, file, data=folder, class_map={f"n-{name}": name for name in pictures.CLASSES})
    assert mapped.classifier == Rate(9, 9)


def parity(equal: int, ours: int | None, theirs: int | None, difference: float = 0.0) -> Parity:
    rates = [None if right is None else Rate(right, 200) for right in (ours, theirs)]
    return Parity("these", 200, equal, difference, *rates)


def test_float_may_differ_nowhere_and_int8_may_lose_what_it_is_allowed() -> None:
    assert refusal(parity(200, 150, 150, 1e-6), "onnx", 0.5) is None
    assert refusal(parity(199, 150, 150), "onnx", 0.5) == "1 answers differ"
    assert "more than rounding" in str(refusal(parity(200, 150, 150, 0.01), "torch", 0.5))
    assert "more than rounding" in str(refusal(parity(200, 150, 150, float("nan")), "onnx", 0.5))
    assert refusal(parity(190, 150, 149, 0.3), "int8", 0.5) is None
    assert refusal(parity(190, 150, 160, 0.3), "int8", 0.0) is None
    assert refusal(parity(190, 150, 148, 0.3), "int8", 0.5) == "int8 loses 1.00 points, more than 0.5"
    assert refusal(parity(198, None, None, 0.3), "int8", 0.5) == "int8 loses 1.00 points, more than 0.5"
    assert refusal(parity(199, None, None, 0.3), "int8", 0.5) is None


def test_int8_that_drifted_is_told_from_int8_that_is_only_coarse(
    onnx_file: Path, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    images_given = sources.open_source(photos)

    def reasons(*edits: Edit) -> list[str]:
        model = onnx.load(onnx_file)
        said = json.loads(model.metadata_props[0].value)["export"]
        for edit in (header(export=said | {"kind": "int8"}), *edits):
            edit(model)
        onnx.save(model, tmp_path / "x.onnx")
        return disagreement.reasons(classifier, exported.open_exported(tmp_path / "x.onnx"), images_given)

    random = np.random.default_rng(0)
    coarse = values("network.fc.weight", lambda old: old + random.normal(0, 0.02, old.shape))
    assert reasons(coarse) == ["the graph loses too much in its low precision"]
    assert reasons(coarse, blue_first) == ["the graph reads the channels in reverse (BGR)"]


def test_the_command_checks_a_file_and_says_which_drift_there_is(
    onnx_file: Path, classifier: Classifier, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", str(classifier.path), "--check", str(onnx_file), "--data", str(photos), "--json"])
    assert json.loads(capsys.readouterr().out)["parity"]["equal_top1"] == 24
    model = onnx.load(onnx_file)
    blue_first(model)
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(SystemExit) as left:
        main(["export", str(classifier.path), "--check", str(tmp_path / "x.onnx"), "--data", str(photos)])
    assert left.value.code == 1
    assert re.search(
        r"x\.onnx: refused because .* the graph reads the channels in reverse \(BGR\)", capsys.readouterr().err
    )


def test_the_classifiers_answers_are_computed_once_for_many_files(
    onnx_file: Path, classifier: Classifier, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(replace(classifier), parity_images.find(classifier, photos))
    file = exported.open_exported(onnx_file)
    first = gate.compare(file)
    monkeypatch.setattr(Classifier, "outputs", lambda *_: pytest.fail("computed again"))
    assert gate.compare(file) == first
