"""The training loop. It can be stopped after any step and goes on from there to the same weights, bit for bit."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnets.base.errors import Interrupted, RunFailed
from resnets.base.files import write_whole
from resnets.base.interruption import StopRequest, stop_requests
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.augmentation import size_in_epoch
from resnets.data.imageset import ImageSet
from resnets.data.loading import TrainingBatches
from resnets.evaluation import metrics
from resnets.evaluation.metrics import Evaluation
from resnets.training import checkpoint, selection
from resnets.training.checkpoint import Saved
from resnets.training.recipes.recipe import Recipe
from resnets.training.run_folder import RunFolder
from resnets.training.step.step import Step
from resnets.training.step.teacher import Teacher

log = logging.getLogger(__name__)

Record = Callable[[Mapping[str, float | int]], None]  # takes each row of metrics.jsonl

REPORT_EVERY = 0.1  # seconds between looks at the loss, each of which waits for the device


class Training:
    """One run: a classifier being trained, on what, and how far it is."""

    def __init__(
        self, classifier: Classifier, batches: TrainingBatches, val: ImageSet, saved: Saved, folder: RunFolder,
        *, teacher: Teacher | None = None, save_every: float = 60.0, record: Record = lambda _: None,
        watch: Watch = unwatched,
    ) -> None:  # fmt: skip
        self.classifier = classifier
        self.recipe = saved.plan.recipe
        self.saved = saved
        self.at = saved.run_state
        self.folder = folder
        self.save_every = save_every
        self.record = record
        self.watch = watch
        self.best_logits: NDArray[np.float32] | None = None  # for the validation images, once this sitting has them
        self.batches = batches
        counts = np.bincount(batches.labels.numpy(), minlength=len(classifier.classes))
        self.step = Step(
            classifier, self.recipe, saved.plan.execution, class_counts=counts, steps=batches.steps,
            images=batches.batch_size, teacher=teacher,
        )  # fmt: skip
        self.val = val
        keep = loading.fits_in_memory(len(val), classifier.preprocessing)
        self.val_pixels = loading.all_pixels(val, classifier.preprocessing, watch) if keep else None
        self._last_save = time.monotonic()

    def restore(self) -> None:
        """Take weights and the optimizer's sums from the run's state file."""
        checkpoint.restore(self.folder.state, self.step)

    def run(self) -> None:
        """Train to the end. The best classifier on validation, the metrics and the state are in the run's folder.

        Raises Interrupted, with the state saved, when a signal asked to stop, and RunFailed when the loss is no longer
        a number or a file cannot be written.
        """
        with stop_requests() as stop, computing_with(self.saved.threads):
            if self.at.probe_loss is not None and not self.at.rows:
                self._end_epoch(*self._validate())
                self._save()
            while not self._is_done():
                with self.step.epoch(self.at.epoch):
                    self._train_epoch(stop)
                with self.step.evaluation_weights():
                    self._end_epoch(*self._validate())
                self._save()
                self._stop_if_asked(stop)

    def _is_done(self) -> bool:
        return self.at.ended or self.at.epoch >= self.recipe.epochs

    def _train_epoch(self, stop: StopRequest) -> None:
        started = reported = time.monotonic()
        before, seconds_before = self.at.training_seconds, self.at.seconds
        loss_sum, right = self._counters()
        full = self.recipe.train_size or self.classifier.preprocessing.size
        size = size_in_epoch(self.at.epoch, self.recipe.epochs, full=full, first=self.recipe.progressive)
        for batch in self.batches.epoch(self.at.epoch, start=self.at.step, size=size):
            loss, hits = self.step(batch, self.at.epoch, self.at.step)
            loss_sum += loss * len(batch.labels)
            right += hits
            self.at.step += 1
            self.at.seen += len(batch.labels)
            now = time.monotonic()
            saving = now - self._last_save >= self.save_every
            stopping = bool(stop)  # asked once, so that what is saved is what was counted
            ended = self.at.step == self.batches.steps
            if saving or stopping or ended or now - reported >= REPORT_EVERY:
                reported = now
                self.at.loss_sum, self.at.right = float(loss_sum), int(right)
                self.at.training_seconds = before + now - started
                self.at.seconds = seconds_before + now - started
                if not math.isfinite(self.at.loss_sum):
                    raise self._diverged()
                self._report()
            if saving:
                self._save()
            if stopping:
                self._stop_if_asked(stop)

    def _counters(self) -> tuple[Tensor, Tensor]:
        """Sums kept on the device, so that a step need not wait for the one before."""
        device = self.step.device
        exact = torch.float32 if device.type == "mps" else torch.float64
        return torch.tensor(self.at.loss_sum, dtype=exact, device=device), torch.tensor(self.at.right, device=device)

    def _validate(self) -> tuple[Evaluation, NDArray[np.float32]]:
        started = time.monotonic()
        self.classifier.network.eval()
        pixels = iter(self.val_pixels) if self.val_pixels is not None else self._decoded_val()
        logits = self.classifier.all_logits(pixels, len(self.val), watch=self.watch, task="validating")
        if not np.isfinite(logits).all():
            raise self._diverged()
        self.at.seconds += time.monotonic() - started
        return metrics.evaluate(logits, self.val.labels, self.classifier.classes), logits

    def _decoded_val(self) -> Iterator[NDArray[np.uint8]]:
        return loading.evaluation_pixels(self.val, self.classifier.preprocessing)

    def _end_epoch(self, val: Evaluation, logits: NDArray[np.float32]) -> None:
        """Write the epoch's row, the classifier if it is the best so far, and move on to the next epoch.

        Before the first epoch the row is that of the linear probe the run began with, of epoch 0.
        """
        at, monitor = self.at, self.recipe.monitor
        epoch = at.epoch + 1 if at.seen else 0
        at.rows.append(self._row(epoch, val))
        self.record(at.rows[-1])
        found = selection.score(val, monitor)
        if at.best is None or found > at.best:
            at.best, at.best_epoch, self.best_logits = found, epoch, logits
            self.classifier.metrics = {"val": {"epoch": epoch, **selection.summary(val)}}
            self.classifier.save(self.folder.classifier)
        write_whole(self.folder.metrics, "".join(json.dumps(row) + "\n" for row in at.rows))
        best = next(row for row in at.rows if row["epoch"] == at.best_epoch)
        log.info(
            "epoch %d/%d: loss %.3f, validation %.2f%% (best: epoch %d, %.2f%%), %.0f images/s", epoch,
            self.recipe.epochs, at.rows[-1]["train_loss"], 100 * val.top1.value, at.best_epoch, 100 * best["val_top1"],
            at.rows[-1]["images_per_second"],
        )  # fmt: skip
        ended = selection.has_ended(epoch, at.best_epoch, self.recipe.patience)
        if ended:
            log.info("ends here: %s has not been better for %d epochs", monitor, self.recipe.patience)
        self.at = replace(at, epoch=epoch, step=0, loss_sum=0.0, right=0, seen=0, training_seconds=0.0, ended=ended)

    def _row(self, epoch: int, val: Evaluation) -> dict[str, float | int]:
        """Of metrics.jsonl."""
        at, monitor = self.at, self.recipe.monitor
        row: dict[str, float | int] = {
            "epoch": epoch,
            "step": epoch * self.batches.steps,
            "seconds": round(at.seconds, 3),
            "images_per_second": round(at.seen / max(at.training_seconds, 1e-9), 1),
            "lr": self.step.learning_rate(at.epoch, at.step - 1) if epoch else 0.0,
            "train_loss": at.loss_sum / at.seen if epoch else at.probe_loss or 0.0,
            "val_loss": val.loss,
            "val_top1": val.top1.value,
            "val_top5": val.top5.value,
        }
        return row if f"val_{monitor}" in row else {**row, f"val_{monitor}": selection.monitored(val, monitor)}

    def _diverged(self) -> RunFailed:
        rate = self.step.learning_rate(self.at.epoch, self.at.step - 1)
        return RunFailed(
            f"{self.folder.path}: the loss is not a number by epoch {self.at.epoch + 1}, step {self.at.step} "
            f"(learning rate {rate:.3g}); try --set lr={self.recipe.lr / 4:.3g}, a longer --set warmup=0.3, or "
            "--set clip_norm=1"
        )

    def _report(self) -> None:
        at, steps = self.at, self.batches.steps
        figures = {
            "epoch": f"{at.epoch + 1}/{self.recipe.epochs}",
            "loss": f"{at.loss_sum / at.seen:.3f}",
            "accuracy": f"{100 * at.right / at.seen:.1f}%",
            "lr": f"{self.step.learning_rate(at.epoch, at.step - 1):.3g}",
            "images/s": f"{at.seen / max(at.training_seconds, 1e-9):,.0f}",
        }
        self.watch(Progress("training", at.epoch * steps + at.step, self.recipe.epochs * steps, figures))

    def _save(self) -> None:
        """Write where the run stands, unless the last step has left weights to which nobody would want to return."""
        if not all(value.isfinite().all() for value in self.step.network.state_dict().values()):
            raise self._diverged()
        checkpoint.save(self.folder.state, self.step, replace(self.saved, run_state=self.at))
        self._last_save = time.monotonic()

    def _stop_if_asked(self, stop: StopRequest) -> None:
        if stop.signal is not None and not self._is_done():
            self._save()
            raise Interrupted(
                f"stopped in epoch {self.at.epoch + 1} after step {self.at.step}; saved in {self.folder.state.parent}; "
                "the same command with --resume goes on from there",
                signal=stop.signal,
            )


def training_batches(train: ImageSet, classifier: Classifier, recipe: Recipe, watch: Watch) -> TrainingBatches:
    """The batches of a run, one for each step of the optimizer."""
    return TrainingBatches(
        train, classifier.preprocessing, recipe, batch_size=recipe.images_a_step, seed=recipe.seed, watch=watch
    )


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute with as many threads as the run began with, since the last bits of a sum depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
