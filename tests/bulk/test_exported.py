"""What was exported is predicted with in bulk as the classifier is."""

import importlib.metadata
import json
from pathlib import Path

import pyarrow.parquet
import pytest

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_an_exported_file_gives_the_rows_of_its_classifier(
    kind: str, classifier: Classifier, photos: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    exported: Path = request.getfixturevalue(f"{kind}_file")
    assert classifier.path is not None
    rows: list[list[dict[str, object]]] = []
    for file in (classifier.path, exported):
        out = tmp_path / f"{file.stem}{file.suffix}.jsonl"
        written = resnets.predict_bulk(file, photos, out, batch_size=4, workers=2, device="auto")
        assert (written.count, written.bad) == (24, 0)
        rows.append([json.loads(line) for line in out.read_text().splitlines()])
    for one, other in zip(*rows, strict=True):
        assert one["image"] == other["image"]
        (said,), (again,) = one["answers"], other["answers"]  # pyright: ignore[reportGeneralTypeIssues] # of one answer
        assert said["class"] == again["class"]
        assert said["probability"] == pytest.approx(again["probability"], abs=1e-5)  # another runtime's sums of float32


def test_an_exported_files_features_are_written(
    onnx_file: Path, torch_file: Path, photos: Path, tmp_path: Path
) -> None:
    resnets.predict_bulk(onnx_file, photos, tmp_path / "a.parquet", embeddings=True)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.schema.field("embedding").type.list_size == 16
    with pytest.raises(InputError, match="gives no embeddings"):
        resnets.predict_bulk(torch_file, photos, tmp_path / "b.parquet", embeddings=True)


def test_onnx_runtime_may_come_by_another_name(
    onnx_file: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of onnxruntime-gpu and onnxruntime-openvino."""
    found = importlib.metadata.distribution

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name == "onnxruntime":
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    assert resnets.predict_bulk(onnx_file, photos, tmp_path / "a.csv").count == 24


def test_another_file_of_the_same_classifier_does_not_go_on_with_a_run(
    classifier: Classifier, onnx_file: Path, photos: Path, tmp_path: Path
) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    assert classifier.path is not None
    with pytest.raises(KeyboardInterrupt):
        resnets.predict_bulk(classifier.path, photos, tmp_path / "a.csv", watch=stop)
    with pytest.raises(InputError, match=r"colours.safetensors, but now it is .*colours.onnx, whose content differs"):
        resnets.predict_bulk(onnx_file, photos, tmp_path / "a.csv")
