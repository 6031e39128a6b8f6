"""`resnets.train` on a folder of JPEG photographs, resnet18 at 224 pixels, against timm's model, timm's loader and a
plain loop: images a second of the training itself, from the fifth step to the epoch's end. We compute the way that
`plan` chooses here in runs of more than two minutes.

    .venv/bin/python -m benchmarks.end_to_end [ARCHIVE]   (a zip of photographs; scikit-learn's two, if left out)
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import resnets
from benchmarks import photographs
from benchmarks.measuring import Measured, Wanted, in_turns
from resnets.base.cpus import usable_cpus
from resnets.catalog import resolve
from resnets.structure import structure
from resnets.training.listener import StepDone
from tests.peers import ImageDataset, create_loader, timm

BATCH, STEPS, UNTIMED, ROUNDS = 16, 20, 4, 3
SETTINGS = {
    "epochs": 1, "batch_size": BATCH, "augment": "resized-crop", "min_area": 0.08, "preprocessing.size": 224,
    "preprocessing.resize": 256, "execution.winograd": True,
}  # fmt: skip


class Clock(resnets.Listener):
    """When each step was done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step(self, done: StepDone) -> None:
        float(done.loss)  # wait for it
        self.times.append(time.perf_counter())

    @property
    def rate(self) -> float:
        """Images a second."""
        timed = self.times[UNTIMED - 1 :]
        return BATCH * (len(timed) - 1) / (timed[-1] - timed[0])


def make(root: Path, archive: Path | None) -> None:
    """Two classes of photographs to train on, as many as the steps need, and a few to validate on."""
    photographs.make(root / "all", archive, enough=0)
    files = sorted((root / "all").rglob("*.jpg"))
    for index in range(BATCH * STEPS):
        part = root / "photos" / "train" / "ab"[index % 2]
        part.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[index % len(files)], part / f"{index:04}.jpg")
    for index in range(8):
        part = root / "photos" / "val" / "ab"[index % 2]
        part.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[index], part / f"{index}.jpg")


def ours(root: Path) -> float:
    clock = Clock()
    out = root / "run"
    shutil.rmtree(out, ignore_errors=True)
    resnets.train(
        root / "photos", "resnet18", out=out, settings=SETTINGS, plan="usual", samples=False, listeners=[clock]
    )
    return clock.rate


def theirs(root: Path) -> float:
    options: dict[str, Any] = {"color_jitter": None, "scale": (0.08, 1.0), "interpolation": "bilinear"}
    loader = create_loader(
        ImageDataset(str(root / "photos" / "train")), (3, 224, 224), BATCH, is_training=True,
        num_workers=usable_cpus(), device=torch.device("cpu"), **options,
    )  # fmt: skip
    network = timm.create_model("resnet18", num_classes=2).train()
    sgd = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    clock = Clock()
    for images, labels in loader:
        loss = F.cross_entropy(network(images), labels)
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()
        float(loss.detach())  # wait for it
        clock.times.append(time.perf_counter())
    return clock.rate


def lines(archive: Path | None = None) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="training-benchmark-") as name:
        root = Path(name)
        make(root, archive)
        flops = 2 * 3 * structure(resolve("resnet18").spec, 224).macs
        yield in_turns(
            f"train on JPEG photographs, resnet18 at 224, {usable_cpus()} cores", lambda: ours(root),
            lambda: theirs(root), unit="images/s", peer_name="timm's model and loader, a plain loop", rounds=ROUNDS,
            wanted=Wanted(1.3), flops=flops,
        )  # fmt: skip


if __name__ == "__main__":
    for line in lines(*map(Path, sys.argv[1:2])):
        print(line, flush=True)
