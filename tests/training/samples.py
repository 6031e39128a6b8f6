"""Runs of a few steps, and how to stop them."""

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

import resnets
from resnets.base.progress import Progress
from resnets.training.run_folder import RunFolder

TINY: Mapping[str, Any] = {"depths": [1, 1, 1], "widths": [4, 8, 16], "stem": {"widths": [4]}}
QUICK: Mapping[str, Any] = {"epochs": 3, "batch_size": 4, "spec": TINY}


def train(
    data: Path, out: Path, network: Any = None, *, settings: Mapping[str, Any] = QUICK, **options: Any
) -> resnets.Classifier:
    """`resnets.train` without timing ways to compute, whose choice would depend on what else the machine does."""
    return resnets.train(data, network, out=out, settings=settings, plan="usual", **options)


def train_in_a_process(data: str, out: str, threads: int) -> None:
    """What a process runs that a test kills: it saves after every step, and waits for its end after the eighth."""

    def wait(progress: Progress) -> None:
        if progress.task == "training" and progress.done >= 8:
            time.sleep(600)

    torch.set_num_threads(threads)
    train(Path(data), Path(out), save_every=0, watch=wait)


def assert_same_run(folder: RunFolder, other: RunFolder) -> None:
    for name in ("classifier", "state"):
        ours = safetensors.torch.load_file(getattr(folder, name))
        theirs = safetensors.torch.load_file(getattr(other, name))
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            assert torch.equal(value, theirs[key]), f"{name}: {key}"
    timed = {"seconds": 0, "images_per_second": 0}
    assert [row | timed for row in rows(folder)] == [row | timed for row in rows(other)]


def rows(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


class StopAfter:
    """Sends this process a signal, once, when training has made some steps."""

    def __init__(self, steps: int, number: int = signal.SIGINT) -> None:
        self.steps, self.number, self.sent = steps, number, False

    def __call__(self, progress: Progress) -> None:
        if progress.task == "training" and progress.done >= self.steps and not self.sent:
            self.sent = True
            os.kill(os.getpid(), self.number)
