"""The training loop. It can be stopped after any step and goes on from there to the same weights, bit for bit."""

import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from resnets.classifier import Classifier
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.data.loading import Batch, TrainingBatches
from resnets.errors import Interrupted, RunFailed
from resnets.evaluation import metrics
from resnets.evaluation.metrics import Evaluation
from resnets.files import write_whole
from resnets.progress import Progress, Watch, unwatched
from resnets.training import checkpoint
from resnets.training.checkpoint import RunFolder, Saved
from resnets.training.interruption import StopRequest, stop_requests
from resnets.training.optimization import learning_rate, optimizer

log = logging.getLogger(__name__)

REPORT_EVERY = 0.1  # seconds between looks at the loss, each of which waits for the device


class Training:
    """One run: a classifier being trained, on what, and how far it is."""

    def __init__(
        self, classifier: Classifier, train: ImageSet, val: ImageSet, saved: Saved, folder: RunFolder,
        *, save_every: float = 60.0, watch: Watch = unwatched,
    ) -> None:  # fmt: skip
        self.classifier = classifier
        self.network = classifier.network
        self.recipe = saved.plan.recipe
        self.saved = saved
        self.at = saved.standing
        self.folder = folder
        self.save_every = save_every
        self.watch = watch
        self.device = self.network.fc.weight.device
        self.optimizer = optimizer(self.network, self.recipe)
        self.batches = TrainingBatches(
            train,
            classifier.preprocessing,
            self.recipe,
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            watch=watch,
        )
        self.val = val
        keep = loading.fits_in_memory(len(val), classifier.preprocessing)
        self.val_pixels = loading.all_pixels(val, classifier.preprocessing, watch) if keep else None
        self._last_save = time.monotonic()

    def restore(self) -> None:
        """Take weights and momentum from the run's state file."""
        checkpoint.restore(self.folder.state, self.network, self.optimizer)

    def run(self) -> None:
        """Train to the end. The best classifier on validation, the metrics and the state are in the run's folder.

        Raises Interrupted, with the state saved, when a signal asked to stop, and RunFailed when the loss is no longer
        a number or a file cannot be written.
        """
        with stop_requests() as stop, _threads(self.saved.threads):
            while self.at.epoch < self.recipe.epochs:
                self._train_epoch(stop)
                self._end_epoch(self._validate())
                self._stop_if_asked(stop)

    def _train_epoch(self, stop: StopRequest) -> None:
        self.network.train()
        started = reported = time.monotonic()
        before, seconds_before = self.at.training_seconds, self.at.seconds
        loss_sum, right = self._counters()
        for batch in self.batches.epoch(self.at.epoch, start=self.at.step):
            loss, hits = self._step(batch)
            loss_sum += loss.detach() * len(batch.labels)
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
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        loss_sum = torch.tensor(self.at.loss_sum, dtype=exact, device=self.device)
        return loss_sum, torch.tensor(self.at.right, device=self.device)

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One step of SGD: the batch's loss and how many of its images were right."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(self.at.step)
        images = self.classifier.preprocessing.normalize(batch.images.to(self.device, non_blocking=True))
        labels = batch.labels.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.network(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss, (logits.argmax(1) == labels).sum()

    def _validate(self) -> Evaluation:
        self.network.eval()
        started = time.monotonic()
        pixels = iter(self.val_pixels) if self.val_pixels is not None else self._decoded_val()
        logits = self.classifier.all_logits(pixels, len(self.val), watch=self.watch, task="validating")
        if not np.isfinite(logits).all():
            raise self._diverged()
        self.at.seconds += time.monotonic() - started
        return metrics.evaluate(logits, self.val.labels, self.classifier.classes)

    def _decoded_val(self) -> Iterator[NDArray[np.uint8]]:
        return loading.evaluation_pixels(self.val, self.classifier.preprocessing)

    def _end_epoch(self, val: Evaluation) -> None:
        """Write the epoch's row, the classifier if it is the best so far, and the state."""
        at = self.at
        at.rows.append(
            {
                "epoch": at.epoch + 1,
                "step": (at.epoch + 1) * self.batches.steps,
                "seconds": round(at.seconds, 3),
                "images_per_second": round(at.seen / max(at.training_seconds, 1e-9), 1),
                "lr": self._learning_rate(at.step - 1),
                "train_loss": at.loss_sum / at.seen,
                "val_loss": val.loss,
                "val_top1": val.top1.value,
                "val_top5": val.top5.value,
            }
        )
        if (val.top1.value, -val.loss) > (at.best_top1, -at.best_loss):
            at.best_top1, at.best_loss, at.best_epoch = val.top1.value, val.loss, at.epoch + 1
            self.classifier.metrics = {"val": {"epoch": at.epoch + 1, **_summary(val)}}
            self.classifier.save(self.folder.classifier)
        write_whole(self.folder.metrics, "".join(json.dumps(row) + "\n" for row in at.rows))
        log.info(
            "epoch %d/%d: loss %.3f, validation %.2f%% (best %.2f%%), %.0f images/s", at.epoch + 1, self.recipe.epochs,
            at.loss_sum / at.seen, 100 * val.top1.value, 100 * at.best_top1, at.rows[-1]["images_per_second"],
        )  # fmt: skip
        self.at = replace(at, epoch=at.epoch + 1, step=0, loss_sum=0.0, right=0, seen=0, training_seconds=0.0)
        self._save()

    def _diverged(self) -> RunFailed:
        rate = self._learning_rate(self.at.step - 1)
        return RunFailed(
            f"{self.folder.path}: the loss is not a number by epoch {self.at.epoch + 1}, step {self.at.step} "
            f"(learning rate {rate:.3g}); try --set lr={self.recipe.lr / 4:.3g}, or a longer --set warmup=0.3"
        )

    def _learning_rate(self, step: int) -> float:
        """Of a step of this epoch."""
        steps = self.batches.steps
        return learning_rate(self.at.epoch * steps + step, self.recipe.epochs * steps, self.recipe)

    def _report(self) -> None:
        at, steps = self.at, self.batches.steps
        figures = {
            "epoch": f"{at.epoch + 1}/{self.recipe.epochs}",
            "loss": f"{at.loss_sum / at.seen:.3f}",
            "accuracy": f"{100 * at.right / at.seen:.1f}%",
            "lr": f"{self._learning_rate(at.step - 1):.3g}",
            "images/s": f"{at.seen / max(at.training_seconds, 1e-9):,.0f}",
        }
        self.watch(Progress("training", at.epoch * steps + at.step, self.recipe.epochs * steps, figures))

    def _save(self) -> None:
        """Write where the run stands, unless the last step has left weights to which nobody would want to return."""
        if not all(value.isfinite().all() for value in self.network.state_dict().values()):
            raise self._diverged()
        checkpoint.save(self.folder.state, self.network, self.optimizer, replace(self.saved, standing=self.at))
        self._last_save = time.monotonic()

    def _stop_if_asked(self, stop: StopRequest) -> None:
        if stop.signal is not None and self.at.epoch < self.recipe.epochs:
            self._save()
            raise Interrupted(
                f"stopped in epoch {self.at.epoch + 1} after step {self.at.step}; saved in {self.folder.state.parent}; "
                "the same command with --resume goes on from there",
                signal=stop.signal,
            )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with as many threads as the run began with, since the last bits of a sum depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _summary(evaluation: Evaluation) -> dict[str, float | int]:
    return {
        "count": evaluation.count,
        "top1": evaluation.top1.value,
        "top5": evaluation.top5.value,
        "loss": evaluation.loss,
    }
