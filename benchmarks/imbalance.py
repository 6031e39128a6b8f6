"""Class weights on imbalanced sets: balanced accuracy on balanced test images, without them and with them.

    .venv/bin/python -m benchmarks.imbalance FOLDER [SEEDS]     (FOLDER: of pneumoniamnist.npz and the CIFAR-10 zips)

Measured on two busy cores, three seeds, 12 epochs of a small network, the best epoch by balanced accuracy both times:

    digits       120 to  3 images a class   none 86.56 +- 0.87%   balanced 89.10 +- 0.15%
    pneumonia    450 to 15 images a class   none 60.55 +- 7.07%   balanced 78.96 +- 6.19%
    cifar        160 to  4 images a class   none 21.67 +- 1.54%   balanced 21.71 +- 0.51%

"balanced" weighs images by the effective number of their classes (training/step/losses.py). In full proportion to the
counts, an image of digits' rarest class weighed 40 times as much as any other, and 78.8% were left of the 86.6%.
"""

import io
import statistics
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

import resnets

Images, Labels = NDArray[np.uint8], NDArray[np.int64]
Parts = dict[str, tuple[Images, Labels]]  # by split

TINY: dict[str, Any] = {"spec": {"widths": [8, 16, 32], "stem": {"widths": [8]}}, "monitor": "balanced_accuracy"}


def main(folder: Path, seeds: int) -> None:
    """Print a row for each set: what was trained on, and the balanced accuracy of each kind of weights."""
    for name, parts in {"digits": digits(), "pneumonia": pneumonia(folder), "cifar": cifar(folder)}.items():
        counts = np.bincount(parts["train"][1])
        sys.stdout.write(f"{name:10s} {counts.max():5d} to {counts.min():2d} images a class")
        for kind in ("none", "balanced"):
            found = [balanced_accuracy(parts, {"class_weights": kind, "seed": seed}) for seed in range(seeds)]
            spread = statistics.stdev(found) if seeds > 1 else 0.0
            sys.stdout.write(f"   {kind} {statistics.fmean(found):6.2%} +- {spread:.2%}")
        sys.stdout.write("\n")


def balanced_accuracy(parts: Parts, settings: dict[str, Any]) -> float:
    """Of a small network after 12 epochs, on the test images."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data.npz"
        arrays = {f"{split}_{kind}": value for split, pair in parts.items()
                  for kind, value in zip(("images", "labels"), pair, strict=True)}  # fmt: skip
        np.savez(data, allow_pickle=False, **arrays)
        out = Path(place) / "run"
        classifier = resnets.train(data, "cifar_resnet20", out=out, settings={**TINY, "epochs": 12, **settings})
        return classifier.evaluate(data, split="test").balanced_accuracy


def digits() -> Parts:
    """scikit-learn's digits: 3 eights beside 120 of each other digit."""
    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    return split(images, np.asarray(labels, np.int64), [3 if digit == 8 else 120 for digit in range(10)], val=20)


def pneumonia(folder: Path) -> Parts:
    """PneumoniaMNIST at half its size: 15 normal X-rays beside 450 of pneumonia."""
    found = np.load(folder / "pneumoniamnist.npz")
    halves = {name: found[f"{name}_images"][:, ::2, ::2] for name in ("train", "test")}
    parts = {name: (halves[name], found[f"{name}_labels"].ravel().astype(np.int64)) for name in halves}
    return {**split(*parts["train"], [15, 450], val=50), "test": parts["test"]}


def cifar(folder: Path) -> Parts:
    """CIFAR-10 at half its size: each class has two thirds of the one before, from 160 images to 4."""
    images, labels = pictures(folder / "cifar10-train-2000.zip")
    parts = split(images, labels, [round(160 * 0.025 ** (place / 9)) for place in range(10)], val=30)
    return {**parts, "test": pictures(folder / "cifar10-test.zip")}


def split(images: Images, labels: Labels, train: list[int], *, val: int) -> Parts:
    """The first images of each class train, the next `val` choose the epoch, the rest test."""
    places = [np.flatnonzero(labels == label) for label in range(len(train))]
    rows = {
        "train": np.concatenate([where[val : val + count] for where, count in zip(places, train, strict=True)]),
        "val": np.concatenate([where[:val] for where in places]),
        "test": np.concatenate([where[val + max(train) :] for where in places]),
    }
    return {name: (images[chosen], labels[chosen]) for name, chosen in rows.items()}


def pictures(path: Path) -> tuple[Images, Labels]:
    """The images of a zip that has a folder for each class."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        opened = (Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names)
        images = np.stack([np.asarray(image.reduce(2)) for image in opened])
    classes = sorted({name.split("/")[-2] for name in names})
    return images, np.array([classes.index(name.split("/")[-2]) for name in names], dtype=np.int64)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
