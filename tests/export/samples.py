"""A classifier and images for the tests of what is shipped: so small that a run takes seconds."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from tests import pictures


def classifier(**fields: object) -> Classifier:
    """An untrained network of three classes, drawn from a seed."""
    torch.manual_seed(0)
    return Classifier(
        network=resnets.resnet("cifar_resnet20", num_classes=3),
        classes=pictures.CLASSES,
        preprocessing=Preprocessing(size=16, resize=18),
        **fields,  # pyright: ignore[reportArgumentType] # whatever a test gives
    )


def in_openvino(model: Path | bytes) -> Any:
    """An ONNX file compiled by OpenVINO, in float32, which it takes for bfloat16 on CPUs that have it; else a skip."""
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    return core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def png(label: int, seed: int) -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    Image.fromarray(pictures.picture(label, seed)).save(file, "png")
    return file.getvalue()


def pngs(count: int) -> dict[str, bytes]:
    """Names in order, and pictures."""
    return {f"{place % 3}/{place:03}.png": png(place % 3, place) for place in range(count)}


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """A zip of files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    """A tar of files, compressed as its suffix says."""
    compression = {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix, "")
    with tarfile.open(path, f"w:{compression}") as archive:  # pyright: ignore[reportCallIssue, reportArgumentType] # one of its modes
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def bulk_in_a_process(classifier: str, images: str, out: str) -> None:
    """What a process runs that a test kills: two threads, parts of two images."""
    resnets.predict_bulk(classifier, images, out, batch_size=2, workers=2, top=2)
