"""The training loop. It can be stopped after any step and goes on from there to the same weights, bit for bit."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnets.base.errors import Interrupted, RunFailed
from resnets.base.interruption import StopRequest, stop_requests
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.augmentation import size_in_epoch
from resnets.data.imageset import ImageSet
from resnets.data.training_batches import TrainingBatches
from resnets.data.workers import usual_workers
from resnets.evaluation import metrics
from resnets.evaluation.metrics import Evaluation
from resnets.training import best_epoch as selection
from resnets.training import checkpoint
from resnets.training.checkpoint import RunState, Saved
from resnets.training.listener import EpochDone, Listener, StepDone
from resnets.training.recipes.recipe import Recipe
from resnets.training.run_folder import RunFolder
from resnets.training.snapshots import Writer
from resnets.training.step.feeding import on_device
from resnets.training.step.step import Step
from resnets.training.step.teacher import Teacher

VAL_BATCH = 64  # images that are validated at once
PHOTOGRAPH = 224  # pixels a side
REPORT_EVERY = 0.1  # seconds between looks at the loss, each of which waits for the device


class Training:
    """One run: a classifier being trained, on what, and how far it is."""

    def __init__(
        self, classifier: Classifier, batches: TrainingBatches, val: ImageSet, saved: Saved, folder: RunFolder,
        *, save_every: float, listeners: Sequence[Listener] = (), teacher: Teacher | None = None,
        watch: Watch = unwatched,
    ) -> None:  # fmt: skip
        self.classifier = classifier
        self.recipe = saved.plan.recipe
        self.saved = saved
        self.at = saved.run_state
        self.folder = folder
        self.save_every = save_every
        self.listeners = listeners
        self.watch = watch
        self.batches = batches
        counts = np.bincount(batches.labels.numpy(), minlength=len(classifier.classes))
        self.step = Step(
            classifier, self.recipe, saved.plan.execution, class_counts=counts, steps=batches.steps,
            images=batches.batch_size, teacher=teacher,
        )  # fmt: skip
        self.val = val
        keep = loading.fits_in_memory(len(val), classifier.preprocessing)
        self.val_pixels = loading.all_pixels(val, classifier.preprocessing, watch) if keep else None
        self.writer = Writer(folder.state, folder.earlier_state)
        self._last_save = time.monotonic()
        self._saved_at: tuple[int, int] | None = None  # the epoch and the step
        self._has_learnt = bool(self.at.rows or self.at.step)  # by the state that is saved

    def restore(self) -> None:
        """Take weights and the optimizer's sums from the run's state file."""
        checkpoint.restore(self.folder.state, self.step)

    def run(self) -> None:
        """Train to the end, telling the listeners. The state is saved before the first step, and after each epoch.

        Raises Interrupted, with the state saved, when a signal asked to stop, and RunFailed when the loss is no longer
        a number or a file cannot be written.
        """
        with stop_requests() as stop, computing_with(self.saved.threads), self._ending():
            self._begin()
            while not self._is_done():
                self._train_epoch(stop)
                self._end_epoch()
                self._save()
                self._stop_if_asked(stop)

    def _begin(self) -> None:
        if probed := self.at.probe_loss is not None and not self.at.rows:
            self._end_epoch()
        if probed or not self.folder.state.exists():
            self._save()
        self.writer.wait()  # so that a disk without room is noticed before hours of work

    def _is_done(self) -> bool:
        return self.at.ended or self.at.epoch >= self.recipe.epochs

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            with self.writer:
                yield
        except RunFailed:
            if not self._has_learnt:  # there is nothing to go on with: another try may begin in this folder
                self.folder.state.unlink(missing_ok=True)
            raise
        finally:
            for listener in self.listeners:
                listener.on_end()

    def _train_epoch(self, stop: StopRequest) -> None:
        tally = _Tally(self.at, self.step.device)
        full = self.recipe.train_size or self.classifier.preprocessing.size
        size = size_in_epoch(self.at.epoch, self.recipe.epochs, full=full, first=self.recipe.progressive)
        with self.step.epoch(self.at.epoch):
            batches = self.batches.epoch(self.at.epoch, start=self.at.step, size=size)
            for batch in on_device(batches, self.step.device):
                loss, correct = self.step(batch, self.at.epoch, self.at.step)
                tally.add(loss, correct, len(batch.labels))
                self.at.step += 1
                stopping = bool(stop)  # asked once, so that what is saved is what was counted
                saving = time.monotonic() - self._last_save >= self.save_every
                if saving or stopping or self.at.step == self.batches.steps or tally.is_due():
                    tally.count_into(self.at)
                    self._report()
                self._tell_step(loss, correct, len(batch.labels))
                self.writer.check()
                if saving:
                    self._save()
                if stopping:
                    self._stop_if_asked(stop)

    def _tell_step(self, loss: Tensor, correct: Tensor, images: int) -> None:
        done = StepDone(
            epoch=self.at.epoch + 1, step=self.at.step, steps=self.batches.steps, images=images, loss=loss.detach(),
            correct=correct,
        )  # fmt: skip
        for listener in self.listeners:
            listener.on_step(done)

    def _validate(self) -> tuple[Evaluation, NDArray[np.float32]]:
        started = time.monotonic()
        self.classifier.network.eval()
        pixels = iter(self.val_pixels) if self.val_pixels is not None else self._decoded_val()
        logits = self.classifier.all_logits(
            pixels, len(self.val), batch_size=self._val_batch(), watch=self.watch, task="validating"
        )
        if not np.isfinite(logits).all():
            raise self._diverged()
        self.at.seconds += time.monotonic() - started
        return metrics.evaluate(logits, self.val.labels, self.classifier.classes), logits

    def _val_batch(self) -> int:
        """Images at once: on a GPU as many pixels as VAL_BATCH photographs have, so that small images keep it busy."""
        photographs = (PHOTOGRAPH / self.classifier.preprocessing.size) ** 2 if self.step.device.type == "cuda" else 1
        return max(VAL_BATCH, int(VAL_BATCH * photographs))

    def _decoded_val(self) -> Iterator[NDArray[np.uint8]]:
        return loading.evaluation_pixels(self.val, self.classifier.preprocessing)

    def _end_epoch(self) -> None:
        """Validate, tell the listeners, and move on to the next epoch.

        Before the first epoch the row is that of the linear probe the run began with, of epoch 0.
        """
        with self.step.evaluation_weights():
            val, logits = self._validate()
            at = self.at
            epoch = at.epoch + 1 if at.seen else 0
            at.rows.append(self._row(epoch, val))
            found = selection.score(val, self.recipe.monitor)
            if at.best is None or found > at.best:
                at.best, at.best_epoch = found, epoch
            ended = self._tell_epoch(epoch, val, logits)
        self.at = replace(at, epoch=epoch, step=0, loss_sum=0.0, correct=0, seen=0, training_seconds=0.0, ended=ended)

    def _tell_epoch(self, epoch: int, val: Evaluation, logits: NDArray[np.float32]) -> bool:
        """Whether a listener ends the run here."""
        done = EpochDone(
            epoch=epoch, epochs=self.recipe.epochs, row=self.at.rows[-1], rows=self.at.rows,
            best_epoch=self.at.best_epoch, classifier=self.classifier, evaluation=val, logits=logits,
        )  # fmt: skip
        answers = [listener.on_epoch(done) for listener in self.listeners]
        return any(answers)

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
            f"{self.folder.path}: the loss is no longer a number in epoch {self.at.epoch + 1}, step {self.at.step} "
            f"(learning rate {rate:.3g}); try --set lr={self.recipe.lr / 4:.3g}, a longer --set warmup=0.3, or "
            "--set clip_norm=1"
        )

    def _report(self) -> None:
        """Tell whoever watches; what matters most comes first, as a narrow terminal cuts off the rest."""
        at, steps = self.at, self.batches.steps
        if not math.isfinite(at.loss_sum):
            raise self._diverged()
        figures = {
            "epoch": f"{at.epoch + 1}/{self.recipe.epochs}",
            **({"validation": f"{at.rows[-1]['val_top1']:.1%}"} if at.rows else {}),
            "loss": f"{at.loss_sum / at.seen:.3f}",
            "accuracy": f"{at.correct / at.seen:.1%}",
            "lr": f"{self.step.learning_rate(at.epoch, at.step - 1):.3g}",
            "images/s": f"{at.seen / max(at.training_seconds, 1e-9):,.0f}",
        }
        self.watch(Progress("training", at.epoch * steps + at.step, self.recipe.epochs * steps, figures))

    def _save(self) -> None:
        """Begin to write where the run stands, unless it was, or the last step has left weights that are no numbers."""
        if self._saved_at == (self.at.epoch, self.at.step):
            return
        taken = self.writer.take(self.step, replace(self.saved, run_state=self.at))
        if not taken.is_finite:
            raise self._diverged()
        self.writer.begin(taken)
        self._saved_at = (self.at.epoch, self.at.step)
        self._last_save = time.monotonic()
        self._has_learnt = bool(self.at.rows or self.at.step)

    def _stop_if_asked(self, stop: StopRequest) -> None:
        if stop.signal is None:
            return
        self._save()
        self.writer.wait()
        done = self._is_done()
        where = "after the last epoch" if done else f"in epoch {self.at.epoch + 1} after step {self.at.step}"
        raise Interrupted(
            f"stopped {where}; saved in {self.folder.state.parent}; the same command with --resume "
            + ("calibrates it and writes the report" if done else "continues from there"),
            signal=stop.signal,
        )


class _Tally:
    """An epoch's sums, kept on the device, so that a step need not wait for the one before."""

    def __init__(self, at: RunState, device: torch.device) -> None:
        exact = torch.float32 if device.type == "mps" else torch.float64
        self.loss_sum = torch.tensor(at.loss_sum, dtype=exact, device=device)
        self.correct = torch.tensor(at.correct, device=device)
        self.seen = at.seen
        self.started = self.counted = time.monotonic()
        self.seconds, self.training_seconds = at.seconds, at.training_seconds  # of earlier sittings

    def add(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Take in a step's mean loss, and how many of its images were right."""
        self.loss_sum += loss * images
        self.correct += correct
        self.seen += images

    def is_due(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() - self.counted >= REPORT_EVERY

    def count_into(self, at: RunState) -> None:
        """Bring a run's state up to date, which waits for the device."""
        at.loss_sum, at.correct, at.seen = float(self.loss_sum), int(self.correct), self.seen
        self.counted = time.monotonic()
        at.seconds = self.seconds + self.counted - self.started
        at.training_seconds = self.training_seconds + self.counted - self.started


def training_batches(
    train: ImageSet, classifier: Classifier, recipe: Recipe, *, workers: int | None, watch: Watch
) -> TrainingBatches:
    """The batches of a run, one for each step of the optimizer. workers: as `TrainingBatches`; None: as many as pay."""
    return TrainingBatches(
        train, classifier.preprocessing, recipe, batch_size=recipe.images_a_step, seed=recipe.seed,
        workers=usual_workers() if workers is None else workers, device=classifier.network.fc.weight.device,
        watch=watch,
    )  # fmt: skip


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute with as many threads as the run began with, since the last bits of a sum depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
