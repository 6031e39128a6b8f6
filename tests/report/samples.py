"""Runs to report on: images from a seed, an untrained network, and logits that are wrong as often as they are told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resnets import resnet
from resnets.classifier.file import Classifier
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.report.evaluated import RunReport

HOSTILE = (
    "</script><script>document.title='stolen'</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "\u202eright to left\u202c and عربى",
    "a\x00b\x1bc\udc80",
    "👩\u200d🔬 naïve café ½",
    "W" * 3000,
    "$x^2$ &amp; <b>bold</b>",
)


class Pixels:
    """Images in one array, whose names are given."""

    def __init__(self, array: NDArray[np.uint8], names: Sequence[str]) -> None:
        self.array, self.names = array, names

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int) -> NDArray[np.uint8]:
        return self.array[index]

    def name(self, index: int) -> str:
        return self.names[index]


def images(classes: tuple[str, ...], labels: NDArray[np.int64], *, size: int, channels: int) -> ImageSet:
    random = np.random.default_rng(1)
    array = random.integers(0, 256, (len(labels), size, size, channels), dtype=np.uint8)
    names = [f"photos/{classes[label]}/{index:04}.png" for index, label in enumerate(labels)]
    return ImageSet(
        name="photos",
        classes=classes,
        images=Pixels(array, names),
        labels=labels,
        splits=np.zeros(len(labels), dtype=np.int8),
        rows=np.arange(len(labels)),
    )


def classifier(classes: tuple[str, ...], *, size: int, channels: int, **fields: Any) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet("cifar_resnet20", num_classes=len(classes), in_channels=channels)
    half = (0.5,) * channels
    preprocessing = Preprocessing(size=size, resize=size, channels=channels, mean=half, std=half)
    return Classifier(network=network, classes=classes, preprocessing=preprocessing, **fields)


def logits(labels: NDArray[np.int64], classes: int, *, wrong: float = 0.2, seed: int = 2) -> NDArray[np.float32]:
    """Right but for a share `wrong` of the images, and more or less sure."""
    random = np.random.default_rng(seed)
    found = random.normal(0, 1, (len(labels), classes)).astype(np.float32)
    missed = random.random(len(labels)) < wrong
    answers = np.where(missed, (labels + 1 + random.integers(0, max(1, classes - 1), len(labels))) % classes, labels)
    found[np.arange(len(labels)), answers] = found.max(axis=1) + random.uniform(0.05, 6, len(labels))
    return found


def rows(epochs: int, **others: Any) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "epoch": epoch, "step": 10 * epoch, "seconds": 31.5 * epoch, "images_per_second": 400.0, "lr": 0.1 / epoch,
            "train_loss": 2.0 / epoch, "val_loss": 2.5 / epoch, "val_top1": 1 - 0.5 / epoch, "val_top5": 1.0, **others,
        }
        for epoch in range(1, epochs + 1)
    )  # fmt: skip


def run(
    classes: tuple[str, ...] = ("cat", "dog", "owl", "bee", "ant", "elk"),
    *,
    count: int = 240,
    size: int = 24,
    channels: int = 3,
    wrong: float = 0.2,
    epochs: int = 4,
    **fields: Any,
) -> RunReport:
    """A report's input with nothing left out, but for what `fields` say."""
    labels = np.arange(count) % len(classes)
    data = images(classes, labels, size=size, channels=channels)
    origin = {
        "recipe": {"epochs": epochs, "lr": 0.1}, "network": "cifar_resnet20", "seed": 7,
        "data": {"name": "photos", "train": 960, "val": count, "left_out": 3, "skip_bad": True, "fingerprint": "0",
                 "held_out": {"fraction": 0.2, "seed": 7, "fingerprint": "0"}},
        "versions": {"resnets": "0.1.0", "torch": "2.13.0"}, "date": "2026-11-24T10:00:00+00:00",
    }  # fmt: skip
    made = classifier(classes, size=size, channels=channels, temperature=1.5, abstain_below=0.6, origin=origin,
                      metrics={"val": {"epoch": epochs}})  # fmt: skip
    given: dict[str, Any] = {
        "classifier": made,
        "images": data,
        "labels": labels,
        "logits": logits(labels, len(classes), wrong=wrong),
        "on": "photos, split val",
        "train": data,
        "rows": rows(epochs),
        "recipe": "finetune",
        "command": "resnets train photos/ --recipe 'my recipe.toml'",
        "notes": ("photos/owl/0007.png: truncated",),
    }
    return RunReport(**{**given, **fields})
