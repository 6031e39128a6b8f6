"""A model repository's folder is what Triton's own schema and ONNX Runtime read."""

from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import resnets
from resnets.base.errors import InputError, RunFailed
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.export import repository
from resnets.export.exported import open_exported
from tests.colours import SIZE, traceable

schema: Any = model_config_pb2  # a module that protobuf makes as it is imported

TYPES = {"tensor(uint8)": "TYPE_UINT8", "tensor(float)": "TYPE_FP32"}


@pytest.fixture(scope="module")
def folder(onnx_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("repository") / "colours"
    return repository.write(place, open_exported(onnx_file), onnx_file.read_bytes(), max_batch=32)


def test_config_names_types_and_shapes_are_those_of_the_model_in_onnx_runtime(folder: Path) -> None:
    config = text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    for stated, real in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        assert [one.name for one in stated] == [one.name for one in real]
        assert [schema.DataType.Name(one.data_type) for one in stated] == [TYPES[one.type] for one in real]
        assert [["batch", *one.dims] for one in stated] == [one.shape for one in real]  # Triton adds the batch itself
    assert (config.name, config.backend, config.max_batch_size) == ("colours", "onnxruntime", 32)
    assert list(config.dynamic_batching.preferred_batch_size) == [4, 8, 16, 32]
    assert config.dynamic_batching.max_queue_delay_microseconds == 2000
    assert list(config.input[0].dims) == [SIZE, SIZE, 3]


def test_labels_are_in_the_order_of_the_outputs(folder: Path, classifier: Classifier) -> None:
    config = text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())
    assert config.output[0].label_filename == "labels.txt"
    assert (folder / "labels.txt").read_text().splitlines() == list(classifier.classes)


def test_the_models_folder_is_a_predictor_too(folder: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["predict", str(folder), str(photos / "green" / "000.png"), "--csv"])
    assert ",green," in capsys.readouterr().out
    (folder / "1" / "model.onnx").rename(folder / "1" / "other.onnx")
    with pytest.raises(InputError, match=r"no model\.onnx"):
        resnets.open_predictor(folder)
    (folder / "1" / "other.onnx").rename(folder / "1" / "model.onnx")


def test_a_batch_of_one_is_preferred_where_no_more_are_taken(onnx_file: Path) -> None:
    text = repository.config("x", open_exported(onnx_file), onnx_file.read_bytes(), max_batch=1)
    config = text_format.Parse(text, schema.ModelConfig())
    assert list(config.dynamic_batching.preferred_batch_size) == [1]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("runs/photos/classifier.safetensors", "photos"),
        ("my flowers (2).safetensors", "my_flowers_2"),
        ("a/Käfer.safetensors", "K_fer"),
        ("..safetensors", "classifier"),
        (None, "classifier"),
    ],
)
def test_a_model_is_called_as_its_run_or_file(path: str | None, name: str) -> None:
    found = repository.model_name(None if path is None else Path(path))
    assert found == name


def test_a_folder_is_made_whole_or_not_at_all(onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(RunFailed, match="No space left on device"):
            repository.write(tmp_path / "m", open_exported(onnx_file), onnx_file.read_bytes(), max_batch=8)
    assert not list(tmp_path.iterdir())


def test_triton_exports_beside_what_is_there_and_never_over_it(
    classifier: Classifier, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "models"
    arguments = ["export", str(classifier.path), "--to", "triton", "--data", str(photos), "-o", str(place)]
    with traceable():
        main([*arguments, "--max-batch", "16"])
    assert str(place / "colours") in capsys.readouterr().out
    assert sorted(str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()) == [
        "colours/1/model.onnx", "colours/config.pbtxt", "colours/labels.txt",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        main(arguments)
    assert "colours: already exists; remove it" in capsys.readouterr().err


def test_a_models_folder_in_int8_holds_the_int8_file_of_the_same_classes(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    with traceable():
        made = resnets.export(classifier, "triton", tmp_path, data=photos, precision="int8", max_drop=10)
    assert (made.kind, made.path) == ("int8", tmp_path / "colours")
    opened = open_exported(made.path)
    assert (opened.kind, opened.classes) == ("int8", classifier.classes)
    operators = {node.op_type for node in onnx.load(made.path / "1" / "model.onnx").graph.node}
    assert "QuantizeLinear" in operators
    assert made.parity.drop <= 10
