"""What a run makes to be passed on says nothing of its author's machine, and holds no image unless it may."""

import json
from pathlib import Path

import onnx
import pytest

import resnets
from resnets.classifier.header import read_header
from tests import pictures
from tests.colours import traceable
from tests.training.samples import TINY

SETTINGS = {"epochs": 1, "preprocessing": {"size": 16}, "spec": TINY}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return pictures.folder(tmp_path / "client-x" / "photos", count=8)


def test_headers_exports_and_reports_hold_names_and_no_absolute_paths(photos: Path, tmp_path: Path) -> None:
    first = resnets.train(
        photos, "cifar_resnet20", out=tmp_path / "client-x" / "first", settings=SETTINGS, plan="usual"
    )
    run = tmp_path / "client-x" / "run"
    settings = SETTINGS | {"head": "new"}
    second = resnets.train(photos, weights=first.path, out=run, settings=settings, plan="usual")
    with traceable():
        exported = resnets.export(second, data=photos).path
    header = read_header(run / "classifier.safetensors")
    assert header["origin"]["recipe"]["weights"] == header["origin"]["weights"] == "classifier.safetensors"
    parity = json.loads(onnx.load(exported).metadata_props[0].value)["export"]["parity"]
    assert parity["on"].startswith("photos, ")
    resnets_report = (run / "report.html").read_text()
    assert "resnets train photos" in resnets_report
    for text in (json.dumps(header), onnx.load(exported).metadata_props[0].value, resnets_report):
        assert str(tmp_path) not in text
        assert "client-x" not in text


def test_without_samples_no_image_is_kept_even_where_the_run_is_resumed(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    resnets.train(photos, "cifar_resnet20", out=run, settings=SETTINGS, samples=False, plan="usual")
    assert not (run / "samples.zip").exists()
    resnets.train(photos, out=run, resume=True, plan="usual")
    assert not (run / "samples.zip").exists()
