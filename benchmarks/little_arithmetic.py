"""The recipes `fast` and `fast-cifar` beside fastai's one cycle and cifar10-airbench, at equal arithmetic on CIFAR-10.

    .venv/bin/python -m benchmarks.little_arithmetic CIFAR [EPOCHS [SIDE SEED]]     (CIFAR: its train/ and test/)

IMAGES of the training images, the whole test set, one view of each. `fast`, `fast-cifar` and fastai train the same
network: that of `fast-cifar`, half as wide. airbench trains its own, half as wide too, for as many epochs as have the
same multiply-accumulates. One thread a run, two runs at a time.

Measured on two cores with AVX2, 0.0135 PFLOP a run, one seed, when the network's pools still rounded sizes up (a run
takes 0.0121 PFLOP now); top-1 of 10,000 images:

    fast-cifar     82.8%
    airbench       78.9%   (0.1.8, which steps by SGD with lookahead; its Muon version is no package)
    fastai 2.8.7   72.3%
    fast           71.5%

fastai and airbench are no dependencies: `pip install fastai==2.8.7` and `pip install --no-deps airbench==0.1.8` first.
airbench is written for a GPU in float16; here it computes in float32 on the CPU, and is otherwise as published.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np
import torch

import resnets
from resnets import catalog
from resnets.data.loading import all_pixels
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.network import ResNet
from resnets.spec import ResNetSpec
from resnets.structure import structure
from tests import peers  # lets torchvision be imported beside a CPU-only torch

assert peers
RUNS = Path("runs/benchmarks")
NETWORK = "cifar_resnet8_wide"
WIDTHS = (32, 128, 128)
IMAGES, VAL, EPOCHS, SEEDS = 10_000, 500, 6, (0,)
FEW = 500  # images a step: the 1,024 and 2,000 of airbench and `fast-cifar` leave few steps in so few images
WHOLE = Preprocessing(size=32, resize=32)
AIRBENCHS_MACS = 33.065e6  # of its network with these widths, counted by hooks on its convolutions


def spec() -> ResNetSpec:
    """That of `fast-cifar`, at half the width."""
    return replace(catalog.find(NETWORK).spec, widths=WIDTHS)


def make(cifar: Path) -> Path:
    """IMAGES to train on, VAL more to choose an epoch by, and the test set, as a file that `resnets.train` reads."""
    made = RUNS / f"cifar10-{IMAGES}.npz"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        images = open_source(cifar)
        drawn = images.part("train").evenly(IMAGES + VAL, seed=0)
        parts = {
            "train": drawn.subset(range(IMAGES)), "val": drawn.subset(range(IMAGES, IMAGES + VAL)),
            "test": images.part("test"),
        }  # fmt: skip
        pixels = {f"{part}_images": all_pixels(found, WHOLE) for part, found in parts.items()}
        labels = {f"{part}_labels": found.labels[:, None] for part, found in parts.items()}
        np.savez(made, allow_pickle=False, **pixels, **labels)
    return made


def fast(data: Path, epochs: int, seed: int, *, recipe: str = "fast", batch: int = 128) -> float:
    """Ours, with `batch` images a step."""
    settings = {"epochs": epochs, "seed": seed, "batch_size": batch, "spec.widths": list(WIDTHS)}
    with tempfile.TemporaryDirectory() as folder:
        classifier = resnets.train(
            data, NETWORK, recipe=recipe, settings=settings, plan="usual", out=Path(folder) / "run", samples=False
        )  # fmt: skip
        return classifier.evaluate(data, split="test").top1.value


def fastai(data: Path, epochs: int, seed: int) -> float:
    """fastai's loader, Adam, one cycle and loop, with its usual shifts and mirror images for CIFAR."""
    from fastai.vision import all as fv  # pyright: ignore[reportMissingImports] # no dependency

    fv.set_seed(seed, reproducible=True)
    there = np.load(data)
    items = [(*pair, part == "test") for part in ("train", "test") for pair in zip(
        there[f"{part}_images"], there[f"{part}_labels"][:, 0].tolist(), strict=True
    )]  # fmt: skip
    block = fv.DataBlock(
        blocks=(fv.ImageBlock, fv.CategoryBlock), getters=[fv.ItemGetter(0), fv.ItemGetter(1)],
        splitter=fv.FuncSplitter(fv.ItemGetter(2)),
        item_tfms=[fv.CropPad(40, pad_mode="reflection"), fv.RandomCrop(32), fv.FlipItem(0.5)],
        batch_tfms=[fv.Normalize.from_stats(*fv.cifar_stats)],
    )  # fmt: skip
    loaders = block.dataloaders(items, bs=128, num_workers=0)
    learner = fv.Learner(loaders, ResNet(spec()), loss_func=fv.LabelSmoothingCrossEntropy(), metrics=[fv.accuracy])
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(epochs, 3e-3, wd=1e-2)
    return float(learner.recorder.values[-1][2])


def airbench(data: Path, epochs: int, seed: int) -> float:
    """Its network, optimizer, augmentation and loop, for as much arithmetic."""
    with tempfile.TemporaryDirectory() as folder, _without_a_gpu(Path(folder), data) as peer:
        torch.manual_seed(seed)
        widths = dict(zip(("block1", "block2", "block3"), WIDTHS, strict=True))
        loader = peer.CifarLoader(
            "cifar10", train=True, batch_size=FEW, aug={"flip": True, "translate": 2}, altflip=True
        )
        model = peer.train94(
            train_loader=loader, epochs=epochs * structure(spec(), 32).macs / AIRBENCHS_MACS,
            make_net=partial(peer.make_net94, widths=widths), verbose=False,
        )  # fmt: skip
        return peer.evaluate(model, peer.CifarLoader("cifar10", train=False), tta_level=0)


@contextmanager
def _without_a_gpu(folder: Path, data: Path) -> Iterator[Any]:
    """airbench. What it asks of a GPU and of float16 is done on the CPU and in float32, and it finds its files."""
    there = np.load(data)
    (folder / "cifar10").mkdir()
    for part in ("train", "test"):
        found = {"images": torch.from_numpy(there[f"{part}_images"]), "classes": list(map(str, range(10)))}
        labels = torch.from_numpy(there[f"{part}_labels"][:, 0]).long()
        torch.save({**found, "labels": labels}, folder / "cifar10" / f"{part}.pt")
    import airbench as peer  # pyright: ignore[reportMissingImports] # no dependency

    before, loader = Path.cwd(), peer.CifarLoader.__init__
    with ExitStack() as stack:
        for owner, name, stand_in in (
            (torch.nn.Module, "cuda", lambda module: module),
            (torch.nn.Module, "half", lambda module: module.float()),
            (torch.Tensor, "half", torch.Tensor.float),
            (torch.cuda, "Event", MagicMock),
            (torch.cuda, "synchronize", lambda: None),
            (loader, "__defaults__", (*loader.__defaults__[:-1], "cpu")),
        ):
            stack.enter_context(patch.object(owner, name, stand_in))
        stack.callback(os.chdir, before)
        os.chdir(folder)
        yield peer


SIDES: Mapping[str, Callable[[Path, int, int], float]] = {
    "fast": fast,
    "fastai": fastai,
    "fast-cifar": partial(fast, recipe="fast-cifar", batch=FEW),
    "airbench": airbench,
}


def main(cifar: Path, epochs: int = EPOCHS) -> None:
    make(cifar)
    petaflops = 6 * structure(spec(), 32).macs * IMAGES * epochs / 1e15
    print(f"{epochs} epochs of {IMAGES:,} images, {petaflops:.4f} PFLOP a run", flush=True)
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    with ThreadPoolExecutor(2) as pool:
        for side, top1 in pool.map(
            partial(_in_a_process, cifar, epochs), SEEDS * len(SIDES), sorted(SIDES) * len(SEEDS)
        ):
            found[side].append(100 * top1)
    for side, several in found.items():
        spread = f" +- {statistics.stdev(several):.2f}" if len(several) > 1 else ""
        print(f"{side:12}{statistics.mean(several):7.2f}{spread}%")


def _in_a_process(cifar: Path, epochs: int, seed: int, side: str) -> tuple[str, float]:
    command = [sys.executable, "-m", "benchmarks.little_arithmetic", str(cifar), str(epochs), side, str(seed)]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    print(f"{side:12} seed {seed}: {100 * said['top1']:.2f}% in {said['seconds']:.0f} s", flush=True)
    return side, said["top1"]


def one(cifar: Path, epochs: int, side: str, seed: int) -> None:
    """One run in a process of its own."""
    torch.set_num_threads(1)
    begun = time.perf_counter()
    top1 = SIDES[side](make(cifar).absolute(), epochs, seed)
    print(json.dumps({"top1": top1, "seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        one(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
