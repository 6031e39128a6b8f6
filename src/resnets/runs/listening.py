"""Who listens to a run: its files, its log, its patience, TensorBoard where asked for, and the user's own listeners."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from resnets.base.files import write_whole
from resnets.report import plots
from resnets.report.board import board
from resnets.runs.opened import Run
from resnets.training.checkpoint import RunState
from resnets.training.early_stopping import Patience
from resnets.training.listener import EpochDone, Listener
from resnets.training.listeners import BestFile, EpochLog, MetricsFile


class Curves(Listener):
    """Draws loss, accuracy and learning rate by epoch when a sitting ends."""

    def __init__(self, path: Path, state: RunState) -> None:
        self.path = path
        self.rows, self.best_epoch = tuple(state.rows), state.best_epoch

    def on_epoch(self, done: EpochDone) -> None:
        self.rows, self.best_epoch = tuple(done.rows), done.best_epoch

    def on_end(self) -> None:
        if self.rows:
            write_whole(self.path, plots.curves(self.rows, self.best_epoch))


@contextmanager
def listeners_of(run: Run, best: BestFile) -> Generator[tuple[Listener, ...]]:
    """All who listen, the user's own last, when the run's files are written. TensorBoard's file is open meanwhile."""
    request, folder, state = run.request, run.folder, run.saved.run_state
    own = (
        best, MetricsFile(folder.metrics), EpochLog(), Patience(run.plan.recipe), Curves(folder.curves, state),
    )  # fmt: skip
    if not request.tensorboard:
        yield (*own, *request.listeners)
        return
    with board(folder.board, epoch=state.epoch) as events:
        yield (*own, events, *request.listeners)
