"""Recipes on real data, as a user runs them: each command as a whole process, its seconds, PFLOP and accuracy.

    .venv/bin/python -m benchmarks.recipes FOLDER [CASE ...]     (FOLDER: of the images and weights; no CASE: the list)

Measured on two cores of an AMD EPYC with AVX-512 and bfloat16, nothing else running unless said; the whole commands:

    ants-bees-probe       14 s   94.77% of val (three seeds)
    ants-bees-finetune    62 s   94.77% of val (three seeds)
    flowers-probe         17 s   85.50% of val (three seeds)
    flowers-finetune     136 s   89.00 +- 1.00% of val (three seeds)
    pneumonia            107 s   97.90% of val; test 90.87%, AUC 0.983
    fashion             1466 s   test 94.31%, wanted 94.0, beside other work
    cifar               1398 s   0.778 PFLOP, test 92.56%, wanted 92
    cifar-quick         1219 s   0.659 PFLOP, test 92.36%, wanted 92

On two cores with AVX2 alone, beside other work:

    fast-cifar          3470 s   0.349 PFLOP, test 92.90%, wanted 94

On another machine, with AVX2 alone, the transfers took two to three times as long as here before they were quickened.

CIFAR-10 is a folder `cifar10` with train/ and test/; Fashion-MNIST is Debian's package dataset-fashion-mnist.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnets import spec_values
from resnets.classifier.header import read_header
from resnets.data.augmentation import size_in_epoch
from resnets.structure import structure

RUNS = Path("runs/benchmarks")
WEIGHTS = "imagenet-resnet18.safetensors.xz"


@dataclass(frozen=True)
class Case:
    """One command and what it must reach within which time; `test`: the split that is scored afterwards."""

    data: str
    train: tuple[str, ...]
    minutes: float
    accuracy: float
    test: str | None = None


def _transfer(data: str, recipe: str, minutes: float, accuracy: float) -> Case:
    return Case(data, ("resnet18", "--weights", WEIGHTS, "--recipe", recipe), minutes, accuracy)


HALF = (  # ResNet-18's blocks for 32 x 32 images, half as wide: half.toml of docs/training.md
    "cifar_resnet20", "--recipe", "fast", "--set", "spec.depths=[2, 2, 2, 2]",
    "--set", "spec.widths=[32, 64, 128, 256]", "--set", "spec.stem.widths=[32]",
    "--set", "spec.shortcut=pooled-projection",
)  # fmt: skip
QUICK = (  # quick.toml of docs/training.md
    "cifar_resnet20", "--recipe", "fast", "--set", "spec.depths=[1, 1, 1]", "--set", "spec.widths=[64, 256, 256]",
    "--set", "spec.stem.widths=[32, 64]", "--set", "spec.stem.pool=true", "--set", "spec.shortcut=pooled-projection",
    "--set", "batch_size=256", "--set", "whiten=true", "--set", "bias_lr=16",
)  # fmt: skip
FEWER_HELD_OUT = ("--set", "val_fraction=0.02", "--set", "alternate_flip=true")

CASES: Mapping[str, Case] = {
    "ants-bees-probe": _transfer("ants-bees.zip", "linear-probe", 1, 0.94),
    "ants-bees-finetune": _transfer("ants-bees.zip", "finetune", 5, 0.93),
    "ants-bees-scratch": Case("ants-bees.zip", ("resnet18", "--epochs", "12"), 5, 0.0),
    "flowers-probe": _transfer("flower-photos.zip", "linear-probe", 1, 0.81),
    "flowers-finetune": _transfer("flower-photos.zip", "finetune", 10, 0.86),
    "flowers-scratch": Case("flower-photos.zip", ("resnet18", "--epochs", "20"), 10, 0.0),
    "pneumonia": Case("pneumoniamnist.npz", (), 10, 0.86, "test"),
    "fashion": Case(
        "/usr/share/datasets/fashion-mnist", (*HALF, "--epochs", "18", "--set", "flip=true"), 30, 0.94, "test"
    ),
    "cifar": Case("cifar10", (*HALF, "--epochs", "19", *FEWER_HELD_OUT), 25, 0.92, "test"),
    "cifar-quick": Case("cifar10", (*QUICK, "--epochs", "21", *FEWER_HELD_OUT), 25, 0.92, "test"),
    "fast-cifar": Case("cifar10", ("--recipe", "fast-cifar"), 60, 0.94, "test"),
}


def main(arguments: list[str]) -> None:
    folder, *names = arguments
    if not names:
        print("\n".join(CASES))
        return
    print(f"{'case':24}{'seconds':>9}{'limit':>7}{'PFLOP':>8}{'val':>8}{'test':>8}{'AUC':>8}{'wanted':>8}")
    for name in names:
        case = CASES[name]
        data = case.data if case.data.startswith("/") else str(Path(folder) / case.data)
        run = RUNS / name
        begun = time.perf_counter()
        _resnets("train", data, *(str(Path(folder) / a) if a == WEIGHTS else a for a in case.train), "-o", str(run))
        seconds = time.perf_counter() - begun
        scores = json.loads(_resnets("evaluate", str(run), data, "--split", case.test, "--json")) if case.test else None
        _print(name, case, run, seconds, scores)


def _print(name: str, case: Case, run: Path, seconds: float, scores: dict[str, Any] | None) -> None:
    header = read_header(run / "classifier.safetensors")
    test = f"{scores['top1']['value']:.2%}" if scores else ""
    auc = f"{scores['auc']:.4f}" if scores and scores["auc"] is not None else ""
    print(
        f"{name:24}{seconds:9.0f}{60 * case.minutes:7.0f}{petaflops(header):8.3f}"
        f"{header['metrics']['val']['top1']:8.2%}{test:>8}{auc:>8}{case.accuracy:8.1%}",
        flush=True,
    )


def petaflops(header: Mapping[str, Any]) -> float:
    """Of the run's training: six operations for each multiply-accumulate of a forward pass (two, and the way back)."""
    recipe, spec = header["origin"]["recipe"], spec_values.from_dict(header["spec"])
    full = recipe["train_size"] or header["preprocessing"]["size"]
    sizes = [
        size_in_epoch(epoch, recipe["epochs"], full=full, first=recipe["progressive"])
        for epoch in range(recipe["epochs"])
    ]
    return sum(6 * structure(spec, size).macs for size in sizes) * header["origin"]["data"]["train"] / 1e15


def _resnets(*arguments: str | None) -> str:
    command = [sys.executable, "-m", "resnets", *filter(None, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
