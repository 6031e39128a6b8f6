"""One training by one, two and four processes on this machine (gloo): whether they agree, and what they cost.

    .venv/bin/python -m benchmarks.processes [WEIGHTS]   (of a cifar_resnet20 to start from; random, if left out)

Trains cifar_resnet20 for 50 steps with frozen batch norms, each run in processes of one thread. Random weights
with norms that never measure anything blow up a sum in another order; trained ones don't. Prints how far the
weights are apart, what all say of 10,001 validation images, and images a second. With fewer cores than processes the
last tells the cost of the messages, not a gain.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

STEPS, IMAGES, VAL = 50, 64, 10_001
SETTINGS = {
    "batch_size": IMAGES // 2, "accumulate": 2, "freeze_norms": "true", "lr": 0.01, "execution.threads": 1,
}  # fmt: skip


def make(path: Path) -> None:
    """Random images of CIFAR's size, whose brightness tells the class."""
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in (("train", STEPS * IMAGES), ("val", VAL)):
        labels = np.arange(count, dtype=np.uint8) % 10
        noise = draw.integers(0, 128, (count, 32, 32, 3), dtype=np.uint8)
        arrays[f"{split}_images"] = noise + (labels * 12)[:, None, None, None]
        arrays[f"{split}_labels"] = labels
    np.savez(path, allow_pickle=False, **arrays)


def trained(data: Path, out: Path, processes: int, more: Sequence[str]) -> float:
    """Seconds that the command took. Raises CalledProcessError when it failed."""
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    words = ["-m", "resnets", "train", str(data), "cifar_resnet20", "-o", str(out), "--epochs", "1", "--plan", "usual"]
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *torchrun, *words, "--no-samples", *settings, *more], check=True, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def main(weights_file: str | None = None) -> None:
    more = [] if weights_file is None else ["--weights", str(Path(weights_file).resolve()), "--set", "head=new"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "random.npz")
        first: dict[str, Any] = {}
        for processes in (1, 2, 3, 4):
            out = folder / f"run-{processes}"
            seconds = trained(folder / "random.npz", out, processes, more)
            row = json.loads((out / "metrics.jsonl").read_text())
            weights = {
                key: value for key, value in load_file(out / "last" / "state.safetensors").items()
                if key.startswith("network")
            }  # fmt: skip
            first = first or {"weights": weights, "row": row}
            apart = max(
                float((weights[key].double() - one.double()).abs().max()) for key, one in first["weights"].items()
            )
            figures = {key: row[key] for key in ("val_loss", "val_top1", "val_top5")}
            print(
                f"{processes} processes: weights apart by {apart:.1e} from one process's after {STEPS} steps, "
                f"{row['images_per_second']:.0f} images/s, {seconds:.0f} s in all; {VAL} images: {figures}", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:2])
