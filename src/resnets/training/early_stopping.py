"""A run that no longer becomes better stops early."""

import logging

from resnets.training.listener import EpochDone, Listener
from resnets.training.recipes.recipe import Recipe

log = logging.getLogger(__name__)


class Patience(Listener):
    """Ends a run that no longer becomes better."""

    def __init__(self, recipe: Recipe) -> None:
        self.patience, self.monitor = recipe.patience, recipe.monitor

    def on_epoch(self, done: EpochDone) -> bool:
        ends = has_ended(done.epoch, done.best_epoch, self.patience)
        if ends:
            log.info("stopped early: %s was no better for %d epochs in a row", self.monitor, self.patience)
        return ends


def has_ended(epoch: int, best_epoch: int, patience: int) -> bool:
    """Whether `patience` epochs have gone by since the best one (both counted from 1); 0 waits for ever."""
    return bool(patience) and epoch - best_epoch >= patience
