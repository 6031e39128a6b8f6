"""A training run from beginning to end: a request becomes a folder with a classifier, its scores and a report."""

import dataclasses
import logging
from collections.abc import Sequence
from contextlib import closing, nullcontext
from importlib.metadata import version
from pathlib import Path

from resnets.base import memory
from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.base.progress import unwatched
from resnets.classifier import file as classifiers
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
from resnets.training.run_folder import find_run
from resnets.training.step import teacher
from resnets.training.world import World, joined

log = logging.getLogger(__name__)


def train(request: TrainRequest) -> Classifier:
    """Carry out a request, and return the classifier that was best on validation, calibrated on it.

    Begun by `torchrun`, several processes train it together. After a restart they go on from the last checkpoint.
    """
    with memory.kept(), joined(request.device) as (world, device):
        request = dataclasses.replace(request, device=device, resume=request.resume or _is_restart(request, world))
        if not world.is_first:
            request = dataclasses.replace(request, watch=unwatched, listeners=())
        with opened(request, world) as asked:
            return _trained(asked, world)


def _trained(asked: Run, world: World) -> Classifier:
    request = asked.request
    classifier = untrained(asked, request.device)
    made = training_batches(
        asked.splits.train, classifier, asked.plan.recipe, workers=request.workers, watch=request.watch, world=world
    )
    with closing(made) as batches:
        saved = world.from_first(lambda: _begun(asked, classifier, batches, world).saved)
        world.as_first(classifier.network.state_dict().values())
        run = dataclasses.replace(asked, saved=saved)
        classifier.origin |= run.saved.origin
        best = BestFile(run.folder.classifier)
        with listeners_of(run, best) if world.is_first else nullcontext(()) as listeners:
            training = _training(run, classifier, batches, listeners, world)
            training.run()
    return world.first_then(
        lambda: finish(run, training.at, best.logits), lambda: classifiers.load(run.folder.classifier)
    )


def _begun(asked: Run, classifier: Classifier, batches: TrainingBatches, world: World) -> Run:
    """The run before its first step, with the weights it starts from and the way to compute; its recipe is written."""
    is_new = not asked.request.resume
    run = executed(with_starting_weights(asked, classifier), classifier, batches, world) if is_new else asked
    if run.extended or is_new:
        _write_recipe(run)
    return run


def _is_restart(request: TrainRequest, world: World) -> bool:
    """Whether a process has died, all were begun again, and there is a checkpoint to go on from."""
    if not world.restarts:
        return False
    try:
        return find_run(request.out, request.data).is_begun
    except InputError:
        return False


def _training(
    run: Run, classifier: Classifier, batches: TrainingBatches, listeners: Sequence[Listener], world: World
) -> Training:
    """What `run` trains, where it stands."""
    request, recipe = run.request, run.plan.recipe
    training = Training(
        classifier, batches, run.splits.val, run.saved, run.folder, save_every=request.save_every, listeners=listeners,
        teacher=teacher.load(recipe.teacher, classifier) if recipe.teacher else None, watch=request.watch,
        world=world,
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
