"""Why residual networks: plain and residual ones of 20 and 56 layers, trained the same (He et al. 2015, figure 1).

    .venv/bin/python -m benchmarks.degradation DATA [-o FOLDER] [--images 150] [--epochs 24] [--networks NAME ...]

DATA: labelled images in any form that `resnets train` takes, such as a folder or a zip with a folder for each class;
CIFAR-10 for the figures below. It writes, into FOLDER,

    fading.json        the curves, and the norms of activations and gradients by block, before training and after it
    degradation.svg    the loss of the training images by epoch: the deeper plain network is the worse one
    fading.svg         the norms by block

Networks whose curves are in FOLDER already are not trained again, so a run that was stopped goes on. Measured on
CIFAR-10, in some ten minutes of one core, the loss of the training images after the last epoch:

    plain-20 0.218    plain-56 2.097    residual-20 0.007    residual-56 0.012
"""

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import resnets
from resnets.catalog import find
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.explain.block_norms import block_norms
from resnets.network import ResNet
from resnets.report import chart
from resnets.report.chart import Axis, Entry, Frame
from resnets.spec import ResNetSpec
from resnets.variants import plain

Found = dict[str, dict[str, Any]]  # the curves and norms of each network

DEPTHS = (20, 56)
SIZE = 16  # pixels a side: a quarter of the work that CIFAR's 32 are
SETTINGS: dict[str, Any] = {  # the paper's rate, 0.1 for 128 images, scaled; the images as they are, to be learnt fast
    "batch_size": 32, "lr": 0.025, "schedule": "cosine", "warmup": 0.05, "momentum": 0.9, "nesterov": False,
    "weight_decay": 1e-4, "decay_norms_and_biases": True, "label_smoothing": 0.0, "flip": False, "augment": "none",
    "seed": 0,
}  # fmt: skip
WHEN = ("before", "after")  # training
PROBED = 128  # images that the norms are of


def main(data: str, out: Path, images: int, epochs: int, names: list[str]) -> None:
    """Train each of the networks, and write what came out."""
    out.mkdir(parents=True, exist_ok=True)
    place, setup = out / "fading.json", {"images_per_class": images, "epochs": epochs, "size": SIZE}
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "data.npz"
        write_arrays(data, images, arrays)
        for name, spec in networks().items():
            if name in names and name not in known(place, setup)["networks"]:
                curves = trained(spec, arrays, epochs, Path(folder) / name)
                found = known(place, setup)  # another process may train other networks meanwhile
                found["networks"][name] = curves
                place.write_text(json.dumps(found) + "\n")
                sys.stdout.write(f"{name}: training loss {curves['train_loss'][-1]:.3f}\n")
    drawn = {name: curves for name in networks() if (curves := known(place, setup)["networks"].get(name))}
    place.write_text(json.dumps({"setup": setup, "networks": drawn}) + "\n")
    (out / "degradation.svg").write_text(losses(drawn))
    (out / "fading.svg").write_text(norms_by_block(drawn))


def known(place: Path, setup: dict[str, int]) -> dict[str, Any]:
    """What was found so far with this setup."""
    found = json.loads(place.read_text()) if place.exists() else {}
    return found if found.get("setup") == setup else {"setup": setup, "networks": {}}


def networks() -> dict[str, ResNetSpec]:
    """The paper's four, with zero padding where the shape of a residual network's shortcut changes (option A)."""
    residual = {depth: replace(find(f"cifar_resnet{depth}").spec, num_classes=10) for depth in DEPTHS}
    return {f"plain-{depth}": plain(spec) for depth, spec in residual.items()} | {
        f"residual-{depth}": spec for depth, spec in residual.items()
    }


def write_arrays(data: str, count: int, path: Path) -> None:
    """The images that are trained on and those that judge, as a MedMNIST-like file of pixels."""
    source = resnets.open_source(data)
    if not source.has("train"):
        source = source.hold_out("test", fraction=0.2, seed=0)
    parts = {"train": source.part("train"), "val": source.part("test" if source.has("test") else "val")}
    arrays: dict[str, NDArray[Any]] = {}
    for split, part in parts.items():
        chosen = part.evenly(count * len(part.classes), seed=0)
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = pixels(chosen), chosen.labels
    np.savez(path, allow_pickle=False, **arrays)


def pixels(images: ImageSet) -> NDArray[np.uint8]:
    """Every image at the size that is trained on."""
    half = (0.5,) * 3
    small = Preprocessing(size=SIZE, resize=SIZE, channels=3, mean=half, std=half)
    return loading.all_pixels(images, small)


def trained(spec: ResNetSpec, data: Path, epochs: int, out: Path) -> dict[str, Any]:
    """A network's curves, and its norms by block before the first step and after the last."""
    classifier = resnets.train(
        data, spec, out=out, settings=SETTINGS, epochs=epochs, plan="usual", samples=False, device="cpu"
    )
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    train = np.load(data)
    first = torch.from_numpy(train["train_images"][:PROBED])
    probe = classifier.preprocessing.normalize(first), torch.from_numpy(train["train_labels"][:PROBED])
    torch.manual_seed(SETTINGS["seed"])
    norms = {"before": block_norms(ResNet(classifier.network.spec), *probe)}
    norms["after"] = block_norms(classifier.network, *probe)
    return {
        **{name: [round(row[name], 4) for row in rows] for name in ("train_loss", "val_loss", "val_top1")},
        "blocks": [block.name for block in norms["before"]],
        **{
            when: {
                kind: [float(f"{asdict(block)[kind]:.3g}") for block in blocks] for kind in ("activation", "gradient")
            }
            for when, blocks in norms.items()
        },
    }


def losses(found: Found) -> str:
    """The loss of the training images by epoch, as SVG."""
    lines = {name: list(enumerate(curves["train_loss"], 1)) for name, curves in found.items()}
    points = [point for line in lines.values() for point in line]
    frame = Frame(
        Axis(*chart.fitting([x for x, _ in points]), 54, 421, "whole"),
        Axis(*chart.fitting([y for _, y in points], low=0), 264, 25),
    )
    return chart.document(432, 340, *[
        frame.ground(title="loss of the training images", across="epoch"),
        *(frame.line(line, color(name), dashed=name.endswith("20")) for name, line in lines.items()),
        *key(found, 315),
    ])  # fmt: skip


def norms_by_block(found: Found) -> str:
    """The norms of activations and gradients by block, before training and after it, as SVG."""
    drawn: list[str] = []
    for row, kind in enumerate(("gradient", "activation")):
        every = [value for curves in found.values() for when in WHEN for value in curves[when][kind]]
        low, high = 10.0 ** math.floor(math.log10(min(every))), 10.0 ** math.ceil(math.log10(max(every)))
        for column, when in enumerate(WHEN):
            left, top = 54 + 370 * column, 25 + 250 * row
            frame = Frame(Axis(0, 1, left, left + 295), Axis(low, high, top + 180, top, "log"))
            drawn.append(frame.ground(title=f"{kind}, {when} training", across="depth: first block to last"))
            for name, curves in found.items():
                values = curves[when][kind]
                line = [(place / (len(values) - 1), value) for place, value in enumerate(values)]
                drawn.append(frame.line(line, color(name), dashed=name.endswith("20")))
    return chart.document(740, 560, *drawn, *key(found, 535))


def color(name: str) -> str:
    """Of a network's line; the depth is told by the stroke."""
    return chart.ORANGE if name.startswith("plain") else chart.BLUE


def key(found: Found, y: float) -> list[str]:
    """What each line is, side by side."""
    return [
        Entry(name, color(name), dashed=name.endswith("20")).drawn(20 + 104 * place, y)
        for place, name in enumerate(found)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("-o", "--out", type=Path, default=Path("degradation"))
    parser.add_argument("--images", type=int, default=150, help="a class")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--networks", nargs="*", default=list(networks()))
    asked = parser.parse_args()
    main(asked.data, asked.out, asked.images, asked.epochs, asked.networks)
