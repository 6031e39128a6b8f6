"""A run that is about to begin or to go on: its folder, which is its alone, where it stands, and its images."""

import dataclasses
import hashlib
import logging
import shlex
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError
from resnets.catalog import resolve
from resnets.classifier.header import check_whole, read_header
from resnets.data.table_columns import table_options
from resnets.report.board import require_tensorboard
from resnets.runs.request import TrainRequest
from resnets.training import best_epoch as selection
from resnets.training import checkpoint, transfer
from resnets.training.checkpoint import RunState, Saved
from resnets.training.extension import begun_with, extended
from resnets.training.recipes import default_plan
from resnets.training.recipes import plan as plans
from resnets.training.recipes.plan import Changes, Plan
from resnets.training.recipes.recipe import ENDLESS, Recipe, replaced
from resnets.training.run_folder import RunFolder, data_name, find_run, new_run
from resnets.training.splits import Splits, prepare_splits
from resnets.training.transfer import Start
from resnets.training.world import ALONE, World

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A run that is about to begin or to go on: its folder, where it stands, and its images."""

    folder: RunFolder
    saved: Saved
    splits: Splits
    request: TrainRequest
    start: Start | None = None
    extended: bool = False  # to more epochs than it was begun with

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
        if leave_out := self.saved.data.get("leave_out"):
            skipping += ["--leave-out", leave_out]
        return shlex.join(
            ["resnets", "train", str(request.data), *table, "--recipe", str(self.folder.recipe), *skipping]
        )


@contextmanager
def opened(request: TrainRequest, world: World = ALONE) -> Generator[Run]:
    """The run that is asked for, whose folder is its alone while the block lasts.

    Of several processes the first opens it; the others take its word, and open the images themselves.
    Raises InputError for what the user can mend, among it another run that is being trained in the folder.
    """
    with ExitStack() as held:
        found: list[Run] = []

        def first() -> tuple[RunFolder, Saved, bool]:
            run = held.enter_context(_opened(request))
            found.append(run)
            return run.folder, run.saved, run.extended

        folder, saved, longer = world.from_first(first)
        yield found[0] if found else _followed(request, folder, saved, longer=longer)


def _followed(request: TrainRequest, folder: RunFolder, saved: Saved, *, longer: bool) -> Run:
    """The run that the first process has opened. Raises InputError when this one does not find the same images."""
    splits = _splits(
        request, saved.plan.recipe, saved.data["skip_bad"], request.leave_out or saved.data.get("leave_out")
    )
    if splits.origin["fingerprint"] != saved.data["fingerprint"] or _content(splits) != saved.data["content"]:
        raise InputError(f"{request.data}: other images than the first process finds there; give all hosts the same")
    return Run(folder, saved, splits, request, extended=longer)


@contextmanager
def _opened(request: TrainRequest) -> Generator[Run]:
    if request.resume:
        folder = find_run(request.out, request.data)
        folder.saved()  # raises, before a folder is made, where there is no run
        with folder.claimed():
            yield resumed(request, folder)
    elif request.out is not None:
        with new_run(request.out, "").claimed():  # before the images are looked at, which can take long
            yield begin(request)
    else:
        run = begin(request)
        with run.folder.claimed():
            yield run


def begin(request: TrainRequest) -> Run:
    """A new run: its folder, its state before the first step, and its images."""
    changes = request.changes
    asked = recipe_values(changes)
    default_plan.check(changes)
    if asked.teacher:
        read_header(asked.teacher)
    if request.tensorboard:
        require_tensorboard()
    start = transfer.find(asked.weights, asked.body or None, request.watch) if asked.weights else None
    default_plan.check(changes, start)
    splits = _splits(request, asked, request.skip_bad, request.leave_out)
    plan = default_plan.plan(splits.train, splits.survey, changes, start)
    selection.check(plan.recipe.monitor, splits.val)
    folder = new_run(request.out, f"{data_name(request.data)}-{plan.network}")
    if rare := default_plan.rare_classes(splits.train):
        log.warning("%s", rare)
        splits = dataclasses.replace(splits, notes=(*splits.notes, rare))
    for reason in plan.reasons:
        log.info("%s", reason)
    leave_out = None if request.leave_out is None else str(request.leave_out)
    data = {**splits.origin, "content": _content(splits), "leave_out": leave_out}
    saved = Saved(plan=plan, data=data, threads=min(torch.get_num_threads(), usable_cpus()), run_state=RunState())
    return Run(folder, saved, splits, request, start)


def resumed(request: TrainRequest, folder: RunFolder) -> Run:
    """A run that was stopped: where it stood, and the same images.

    Raises InputError when they are not the same, or when one of its files is missing or damaged.
    """
    checkpoint.recover(folder.state, folder.earlier_state)
    checkpoint.check_whole(folder.state)
    begun = checkpoint.read(folder.state)
    _check_best(folder, begun.run_state)
    saved = _agreed(request.changes, folder, begun)
    splits = _splits(
        request, saved.plan.recipe, saved.data["skip_bad"], request.leave_out or saved.data.get("leave_out")
    )
    if splits.origin["fingerprint"] != saved.data["fingerprint"] or _content(splits) != saved.data["content"]:
        raise InputError(
            f"{request.data}: these are not the images that {folder.path} was trained on ({saved.data['train']} and "
            f"{saved.data['val']} then, {len(splits.train)} and {len(splits.val)} now, or other names, labels or "
            "contents); begin a new run"
        )
    return Run(folder, saved, splits, request, extended=saved is not begun)


def _check_best(folder: RunFolder, state: RunState) -> None:
    """Raise InputError, before any further epoch, when the best classifier so far is missing or damaged."""
    if state.best is None:
        return
    try:
        read_header(folder.classifier)
        check_whole(folder.classifier)
    except InputError as error:
        what = "damaged" if folder.classifier.is_file() else "missing"
        best = state.best_epoch or selection.named_epoch(0)
        raise InputError(
            f"{folder.classifier}: {what}, and it holds the best epoch so far, {best}; put a copy of it back, or begin "
            "a new run with another -o"
        ) from error


def _agreed(changes: Changes, folder: RunFolder, saved: Saved) -> Saved:
    """The run as it was begun, or with the further epochs that are asked for. Raises InputError for other changes."""
    plan = saved.plan
    if changes.network not in (None, plan.network) and resolve(str(changes.network)).name != plan.network:
        raise InputError(f"{folder.path}: this run trains {plan.network}, not {changes.network}")
    before = begun_with(saved)
    asked = replaced(before, changes.recipe, where="recipe")
    epochs = asked.epochs if "epochs" in changes.recipe else plan.recipe.epochs
    others = {name: value for name, value in changes.recipe.items() if name != "epochs"}
    same = plans.agrees(dataclasses.replace(plan, recipe=before), dataclasses.replace(changes, recipe=others))
    if not same or epochs < plan.recipe.epochs:
        raise InputError("--resume uses the recipe that the run began with; begin a new run to change it")
    if epochs == plan.recipe.epochs:
        return saved
    longer = extended(folder, saved, epochs)
    log.info("%s", longer.plan.reasons[-1])
    return longer


def _splits(request: TrainRequest, recipe: Recipe, skip_bad: bool, leave_out: str | Path | None) -> Splits:
    return prepare_splits(
        request.data, columns=request.columns, images=request.images, val_fraction=recipe.val_fraction,
        seed=recipe.split_seed, skip_bad=skip_bad, leave_out=leave_out, watch=request.watch,
    )  # fmt: skip


def _content(splits: Splits) -> str:
    """A digest of every image's bytes, all of which have been read to see whether they can be decoded."""
    return hashlib.sha256(splits.survey.contents.tobytes()).hexdigest()


def recipe_values(changes: Changes) -> Recipe:
    """The recipe of these changes alone, before the data has a say. Raises InputError for what cannot work together."""
    return replaced(Recipe(epochs=ENDLESS), changes.recipe, where="recipe")
