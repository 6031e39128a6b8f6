"""Published weights, exported, score what they must: with plain ONNX Runtime, with OpenVINO and as the classifier."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import resnets
from resnets import catalog
from resnets.classifier.file import Classifier
from resnets.export import parity_images
from resnets.export.exporting import Target
from resnets.export.gate import Gate
from tests.colours import traceable
from tests.export.samples import in_openvino
from tests.weights.test_published_scores import CIFAR, WORDNET

CLOSE = 1e-5  # of probabilities, float32 through 18 and 20 layers

Run = Callable[[np.ndarray], np.ndarray]


def alone(path: Path) -> tuple[Run, dict[str, Any]]:
    """An exported file in ONNX Runtime, and what its metadata says: all that a user without resnets has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["resnets"])
    return (lambda pixels: np.asarray(session.run(["probabilities"], {"images": pixels})[0])), about


def prepared(data: bytes, about: dict[str, Any]) -> np.ndarray:
    """An image file as the metadata's preprocessing has it, written from its words: shorter side, centre crop."""
    said = about["preprocessing"]
    assert said["fit"] == "crop"
    image = Image.open(io.BytesIO(data)).convert({1: "L", 3: "RGB"}[said["channels"]])
    short, long = sorted(image.size)
    longer = int(said["resize"] * long / short)
    target = (said["resize"], longer) if image.width <= image.height else (longer, said["resize"])
    if target != image.size:
        image = image.resize(target, {"bilinear": Image.Resampling.BILINEAR}[said["interpolation"]])
    left, top = (round((side - said["size"]) / 2) for side in image.size)
    return np.asarray(image.crop((left, top, left + said["size"], top + said["size"])))


def members(archive: Path) -> list[tuple[str, bytes]]:
    """Each image of a zip of class folders, with its class."""
    with zipfile.ZipFile(archive) as file:
        names = sorted(name for name in file.namelist() if name.lower().endswith((".png", ".jpg", ".jpeg")))
        return [(name.split("/")[-2], file.read(name)) for name in names]


def right(path: Path, archive: Path, meanings: Mapping[str, str]) -> int:
    """How many images of a zip an exported file has right, alone. meanings: the class that each folder's name means."""
    run, about = alone(path)
    found, photographs = 0, members(archive)
    for start in range(0, len(photographs), 100):
        batch = photographs[start : start + 100]
        answers = run(np.stack([prepared(data, about) for _, data in batch])).argmax(axis=1)
        found += sum(about["classes"][one] == meanings[name] for one, (name, _) in zip(answers, batch, strict=True))
    return found


def exported(classifier: Classifier, to: Target, data: Path, out: Path, **options: Any) -> Path:
    with traceable():
        return resnets.export(classifier, to, out, data=data, **options).path


@pytest.mark.slow
@pytest.mark.parametrize(("to", "least", "most"), [("onnx", 9173, 9173), ("int8", 9123, 9250)])
def test_resnet20_scores_what_it_must_of_10000_with_plain_onnx_runtime_and_the_files_own_metadata(
    to: Target, least: int, most: int, shared_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(CIFAR))
    classifier, _ = resnets.convert(
        shared_data / "resnet20-12fca82f.th", "cifar_resnet20", classes=tmp_path / "classes.txt"
    )
    path = exported(classifier, to, shared_data / "cifar10-train-2000.zip", tmp_path / "x.onnx")
    assert len(members(shared_data / "cifar10-test.zip")) == 10_000
    assert least <= right(path, shared_data / "cifar10-test.zip", {name: name for name in CIFAR}) <= most


@pytest.mark.slow
def test_onnx_runtime_openvino_and_the_classifier_agree_on_200_photographs_from_bytes_to_label(
    shared_data: Path, tmp_path: Path
) -> None:
    classifier, _ = resnets.convert(shared_data / "imagenet-resnet18.safetensors.xz", "resnet18")
    data = shared_data / "imagenette-val-200.zip"
    path = exported(classifier, "onnx", data, tmp_path / "x.onnx", class_map=WORDNET)
    run, about = alone(path)
    compiled = in_openvino(path)
    photographs = members(data)
    pixels = np.stack([prepared(data, about) for _, data in photographs])
    by_onnx_runtime = np.concatenate([run(pixels[start : start + 20]) for start in range(0, 200, 20)])
    by_openvino = np.concatenate(
        [compiled({"images": pixels[start : start + 20]})["probabilities"] for start in range(0, 200, 20)]
    )
    ours = Gate(classifier, parity_images.find(classifier, data)).ours
    assert len(ours) == len(photographs) == 200
    for theirs in (by_onnx_runtime, by_openvino):
        assert np.array_equal(theirs.argmax(axis=1), ours.argmax(axis=1))
        assert np.allclose(theirs, ours, atol=CLOSE)
    labels = [WORDNET[name] for name, _ in photographs]
    assert int((by_onnx_runtime.argmax(axis=1) == labels).sum()) == 143
    assert about["export"]["parity"]["equal_top1"] == 200


@pytest.mark.slow
def test_imagenet_resnet18_exported_to_int8_loses_two_photographs_of_200_at_most(
    shared_data: Path, tmp_path: Path
) -> None:
    classifier, _ = resnets.convert(shared_data / "imagenet-resnet18.safetensors.xz", "resnet18")
    data = shared_data / "imagenette-val-200.zip"
    # Calibrated on one half of the photographs, without their labels, and judged on the other.
    path = exported(classifier, "int8", data, tmp_path / "x.onnx", class_map=WORDNET)
    meanings = {name: classifier.classes[place] for name, place in WORDNET.items()}
    assert right(path, data, meanings) >= 141  # 143 in float32


@pytest.mark.parametrize("to", ["onnx", "torch"])
@pytest.mark.parametrize("name", ["resnet50_2015", "resnext50d_32x4d", "cifar_resnet20"])
def test_a_few_kinds_of_network_give_their_outputs_within_1e_4_when_exported(
    name: str, to: Literal["onnx", "torch"]
) -> None:
    """With one block a stage, and two in one of them. All of the catalog in ONNX: benchmarks/export_catalog.py."""
    from benchmarks import export_catalog

    with traceable():
        depths = (1, 2, 1, 1)[: len(catalog.find(name).spec.depths)]
        assert export_catalog.difference(export_catalog.drawn(name, depths=depths), to) <= export_catalog.LIMIT
