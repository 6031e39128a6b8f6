"""A training run from beginning to end: a request becomes a folder with a classifier, its scores and a report."""

import copy
import dataclasses
import logging
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.base.versions import provenance
from resnets.catalog import resolve
from resnets.classifier import file as classifiers
from resnets.classifier.file import Classifier
from resnets.classifier.header import read_header
from resnets.data import loading
from resnets.data.loading import TrainingBatches
from resnets.data.table_columns import table_options
from resnets.evaluation.calibration import Threshold, calibrate
from resnets.network import ResNet
from resnets.report import page, plots
from resnets.report.board import board, require_tensorboard
from resnets.report.evaluated import RunReport
from resnets.runs import samples
from resnets.runs.request import TrainRequest
from resnets.training import checkpoint, execution, selection, transfer
from resnets.training.checkpoint import RunState, Saved
from resnets.training.execution import Choice
from resnets.training.loop import Record, Training, training_batches
from resnets.training.recipes import defaults
from resnets.training.recipes import plan as plans
from resnets.training.recipes.plan import Changes, Execution, Plan
from resnets.training.recipes.recipe import ENDLESS, Recipe, replaced
from resnets.training.run_folder import RunFolder, data_name, find_run, new_run
from resnets.training.splits import Splits, prepare_splits
from resnets.training.step import teacher, whitening
from resnets.training.step.optimization import to_training
from resnets.training.transfer import Start

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A run that is about to begin or to go on: its folder, where it stands, and its images."""

    folder: RunFolder
    saved: Saved
    splits: Splits
    request: TrainRequest
    start: Start | None = None

    @property
    def plan(self) -> Plan:
        return self.saved.plan

    def with_saved(self, **fields: Any) -> "Run":
        """The run with some fields of its state replaced."""
        return dataclasses.replace(self, saved=dataclasses.replace(self.saved, **fields))

    @property
    def command(self) -> str:
        """What repeats it."""
        request = self.request
        table = table_options(request.columns, request.images)
        skipping = ["--skip-bad"] if self.saved.data["skip_bad"] else []
        return shlex.join(
            ["resnets", "train", str(request.data), *table, "--recipe", str(self.folder.recipe), *skipping]
        )


def train(request: TrainRequest) -> Classifier:
    """Carry out a request, and return the classifier that was best on validation, calibrated on it."""
    run = _resumed(request) if request.resume else begin(request)
    classifier = untrained(run, request.device)
    batches = training_batches(run.splits.train, classifier, run.plan.recipe, request.watch)
    if not request.resume:
        run = _executed(with_starting_weights(run, classifier), classifier, batches)
        _write_recipe(run)
    classifier.origin |= run.saved.origin
    with _record(run) as record:
        training = _training(run, classifier, batches, record)
        try:
            training.run()
        finally:
            if training.at.rows:
                write_whole(run.folder.curves, plots.curves(training.at.rows, training.at.best_epoch))
    return finish(run, training)


def _training(run: Run, classifier: Classifier, batches: TrainingBatches, record: Record) -> Training:
    request, recipe = run.request, run.plan.recipe
    training = Training(
        classifier, batches, run.splits.val, run.saved, run.folder,
        teacher=teacher.load(recipe.teacher, classifier) if recipe.teacher else None,
        save_every=request.save_every, record=record, watch=request.watch,
    )  # fmt: skip
    if request.resume:
        training.restore()
        log.info("resuming %s at epoch %d, step %d", run.folder.path, training.at.epoch + 1, training.at.step)
    return training


@contextmanager
def _record(run: Run) -> Iterator[Record]:
    """What is done with each epoch's row besides keeping it: TensorBoard's files, where they are asked for."""
    if not run.request.tensorboard:
        yield lambda _: None
        return
    with board(run.folder.board, epoch=run.saved.run_state.epoch) as events:
        yield events.row


def begin(request: TrainRequest) -> Run:
    """A new run: its folder, its state before the first step, and its images."""
    if request.out is not None:
        new_run(request.out, "")  # before the images are looked at, which can take long
    changes = request.changes
    asked = recipe_values(changes)
    defaults.check(changes)
    if asked.teacher:
        read_header(asked.teacher)
    if request.tensorboard:
        require_tensorboard()
    start = transfer.find(asked.weights, request.watch) if asked.weights else None
    defaults.check(changes, start)
    splits = _splits(request, asked, request.skip_bad)
    plan = defaults.plan(splits.train, splits.survey, changes, start)
    selection.check(plan.recipe.monitor, splits.val)
    folder = new_run(request.out, f"{data_name(request.data)}-{plan.network}")
    for reason in plan.reasons:
        log.info("%s", reason)
    saved = Saved(plan=plan, data=splits.origin, threads=torch.get_num_threads(), run_state=RunState())
    return Run(folder, saved, splits, request, start)


def _resumed(request: TrainRequest) -> Run:
    """A run that was stopped: where it stood, and the same images. Raises InputError when they are not the same."""
    folder, changes = find_run(request.out, request.data), request.changes
    saved = checkpoint.read(folder.state)
    plan = saved.plan
    if changes.network not in (None, plan.network) and resolve(str(changes.network)).name != plan.network:
        raise InputError(f"{folder.path}: is a run of {plan.network}, not of {changes.network}")
    if not plans.agrees(plan, changes):
        raise InputError("--resume goes on with the recipe the run began with; begin a new run to change it")
    splits = _splits(request, plan.recipe, saved.data["skip_bad"])
    if splits.origin["fingerprint"] != saved.data["fingerprint"]:
        raise InputError(
            f"{request.data}: not the images that {folder.path} was trained on ({saved.data['train']} and "
            f"{saved.data['val']} then, {len(splits.train)} and {len(splits.val)} now, or other names or labels); "
            "begin a new run"
        )
    return Run(folder, saved, splits, request)


def _splits(request: TrainRequest, recipe: Recipe, skip_bad: bool) -> Splits:
    return prepare_splits(
        request.data, columns=request.columns, images=request.images, val_fraction=recipe.val_fraction,
        seed=recipe.split_seed, skip_bad=skip_bad, watch=request.watch,
    )  # fmt: skip


def recipe_values(changes: Changes) -> Recipe:
    """The recipe of these changes alone, before the data has a say. Raises InputError for what cannot work together."""
    return replaced(Recipe(epochs=ENDLESS), changes.recipe, where="recipe")


def untrained(run: Run, device: torch.device) -> Classifier:
    """The classifier before its first step. Its weights depend on the seed alone."""
    plan, splits = run.plan, run.splits
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(plan.recipe.seed)  # the CPU's alone: fork_rng puts it back
        network = ResNet(plan.spec)
    return Classifier(
        network=network.to(device),
        classes=splits.train.classes,
        preprocessing=plan.preprocessing,
        origin={
            "recipe": plan.as_dict()["recipe"],
            "network": plan.network,
            "data": splits.origin,
            "seed": plan.recipe.seed,
            **provenance(),
        },
    )


def with_starting_weights(run: Run, classifier: Classifier) -> Run:
    """Put into the classifier what training starts from: whitening filters, or weights and a linear probe of them."""
    recipe, begun = run.plan.recipe, time.monotonic()
    if recipe.whiten:
        _whiten(run, classifier)
    if run.start is None:
        return run
    for note in run.start.into(classifier):
        log.info("%s", note)
    run = run.with_saved(origin=run.start.origin)
    if recipe.head != "probe":
        return run
    probe = transfer.probe(
        classifier, run.splits.train, balanced=bool(recipe.balancing), mirror=recipe.flip, seed=recipe.seed,
        watch=run.request.watch,
    )  # fmt: skip
    log.info(
        "linear probe: C = %.3g, %.2f%% of the training images when held out", probe.strength, 100 * probe.accuracy
    )
    probe.into(classifier)
    return run.with_saved(run_state=RunState(seconds=time.monotonic() - begun, probe_loss=probe.loss))


def _whiten(run: Run, classifier: Classifier) -> None:
    sample = run.splits.train.evenly(whitening.IMAGES, seed=run.plan.recipe.seed)
    preprocessing = classifier.preprocessing
    pixels = (torch.from_numpy(one) for one in loading.evaluation_pixels(sample, preprocessing))
    whitening.whiten(classifier.network, (preprocessing.normalize(one[None])[0] for one in pixels))


def _executed(run: Run, classifier: Classifier, batches: TrainingBatches) -> Run:
    """The way to compute: as set, as usual, or the fastest of what is measured on the first batch."""
    plan, request = run.plan, run.request
    first = dataclasses.replace(execution.usual(request.device), **request.changes.execution)
    if request.plan == "usual" or request.changes.execution or not plan.recipe.epochs:
        choice = Choice(first, f"execution {first}: as {'set' if request.changes.execution else 'usual'}")
    else:
        choice = _fastest(run, classifier, batches, first)
    log.info("%s", choice.reason)
    chosen = dataclasses.replace(plan, execution=choice.execution, reasons=(*plan.reasons, choice.reason))
    threads = choice.execution.threads or run.saved.threads
    origin = {**run.saved.origin, "execution": choice.as_dict()}
    return run.with_saved(plan=chosen, threads=threads, origin=origin)


def _fastest(run: Run, classifier: Classifier, batches: TrainingBatches, first: Execution) -> Choice:
    recipe, device = run.plan.recipe, run.request.device
    batch = next(iter(batches.epoch(0, size=recipe.train_size or None)))
    images = classifier.preprocessing.normalize(batch.images[: recipe.batch_size].to(device))
    labels = batch.labels[: recipe.batch_size].to(device)
    network = copy.deepcopy(classifier.network)
    to_training(network, norms_frozen=recipe.freeze_norms, stages_frozen=recipe.freeze_stages)
    clock = execution.step_clock(network, images, labels, run.request.watch)
    steps = recipe.epochs * batches.steps * recipe.accumulate
    compiles = execution.can_compile(device) and not recipe.drop_path and recipe.progressive == 1
    return execution.choose(first, clock, steps, execution.alternatives(first, device), compiles=compiles)


def _write_recipe(run: Run) -> None:
    comment = (
        f"Trained on {Path(run.request.data).name} by resnets {version('resnets')}. The same again:\n{run.command}"
    )
    write_whole(run.folder.recipe, plans.write(run.plan, comment=comment))


def _tell_threshold(found: Threshold, wanted: float, images: int) -> None:
    if found.threshold is None:
        log.warning(
            "abstain_error %g: even the surest answers to the %d validation images are wrong more often, so only an "
            "answer of probability 1 is marked as sure; allow more errors, or train further", wanted, images,
        )  # fmt: skip
    else:
        log.info(
            "sure from a probability of %.4g on: %.1f%% of the validation images, of which %.2f%% are wrong",
            found.threshold, 100 * found.coverage, 100 * (found.error or 0.0),
        )  # fmt: skip


def finish(run: Run, training: Training) -> Classifier:
    """Calibrate the best classifier on the validation images, and write what there is to see of the run."""
    recipe, folder, val = run.plan.recipe, run.folder, run.splits.val
    best = classifiers.load(folder.classifier, device=str(run.request.device))
    logits = training.best_logits
    if logits is None:  # the best epoch was in an earlier sitting
        logits = best.scored(val, split="all", watch=run.request.watch).logits
    found = calibrate(logits, val.labels, error_rate=recipe.abstain_error or None)
    best.temperature, best.abstain_below = found.temperature, found.abstain_below
    if found.threshold is not None:
        _tell_threshold(found.threshold, recipe.abstain_error, len(val))
    said = RunReport(
        classifier=best, images=val, labels=val.labels, logits=logits, on=f"{val.name}, the validation images",
        train=run.splits.train, rows=tuple(training.at.rows), plan=run.plan, command=run.command,
        notes=run.splits.notes, recipe=str(run.request.recipe or ("finetune" if recipe.weights else "")),
    )  # fmt: skip
    best.metrics["val"] |= {**selection.summary(said.evaluation), "ece_before": found.ece_before}
    best.save(folder.classifier)
    write_whole(folder.confusion, plots.confusion(said.evaluation))
    page.write(folder.report, said)
    samples.write(folder.samples, run.splits.train, val, seed=recipe.split_seed)
    return best
