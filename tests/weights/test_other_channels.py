"""Real ImageNet weights for one and four channels: they start where the first kernel, summed or repeated, puts them."""

import json
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

import resnets
from resnets.classifier.file import Classifier
from tests.conftest import SHARED_DATA

WEIGHTS = SHARED_DATA / "imagenet-resnet18.safetensors.xz"
CLASSES = {"n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497, "n03394916": 566,
           "n03417042": 569, "n03425413": 571, "n03445777": 574, "n03888257": 701}  # fmt: skip

pytestmark = pytest.mark.usefixtures("shared_data")


def photographs(each: int) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """Some images of each of ten classes, 224 x 224, and their numbers among the 1,000."""
    with zipfile.ZipFile(SHARED_DATA / "imagenette-val-200.zip") as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        files = [name for folder in CLASSES for name in [one for one in members if f"{folder}/" in one][:each]]
        images = [Image.open(archive.open(name)).convert("RGB") for name in files]
    return images, np.repeat([*CLASSES.values()], each)


@cache
def variant(channels: int, grey: bool = False) -> Classifier:
    """The weights for so many channels; `grey`: with one mean and deviation for all of them."""
    fields = {"channels": channels, **({"mean": [0.449] * channels, "std": [0.226] * channels} if grey else {})}
    return resnets.convert(WEIGHTS, "resnet18", preprocessing=fields)[0]


def logits(classifier: Classifier, images: np.ndarray) -> Tensor:
    with torch.inference_mode():
        return classifier.network.eval()(classifier.preprocessing.normalize(torch.from_numpy(images)))


def greys(each: int) -> tuple[np.ndarray, np.ndarray]:
    found, labels = photographs(each)
    return np.stack([np.asarray(image.convert("L"))[..., None] for image in found]), labels


def test_one_channel_answers_as_three_equal_ones_do() -> None:
    images, _ = greys(1)
    one, three = logits(variant(1), images), logits(variant(3, grey=True), np.repeat(images, 3, axis=3))
    torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-3)  # the sum of a kernel's channels, in another order


def right(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> int:
    return int((logits(classifier, images).argmax(1).numpy() == labels).sum())


def test_variants_answer_about_as_well_as_docs_backbone_says() -> None:
    found, labels = photographs(2)
    colour = np.stack([np.asarray(image) for image in found])
    grey, _ = greys(2)
    fourth = colour.mean(3, keepdims=True).round().astype(np.uint8)
    three = right(variant(3), np.repeat(grey, 3, axis=3), labels)
    assert three >= 5  # 6 of 20 here, 11 in colour; of 1,000 classes
    assert abs(right(variant(1), grey, labels) - three) <= 2  # 7: one mean and deviation for all channels
    assert right(variant(4), np.concatenate([colour, fourth], 3), labels) >= 5  # 6


def test_training_starts_from_the_summed_kernel(tmp_path: Path) -> None:
    images, labels = greys(3)
    numbers = np.unique(labels, return_inverse=True)[1][:, None]
    held = np.arange(len(images)) % 3 == 2
    np.savez(tmp_path / "grey.npz", train_images=images[~held, ..., 0], train_labels=numbers[~held],
             val_images=images[held, ..., 0], val_labels=numbers[held])  # fmt: skip
    start = variant(1).save(tmp_path / "start.safetensors")
    tuned = resnets.train(
        tmp_path / "grey.npz", weights=start, out=tmp_path / "run", recipe="linear-probe", plan="usual",
        settings={"preprocessing.size": 128, "preprocessing.resize": 128},
    )  # fmt: skip
    assert torch.equal(tuned.network.state_dict()["conv1.weight"], variant(1).network.state_dict()["conv1.weight"])
    first = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])
    assert first["epoch"] == 0
    assert first["val_top1"] >= 0.4  # 0.6 of ten images here, of ten classes, at 128 pixels
