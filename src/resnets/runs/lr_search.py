"""A search for the learning rate: the recipe's own step at rates from tiny to too large (Smith 2015)."""

import itertools
import math
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from resnets.base.errors import InputError
from resnets.base.progress import Progress
from resnets.classifier.file import Classifier
from resnets.data.training_batches import TrainingBatches
from resnets.runs.initial import untrained, with_starting_weights
from resnets.runs.opened import Run, begin
from resnets.runs.request import TrainRequest
from resnets.training.loop import training_batches
from resnets.training.lr_find import Curve, suggestion, sweep
from resnets.training.optimizers import OPTIMIZERS
from resnets.training.step import teacher
from resnets.training.step.step import Step

LOWEST, HIGHEST = 1e-5, 10.0  # times what the optimizer's row says


@dataclass(frozen=True)
class Found:
    """The losses at the rates that were tried, and the rate to take, for `images` images a step."""

    curve: Curve
    suggestion: float
    images: int
    lr: float  # the setting that makes it the highest rate of a run: another, where the recipe has `lr_batch`

    def as_dict(self) -> dict[str, Any]:
        """The search as JSON values."""
        curve = {"rates": list(self.curve.rates), "losses": list(self.curve.losses), "diverged": self.curve.diverged}
        return {"suggestion": self.suggestion, "images_a_step": self.images, "lr": self.lr, **curve}


def find_rate(request: TrainRequest, steps: int) -> Found:
    """Try `steps` rates and suggest one. Raises InputError as `train` does, RunFailed when the loss never falls."""
    if steps < 20:
        raise InputError(f"steps = {steps}: must be at least 20")
    run = begin(request)
    recipe = run.plan.recipe
    classifier = untrained(run, request.device)
    with_starting_weights(run, classifier)
    training = training_batches(run.splits.train, classifier, recipe, workers=request.workers, watch=request.watch)
    with closing(training) as batches:
        return _swept(run, classifier, batches, steps)


def _swept(run: Run, classifier: Classifier, batches: TrainingBatches, steps: int) -> Found:
    request, recipe = run.request, run.plan.recipe
    images = batches.batch_size
    step = Step(
        classifier, recipe, run.plan.execution, class_counts=run.splits.train.class_counts(), steps=batches.steps,
        images=images, teacher=teacher.load(recipe.teacher, classifier) if recipe.teacher else None,
    )  # fmt: skip
    epochs = math.ceil(steps / batches.steps)
    stream = itertools.chain.from_iterable(
        ((epoch, place, batch) for place, batch in enumerate(batches.epoch(epoch, size=recipe.train_size or None)))
        for epoch in range(epochs)
    )
    made = itertools.count(1)

    def one(rate: float) -> float:
        epoch, place, batch = next(stream)
        with step.epoch(epoch):
            loss, _ = step(batch, epoch, place, rate=rate)
        request.watch(Progress("trying learning rates", next(made), steps))
        return float(loss)

    scale = OPTIMIZERS[recipe.optimizer].search
    curve = sweep(one, low=LOWEST * scale, high=HIGHEST * scale, steps=steps)
    found = suggestion(curve.rates, curve.losses)
    return Found(curve, found, images, found / recipe.lr_factor(images))
