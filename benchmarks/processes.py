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
from torch import Tensor

STEPS, IMAGES, VAL = 50, 64, 10_001
SETTINGS = {
    "batch_size": IMAGES // 2, "accumulate": 2, "freeze_norms": "true", "execution.threads": 1,
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


def row_of(run: Path) -> dict[str, Any]:
    """What metrics.jsonl says of the run's only epoch."""
    return json.loads((run / "metrics.jsonl").read_text())


def weights_of(run: Path) -> dict[str, Tensor]:
    tensors = load_file(run / "last" / "state.safetensors")
    return {name: tensor.double() for name, tensor in tensors.items() if name.startswith("network")}


def main(weights_file: str | None = None) -> None:
    more = [] if weights_file is None else ["--weights", str(Path(weights_file).resolve()), "--set", "head=new"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "random.npz")
        alone = folder / "run-1"
        for processes in (1, 2, 4):
            run = folder / f"run-{processes}"
            seconds = trained(folder / "random.npz", run, processes, [*more, "--set", "lr=0.01"])
            pairs = zip(weights_of(run).values(), weights_of(alone).values(), strict=True)
            apart = max(float((ours - theirs).abs().max()) for ours, theirs in pairs)
            print(
                f"{processes} processes: weights apart by {apart:.1e} from one process's after {STEPS} steps, "
                f"{row_of(run)['images_per_second']:.0f} images/s, {seconds:.0f} s in all", flush=True,
            )  # fmt: skip
        judged: list[dict[str, Any]] = []
        for processes in (1, 2, 3):  # at a rate of 0 all have the same weights
            run = folder / f"judged-{processes}"
            trained(folder / "random.npz", run, processes, [*more, "--set", "lr=0"])
            judged.append({name: value for name, value in row_of(run).items() if name.startswith("val_")})
            same = "the same" if judged[-1] == judged[0] else "NOT THE SAME"
            print(f"{processes} processes say of {VAL:,} images: {judged[-1]}: {same}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
