"""More epochs for a run that has been begun, where the epochs it has made would have been the same."""

import dataclasses
from typing import Any

from resnets.base.errors import InputError
from resnets.training.checkpoint import Saved
from resnets.training.recipes.recipe import Recipe, replaced
from resnets.training.run_folder import RunFolder

BEGUN_WITH = "extended"  # in a run's origin: what its recipe set before it was extended
BY_EPOCHS = ("constant", "step")  # schedules whose rates so far do not depend on the epochs to come


def begun_with(saved: Saved) -> Recipe:
    """The recipe that a run began with, before any extension."""
    return replaced(saved.plan.recipe, saved.origin.get(BEGUN_WITH, {}), where="recipe")


def extended(folder: RunFolder, saved: Saved, epochs: int) -> Saved:
    """The run with `epochs` instead of fewer. Raises InputError, with a way, where that is another run.

    Warm-up and milestones are parts of a run: they become smaller parts of a longer one, and stay where they are.
    """
    plan, recipe = saved.plan, saved.plan.recipe
    anew = (
        f"--weights {folder.path} --epochs {epochs - recipe.epochs} with another -o trains further from its classifier"
    )
    if recipe.schedule not in BY_EPOCHS:
        raise InputError(
            f"{folder.path}: epochs = {epochs}: schedule {recipe.schedule!r} spreads the learning rate over the "
            f"{recipe.epochs} epochs the run began with; {anew}"
        )
    if recipe.progressive < 1:
        raise InputError(
            f"{folder.path}: epochs = {epochs}: its images grow during the {recipe.epochs} "
            f"epochs that it began with; {anew}"
        )
    if saved.run_state.ended:
        raise InputError(
            f"{folder.path}: epochs = {epochs}: the run was stopped after epoch {saved.run_state.epoch} by "
            "its patience or "
            f"a listener; {anew}"
        )
    share = recipe.epochs / epochs
    changes: dict[str, Any] = {
        "epochs": epochs,
        "warmup": recipe.warmup * share,
        "milestones": tuple(one * share for one in recipe.milestones),
    }
    before = {name: getattr(recipe, name) for name in changes}
    reason = f"epochs {epochs} instead of {recipe.epochs}: --resume has extended the run"
    longer = dataclasses.replace(
        plan, recipe=replaced(recipe, changes, where="recipe"), reasons=(*plan.reasons, reason)
    )
    return dataclasses.replace(saved, plan=longer, origin={BEGUN_WITH: before, **saved.origin})
