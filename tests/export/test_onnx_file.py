"""An ONNX file of others' making takes no weights from elsewhere, and asks for no more memory than an image needs."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.export.exporting import Target
from tests.colours import traceable

OPSET = [helper.make_opsetid("", 13)]


def apart(path: Path, folder: Path, location: str = "weights.bin") -> Path:
    """The file with its weights in another one."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / path.name
    onnx.save(
        onnx.load(path), out, save_as_external_data=True, all_tensors_to_one_file=True, location=location,
        size_threshold=256,
    )  # fmt: skip
    return out


def other_weights(file: Path, out: Path) -> Path:
    """A copy of a file of weights, all of which are another number."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes((np.frombuffer(file.read_bytes(), np.float32) * np.float32(-1)).tobytes())
    return out


def pointing_to(path: Path, location: str) -> Path:
    """The model, whose external data is said to be elsewhere."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_a_file_answers_with_the_weights_beside_it_wherever_it_is_asked_from(
    onnx_file: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = apart(onnx_file, tmp_path / "model")
    other_weights(tmp_path / "model" / "weights.bin", tmp_path / "elsewhere" / "weights.bin")
    expected = resnets.open_predictor(onnx_file).evaluate(photos).probabilities
    for folder in ("elsewhere", "model", "."):
        monkeypatch.chdir(tmp_path / folder)
        assert np.array_equal(resnets.open_predictor(file).evaluate(photos).probabilities, expected)


def test_a_check_is_of_the_weights_that_the_file_will_answer_with(
    onnx_file: Path, classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = apart(onnx_file, tmp_path / "model")
    monkeypatch.chdir(tmp_path / "model")
    words = ["export", str(classifier.path), "--check", str(file), "--data", str(photos)]
    main(words)
    (tmp_path / "right").mkdir()
    shutil.copy("weights.bin", tmp_path / "right")
    other_weights(Path("weights.bin"), Path("weights.bin"))
    for folder in ("model", "right"):
        monkeypatch.chdir(tmp_path / folder)
        with pytest.raises(SystemExit, match="1"):
            main(words)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*", "", "link.bin"])
def test_weights_outside_of_the_models_folder_are_refused(location: str, onnx_file: Path, tmp_path: Path) -> None:
    file = apart(onnx_file, tmp_path / "model")
    shutil.copy(tmp_path / "model" / "weights.bin", tmp_path / "weights.bin")
    (tmp_path / "model" / "link.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(InputError, match=r"colours\.onnx: ") as refused:
        resnets.open_predictor(pointing_to(file, location))
    assert "\n" not in str(refused.value)


def test_weights_that_are_missing_or_cut_short_are_said_by_name(onnx_file: Path, tmp_path: Path) -> None:
    file, weights = apart(onnx_file, tmp_path / "model"), tmp_path / "model" / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"colours\.onnx: its external data cannot be read"):
        resnets.open_predictor(file)
    weights.unlink()
    with pytest.raises(InputError, match=r"weights are in .*weights\.bin, which is missing"):
        resnets.open_predictor(file)


def test_a_bulk_run_does_not_go_on_with_other_external_weights(onnx_file: Path, photos: Path, tmp_path: Path) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    file = apart(onnx_file, tmp_path / "model")
    with pytest.raises(KeyboardInterrupt):
        resnets.predict_bulk(file, photos, tmp_path / "a.csv", watch=stop)
    other_weights(tmp_path / "model" / "weights.bin", tmp_path / "model" / "weights.bin")
    with pytest.raises(InputError, match=r"colours\.onnx, whose content differs"):
        resnets.predict_bulk(file, photos, tmp_path / "a.csv")


def hostile(onnx_file: Path, nodes: list[onnx.NodeProto], values: list[onnx.TensorProto], out: Path) -> Path:
    """A graph of others' with our file's header: the mean of the image, plus what `nodes` make of it, `s`."""
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 20, 20, 3])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    mean = [
        helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], keepdims=0, axes=[1, 2]),
    ]
    graph = helper.make_graph(
        [*mean, *nodes, helper.make_node("Add", ["m", "s"], ["probabilities"])], "g", [images], [probabilities], values
    )
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8)
    model.metadata_props.extend(onnx.load(onnx_file).metadata_props)
    onnx.save(model, out)
    return out


def numbers(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def test_a_graph_that_wants_ten_thousand_million_numbers_is_refused_before_it_runs(
    onnx_file: Path, tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["m"], ["q"], keepdims=1, axes=[0, 1]),
        helper.make_node("Expand", ["q", "shape"], ["z"]),
        helper.make_node("ReduceSum", ["z"], ["s"], keepdims=0),
    ]
    file = hostile(onnx_file, nodes, [numbers("shape", 50_000, 200_000)], tmp_path / "x.onnx")
    with pytest.raises(InputError, match=r"x\.onnx: needs 10,000,000,000 numbers at once for one image"):
        resnets.open_predictor(file)


def test_a_graph_whose_numbers_cannot_be_told_beforehand_fails_in_one_line(
    onnx_file: Path, photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = [
        helper.make_node("Shape", ["m"], ["two"]),
        helper.make_node("Mul", ["two", "factor"], ["many"]),
        helper.make_node("ConstantOfShape", ["many"], ["z"]),
        helper.make_node("ReduceSum", ["z"], ["s"], keepdims=0),
    ]
    file = hostile(onnx_file, nodes, [numbers("factor", 10**9, 10**8)], tmp_path / "x.onnx")
    with pytest.raises(SystemExit) as left:
        main(["predict", str(file), str(photos / "red" / "000.png")])
    assert left.value.code == 2
    said = capfd.readouterr().err.strip()
    assert "x.onnx: cannot be computed (" in said
    assert "\n" not in said


@pytest.mark.parametrize(("shift", "said"), [(-300.0, "values from -"), (300.0, "values from"), (None, "a sum of")])
def test_a_graph_that_gives_no_probabilities_is_refused(
    shift: float | None, said: str, onnx_file: Path, photos: Path, tmp_path: Path
) -> None:
    if shift is None:  # all classes are sure
        nodes = [
            helper.make_node("Mul", ["m", "minus"], ["n"]),
            helper.make_node("Add", ["n", "one"], ["s"]),
        ]
        values = [
            numpy_helper.from_array(np.array(number, np.float32), name) for name, number in (("minus", -1), ("one", 1))
        ]
    else:
        nodes = [helper.make_node("Identity", ["shift"], ["s"])]
        values = [numpy_helper.from_array(np.array(shift, np.float32), "shift")]
    opened = resnets.open_predictor(hostile(onnx_file, nodes, values, tmp_path / "x.onnx"))
    with pytest.raises(InputError, match=rf"x\.onnx: gives no probabilities: {said}"):
        opened.evaluate(photos)


@pytest.mark.parametrize("kind", ["onnx", "int8"])
def test_a_file_says_the_oldest_onnx_runtime_that_loads_it_and_has_the_lowest_ir_version(
    kind: Target, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    with traceable():
        found = resnets.export(classifier, kind, tmp_path / "x.onnx", data=photos, max_drop=100)
    assert found.runs_on == "ONNX Runtime 1.14 or later"
    model = onnx.load(found.path)
    assert (model.opset_import[0].version, model.ir_version) == (18, 8)
    assert json.loads(model.metadata_props[0].value)["export"]["onnxruntime"] == ">=1.14"
