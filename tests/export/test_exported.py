"""An exported file is a predictor: it answers as its classifier does, or says what is wrong with it."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.export.exported import Exported


@pytest.fixture(params=["onnx", "torch"])
def file(request: pytest.FixtureRequest, onnx_file: Path, torch_file: Path) -> Path:
    return onnx_file if request.param == "onnx" else torch_file


def opened(path: Path) -> Exported:
    found = resnets.open_predictor(path)
    assert isinstance(found, Exported)
    return found


def test_a_file_predicts_as_its_classifier_does(file: Path, classifier: Classifier, photos: Path) -> None:
    paths = sorted(photos.rglob("*.png"))
    ours, theirs = classifier.predict(paths, top=3), opened(file).predict(paths, top=3)
    for one, other in zip(ours, theirs, strict=True):
        assert (one.label, one.sure) == (other.label, other.sure)
        assert [a.probability for a in one.answers] == pytest.approx([a.probability for a in other.answers], abs=1e-5)


def test_a_file_carries_all_that_the_classifier_says_of_itself(file: Path, classifier: Classifier) -> None:
    found = opened(file)
    export = found.said["export"]
    assert {name: value for name, value in found.said.items() if name != "export"} == json.loads(
        json.dumps(classifier.header())
    )  # as JSON has it: lists for tuples
    assert (found.classes, found.preprocessing) == (classifier.classes, classifier.preprocessing)
    assert found.abstain_below == classifier.abstain_below
    assert export["kind"] == found.kind
    assert export["parity"]["equal_top1"] == export["parity"]["images"] == 24
    assert len(export["source_sha256"]) == 64
    assert {"resnets", "torch", "onnx"} <= set(export["versions"])


@pytest.mark.parametrize("tta", ["none", "flip", "crops"])
def test_a_file_is_evaluated_as_its_classifier_is(
    tta: str, onnx_file: Path, classifier: Classifier, photos: Path
) -> None:
    ours, theirs = (one.evaluate(photos, tta=tta) for one in (classifier, opened(onnx_file)))  # pyright: ignore[reportArgumentType] # a view's name
    assert theirs.top1 == ours.top1
    assert theirs.probabilities == pytest.approx(ours.probabilities, abs=1e-5)
    assert theirs.ece == pytest.approx(ours.ece, abs=1e-4)
    assert theirs.abstained == ours.abstained


def test_the_verbs_take_a_file_as_they_take_a_classifier(
    file: Path, classifier: Classifier, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(file), str(photos / "red"), "--json"])
    assert {row["answers"][0]["class"] for row in json.loads(capsys.readouterr().out)} == {"red"}
    main(["evaluate", str(file), str(photos), "--json", "--no-intervals"])
    assert json.loads(capsys.readouterr().out)["top1"]["right"] == 24
    main(["compare", str(classifier.path), str(file), str(photos), "--json"])
    assert json.loads(capsys.readouterr().out)["differing"] == []


def test_several_threads_may_ask_at_once(file: Path, classifier: Classifier) -> None:
    found = opened(file)
    random = np.random.default_rng(0)
    batches = [random.integers(0, 256, (3, 20, 20, 3), dtype=np.uint8) for _ in range(16)]
    alone = [found.outputs(one) for one in batches]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(pool.map(found.outputs, batches), alone, strict=True):
            assert np.array_equal(one, other)


def test_embeddings_are_the_networks_features_or_are_said_to_be_missing(
    onnx_file: Path, torch_file: Path, classifier: Classifier
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = classifier.network.features(classifier.preprocessing.normalize(torch.from_numpy(pixels))).numpy()
    assert np.allclose(opened(onnx_file).features(pixels), expected, atol=1e-5 * np.abs(expected).max())  # float32
    with pytest.raises(InputError, match=r"colours\.pt2: gives no embeddings; .*export\(\.\.\., embeddings=True\)"):
        opened(torch_file).features(pixels)


def test_a_probability_of_nothing_is_a_finite_output(onnx_file: Path) -> None:
    found = opened(onnx_file)
    sure = np.array([[1, 0, 0]], dtype=np.float32)
    object.__setattr__(found.runtime, "run", lambda _: [sure])
    outputs = found.outputs(np.zeros((1, 20, 20, 3), dtype=np.uint8))
    assert np.isfinite(outputs).all()
    assert outputs.argmax() == 0


def test_load_is_for_classifiers_and_predictor_for_either(file: Path, classifier: Classifier) -> None:
    with pytest.raises(InputError, match="an exported model, but this needs the classifier itself"):
        resnets.load(file)
    assert classifier.path is not None
    assert isinstance(resnets.open_predictor(classifier.path), Classifier)
    with pytest.raises(InputError, match="device 'cuda': exported models run on the CPU"):
        resnets.open_predictor(file, device="cuda")


def test_a_file_that_is_cut_short_or_missing_is_refused_by_name(file: Path, tmp_path: Path) -> None:
    content, path = file.read_bytes(), tmp_path / f"x{file.suffix}"
    for cut in (0, 4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match=r"x\.(onnx|pt2): ") as refused:
            resnets.open_predictor(path)
        assert "\n" not in str(refused.value)
    path.write_bytes(b"\x89PNG\r\n" + bytes(1000))
    with pytest.raises(InputError, match="damaged, or not written by resnets"):
        resnets.open_predictor(path)
    with pytest.raises(InputError, match=r"gone.*cannot be read"):
        resnets.open_predictor(path.with_name(f"gone{file.suffix}"))


def said(path: Path, out: Path, change: Callable[[dict], object]) -> Path:
    """The ONNX file with its header changed."""
    model = onnx.load(path)
    header = json.loads(model.metadata_props[0].value)
    change(header)
    model.metadata_props[0].value = json.dumps(header)
    onnx.save(model, out)
    return out


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 99, "origin": {"versions": {"resnets": "7.0"}}}, "format 99, written by resnets 7.0"),
        ({"classes": ["a", "b"]}, "3 outputs, but its header names 2 classes"),
        ({"classes": ["a", "b", "a"]}, "two classes are called 'a'"),
        ({"classes": None}, "its header is not that of a classifier"),
        ({"export": None}, "its header is not that of a classifier"),
        ({"abstain_below": 7}, "abstain_below = 7"),
        ({"preprocessing": {"size": 24, "resize": 24}}, "input is N x 20 x 20 x 3, .* makes N x 24 x 24 x 3"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    changes: dict[str, object], why: str, onnx_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=why) as refused:
        resnets.open_predictor(said(onnx_file, tmp_path / "x.onnx", lambda header: header.update(changes)))
    assert "x.onnx" in str(refused.value)


def test_a_model_of_others_is_refused_with_what_works(onnx_file: Path, tmp_path: Path) -> None:
    model = onnx.load(onnx_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(InputError, match=r"bare\.onnx: has no classes .* `resnets\.export` wrote"):
        resnets.open_predictor(tmp_path / "bare.onnx")
    model = onnx.load(onnx_file)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, tmp_path / "one.onnx")
    with pytest.raises(InputError, match="only takes exactly 1 images at a time"):
        resnets.open_predictor(tmp_path / "one.onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
    onnx.save(onnx.helper.make_model(graph, ir_version=10), tmp_path / "relu.onnx")
    with pytest.raises(InputError, match="input is not 'images' in uint8"):
        resnets.open_predictor(tmp_path / "relu.onnx")


class Harm:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def rewritten(path: Path, out: Path, changes: dict[str, Callable[[bytes], bytes]]) -> Path:
    """The .pt2 file with some of its entries changed, or added."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            change = next((change for end, change in changes.items() if name.endswith(end)), None)
            new.writestr(name, change(old.read(name)) if change else old.read(name))
        for name, change in changes.items():
            if name.startswith("archive/"):
                new.writestr(name, change(b""))
    return out


def test_a_hostile_torch_file_runs_nothing(torch_file: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    code = f"__import__('os').system('touch {touched}')".encode()

    def pickled(_: bytes) -> bytes:
        buffer = io.BytesIO()
        torch.save((Harm(touched),), buffer)
        return buffer.getvalue()

    def size(old: bytes) -> bytes:
        document = json.loads(old)
        text = json.dumps(document)
        at = text.index('"expr_str": "') + len('"expr_str": "')
        return (text[:at] + code.decode() + text[text.index('"', at) :]).encode()

    hostile = {
        "is damaged|an exported classifier|weights_only|Unsupported|Weights only": {"sample_inputs/model.pt": pickled},
        "is not a size": {"models/model.json": size},
        "which an exported classifier does not": {
            "models/model.json": lambda old: old.replace(b"torch.ops.aten.permute.default", b"os.system")
        },
        "contains code": {
            "models/model.json": lambda old: old.replace(b'"guards_code": []', b'"guards_code": ["' + code + b'"]')
        },
        "not a name": {"models/model.json": lambda old: old.replace(b'"name": "relu_"', b'"name": "a=\\nb"')},
        "contains archive/data/aotinductor": {"archive/data/aotinductor/model/x.so": lambda _: b"\x7fELF"},
        "classifier does not have": {"archive/data/constants/custom_obj_0": lambda _: pickle.dumps(1)},
    }
    for why, changes in hostile.items():
        with pytest.raises(InputError, match=why):
            resnets.open_predictor(rewritten(torch_file, tmp_path / "x.pt2", changes))
    assert not touched.exists()
    assert isinstance(resnets.open_predictor(rewritten(torch_file, tmp_path / "x.pt2", {})), Exported)


def test_onnx_runtime_missing_is_said_with_what_installs_it(onnx_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"needs the package onnxruntime: pip install 'resnets\[export\]'"):
        resnets.open_predictor(onnx_file)


def test_show_takes_an_exported_file_and_shows_its_classifiers_network(file: Path, classifier: Classifier) -> None:
    (row, built) = resnets.show(file).networks[0]
    assert (row.name, built.spec) == (file.stem, classifier.network.spec)
    assert built.image_size == (classifier.preprocessing.size,) * 2


@pytest.mark.parametrize("suffix", [".onnx", ".pt2"])
def test_show_refuses_an_exported_file_that_is_damaged_or_not_there(
    suffix: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / f"cut{suffix}"
    damaged.write_bytes(file.read_bytes()[:600])
    for path, why in ((damaged, "resnets export"), (tmp_path / f"no{suffix}", "no such file")):
        with pytest.raises(SystemExit) as left:
            main(["show", str(path)])
        assert left.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert why in line
        assert str(path) in line
