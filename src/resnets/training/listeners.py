"""What listens in every run: the best classifier's file, metrics.jsonl and the log."""

import json
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnets.base.files import write_whole
from resnets.training import best_epoch as selection
from resnets.training.listener import EpochDone, Listener

log = logging.getLogger(__name__)


class BestFile(Listener):
    """Keeps the best classifier in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logits: NDArray[np.float32] | None = None  # of the best epoch, once this sitting has one

    def on_epoch(self, done: EpochDone) -> None:
        if done.is_best:
            self.logits = done.logits
            done.classifier.metrics = {"val": {"epoch": done.epoch, **selection.summary(done.evaluation)}}
            done.classifier.save(self.path)


class MetricsFile(Listener):
    """Keeps a row of each epoch in metrics.jsonl."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch(self, done: EpochDone) -> None:
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in done.rows))


class EpochLog(Listener):
    """Logs a line an epoch."""

    def on_epoch(self, done: EpochDone) -> None:
        best = next(row for row in done.rows if row["epoch"] == done.best_epoch)
        log.info(
            "%s: loss %.3f, validation %.2f%% (best: %s, %.2f%%)%s",
            f"epoch {done.epoch}/{done.epochs}" if done.epoch else selection.named_epoch(0),
            done.row["train_loss"], 100 * done.row["val_top1"], selection.named_epoch(done.best_epoch),
            100 * best["val_top1"], f", {done.row['images_per_second']:.0f} images/s" if done.epoch else "",
        )  # fmt: skip
