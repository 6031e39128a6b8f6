"""How a new run is computed: as set, as usual, or the fastest of what is measured on its first batch."""

import copy
import dataclasses
import logging

from resnets.classifier.file import Classifier
from resnets.data.training_batches import TrainingBatches
from resnets.runs.opened import Run
from resnets.training import execution
from resnets.training.execution import Choice
from resnets.training.recipes.plan import Execution
from resnets.training.step.optimization import to_training
from resnets.training.world import ALONE, World

log = logging.getLogger(__name__)


def executed(run: Run, classifier: Classifier, batches: TrainingBatches, world: World = ALONE) -> Run:
    """The way to compute: as set, as usual, or the fastest of what is measured on the first batch."""
    plan, request = run.plan, run.request
    first = dataclasses.replace(execution.usual(request.device), **request.changes.execution)
    if request.plan == "usual" or request.changes.execution or not plan.recipe.epochs:
        choice = Choice(first, f"execution {first}: as {'set' if request.changes.execution else 'usual'}")
    elif request.execution is not None:
        choice = Choice(request.execution, f"execution {request.execution}: as was measured for the first seed")
    else:
        choice = _fastest(run, classifier, batches, first, world)
    log.info("%s", choice.reason)
    chosen = dataclasses.replace(plan, execution=choice.execution, reasons=(*plan.reasons, choice.reason))
    threads = choice.execution.threads or run.saved.threads
    origin = {**run.saved.origin, "execution": choice.as_dict(), "samples": run.request.samples}
    return run.with_saved(plan=chosen, threads=threads, origin=origin)


def _fastest(run: Run, classifier: Classifier, batches: TrainingBatches, first: Execution, world: World) -> Choice:
    recipe, device = run.plan.recipe, run.request.device
    batch = next(iter(batches.epoch(0, size=recipe.train_size or None)))
    images = classifier.preprocessing.normalize(batch.images[: recipe.batch_size].to(device))
    labels = batch.labels[: recipe.batch_size].to(device)
    network = copy.deepcopy(classifier.network)
    to_training(network, norms_frozen=recipe.freeze_norms, stages_frozen=recipe.freeze_stages)
    clock = execution.step_clock(network, images, labels, run.request.watch)
    steps = recipe.epochs * batches.steps * -(-batches.batch_size // recipe.batch_size)
    compiles = execution.can_compile(device) and not recipe.drop_path and recipe.progressive == 1
    gpu = device.type == "cuda"
    others = execution.alternatives(first, device, graph=world.is_alone)
    return execution.choose(
        first, clock, steps, others, compiles=compiles,
        worth_measuring=execution.WORTH_MEASURING_ON_A_GPU if gpu else execution.WORTH_MEASURING,
    )  # fmt: skip
