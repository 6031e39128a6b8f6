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

from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.base.interruption import StopRequest, stop_requests
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data.augmentation import size_in_epoch
from resnets.data.imageset import ImageSet
from resnets.data.training_batches import TrainingBatches
from resnets.data.workers import usual_workers
from resnets.evaluation import metrics
from resnets.evaluation.metrics import Evaluation
from resnets.training import best_epoch as selection
from resnets.training import checkpoint
from resnets.training.checkpoint import Saved
from resnets.training.listener import EpochDone, Listener, StepDone
from resnets.training.recipes.recipe import Recipe
from resnets.training.run_folder import RunFolder
from resnets.training.snapshots import Writer
from resnets.training.step.feeding import on_device
from resnets.training.step.step import Step
from resnets.training.step.teacher import Teacher
from resnets.training.tally import Tally
from resnets.training.validation import Validation
from resnets.training.world import ALONE, World

AGREE_EVERY = 8  # steps between looks, on GPUs, at whether another process was asked to stop


class Training:
    """One run: a classifier being trained, on what, and how far it is."""

    def __init__(
        self, classifier: Classifier, batches: TrainingBatches, val: ImageSet, saved: Saved, folder: RunFolder,
        *, save_every: float, listeners: Sequence[Listener] = (), teacher: Teacher | None = None,
        watch: Watch = unwatched, world: World = ALONE,
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
            images=batches.batch_size, teacher=teacher, world=world,
        )  # fmt: skip
        self.world = world
        self.val = val
        self.validation = Validation(val, classifier, world=world, watch=watch)
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
            if self.world.is_first and not self._has_learnt:  # nothing to go on with: another try may begin here
                self.folder.state.unlink(missing_ok=True)
            raise
        finally:
            for listener in self.listeners:
                listener.on_end()

    def _train_epoch(self, stop: StopRequest) -> None:
        tally = Tally(self.at, self.step.device)
        full = self.recipe.train_size or self.classifier.preprocessing.size
        size = size_in_epoch(self.at.epoch, self.recipe.epochs, full=full, first=self.recipe.progressive)
        with self.step.epoch(self.at.epoch):
            batches = self.batches.epoch(self.at.epoch, start=self.at.step, size=size)
            for batch in on_device(batches, self.step.device):
                loss, correct, asked = self._together(*self.step(batch, self.at.epoch, self.at.step), stop)
                tally.add(loss, correct, self.batches.batch_size)
                self.at.step += 1
                stopping = bool(asked)  # asked once, so that what is saved is what was counted
                saving = time.monotonic() - self._last_save >= self.save_every
                if saving or stopping or self.at.step == self.batches.steps or tally.is_due():
                    tally.count_into(self.at)
                    self._report()
                self._tell_step(loss, correct, self.batches.batch_size)
                self.writer.check()
                if saving:
                    self._save()
                if stopping:
                    self._stop_if_asked(stop)

    def _together(self, loss: Tensor, correct: Tensor, stop: StopRequest) -> tuple[Tensor, Tensor, object]:
        """A step's loss and correct answers over all processes, and whether it is known that one was asked to stop."""
        if self.world.is_alone:
            return loss, correct, stop
        asked = torch.tensor(float(bool(stop)), device=loss.device)
        together = self.world.sum(torch.stack([loss.detach().double(), correct.double(), asked.double()]))
        is_due = self.step.device.type == "cpu" or (self.at.step + 1) % AGREE_EVERY == 0
        return together[0].to(loss.dtype), together[1].to(correct.dtype), is_due and bool(together[2])

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
        self.world.as_first(self.classifier.network.buffers())  # statistics, of which each process has its own
        logits = self.validation.logits()
        if not np.isfinite(logits).all():
            raise self._diverged()
        self.at.seconds += time.monotonic() - started
        return metrics.evaluate(logits, self.val.labels, self.classifier.classes), logits

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
            ended = self.world.from_first(lambda: self._tell_epoch(epoch, val, logits))
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
        if self._saved_at == (self.at.epoch, self.at.step) or not self.world.is_first:
            return
        taken = self.writer.take(self.step, replace(self.saved, run_state=self.at))
        if not taken.is_finite:
            raise self._diverged()
        self.writer.begin(taken)
        self._saved_at = (self.at.epoch, self.at.step)
        self._last_save = time.monotonic()
        self._has_learnt = bool(self.at.rows or self.at.step)

    def _stop_if_asked(self, stop: StopRequest) -> None:
        signal = next((one for one in self.world.gathered(stop.signal) if one is not None), None)
        if signal is None:
            return
        self._save()
        self.writer.wait()
        done = self._is_done()
        where = "after the last epoch" if done else f"in epoch {self.at.epoch + 1} after step {self.at.step}"
        raise Interrupted(
            f"stopped {where}; saved in {self.folder.state.parent}; the same command with --resume "
            + ("calibrates it and writes the report" if done else "continues from there"),
            signal=signal,
        )


def training_batches(
    train: ImageSet, classifier: Classifier, recipe: Recipe, *, workers: int | None, watch: Watch, world: World = ALONE
) -> TrainingBatches:
    """The batches of a run, one for each step of the optimizer. workers: as `TrainingBatches`; None: as many as pay.

    Raises InputError when a step has fewer than two images for each process.
    """
    images = min(recipe.images_a_step, len(train))
    if not world.is_alone and images < 2 * world.size:
        raise InputError(f"batch_size = {recipe.batch_size}: {world.size} processes need at least {2 * world.size}")
    return TrainingBatches(
        train, classifier.preprocessing, recipe, batch_size=recipe.images_a_step, seed=recipe.seed,
        workers=usual_workers(share=world.on_host) if workers is None else workers,
        device=classifier.network.fc.weight.device, watch=watch, part=world.part,
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
