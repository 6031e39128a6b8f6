"""A training run from beginning to end: a request becomes a folder with a classifier, its scores and a report."""

import logging
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from resnets.base.files import write_whole
from resnets.classifier.file import Classifier
from resnets.data.training_batches import TrainingBatches
from resnets.runs.execution_choice import executed
from resnets.runs.initial import untrained, with_starting_weights
from resnets.runs.listening import listeners_of
from resnets.runs.opened import Run, opened
from resnets.runs.request import TrainRequest
from resnets.runs.result import finish
from resnets.training.listener import Listener
from resnets.training.listeners import BestFile
from resnets.training.loop import Training, training_batches
from resnets.training.recipes import plan as plans
from resnets.training.step import teacher

log = logging.getLogger(__name__)


def train(request: TrainRequest) -> Classifier:
    """Carry out a request, and return the classifier that was best on validation, calibrated on it."""
    with opened(request) as asked:
        classifier = untrained(asked, request.device)
        with closing(
            training_batches(
                asked.splits.train, classifier, asked.plan.recipe, workers=request.workers, watch=request.watch
            )
        ) as batches:
            run = asked if request.resume else executed(with_starting_weights(asked, classifier), classifier, batches)
            if run.extended or not request.resume:
                _write_recipe(run)
            classifier.origin |= run.saved.origin
            best = BestFile(run.folder.classifier)
            with listeners_of(run, best) as listeners:
                training = _training(run, classifier, batches, listeners)
                training.run()
        return finish(run, training.at, best.logits)


def _training(run: Run, classifier: Classifier, batches: TrainingBatches, listeners: Sequence[Listener]) -> Training:
    """What `run` trains, where it stands."""
    request, recipe = run.request, run.plan.recipe
    training = Training(
        classifier, batches, run.splits.val, run.saved, run.folder, save_every=request.save_every, listeners=listeners,
        teacher=teacher.load(recipe.teacher, classifier) if recipe.teacher else None, watch=request.watch,
    )  # fmt: skip
    if request.resume:
        training.restore()
        log.info("resuming %s at epoch %d, step %d", run.folder.path, training.at.epoch + 1, training.at.step)
    return training


def _write_recipe(run: Run) -> None:
    comment = (
        f"Trained on {Path(run.request.data).name} by resnets {version('resnets')}. The same again:\n{run.command}"
    )
    write_whole(run.folder.recipe, plans.write(run.plan, comment=comment))
