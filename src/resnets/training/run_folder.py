"""A run's folder: its files, a new one, and the one to resume."""

import glob
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from resnets.base.errors import InputError
from resnets.base.files import check_parents, remove_leftovers
from resnets.base.locks import locked
from resnets.classifier.header import SAMPLES
from resnets.training import checkpoint
from resnets.training.checkpoint import Saved

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, where people look for them."""

    path: Path

    @property
    def classifier(self) -> Path:
        return self.path / "classifier.safetensors"

    @property
    def state(self) -> Path:
        return self.path / "last" / "state.safetensors"

    @property
    def earlier_state(self) -> Path:
        """The one before the newest."""
        return self.path / "last" / "previous.safetensors"

    @property
    def is_begun(self) -> bool:
        """Whether there is a state that a run can go on from. A kill may leave the earlier one alone."""
        return self.state.exists() or self.earlier_state.exists()

    @property
    def saved_when(self) -> float:
        """The time of the newest state, of a run that is begun."""
        return (self.state if self.state.exists() else self.earlier_state).stat().st_mtime

    def saved(self) -> Saved:
        """What the newest state that can be read says. Raises InputError when none can be."""
        return checkpoint.read_newest(self.state, self.earlier_state)

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def curves(self) -> Path:
        return self.path / "curves.svg"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def samples(self) -> Path:
        return self.path / SAMPLES

    @property
    def board(self) -> Path:
        return self.path / "tensorboard"

    @property
    def confusion(self) -> Path:
        return self.path / "confusion.svg"

    @contextmanager
    def claimed(self) -> Generator[None]:
        """The folder is this run's alone while the block lasts; it is made, and goes if nothing was put into it.

        What a writer that was killed has left in it is removed. Raises InputError while another run is in it.
        """
        existed = self.path.exists()
        busy = f"{self.path}: another run is being trained in it; wait until it ends, or choose another -o"
        try:
            with locked(self.path / "lock", busy=busy):
                for folder in (self.path, self.state.parent):
                    remove_leftovers(folder)
                yield
        finally:
            if not existed:
                with suppress(OSError):  # it holds something
                    self.path.rmdir()


def new_run(out: str | Path | None, name: str) -> RunFolder:
    """The folder of a run that is about to begin: `out`, or the next free runs/`name`. It is not made yet.

    Raises InputError when `out` already holds a run, or cannot be a folder.
    """
    if out is None:
        taken = (RUNS / f"{name}-{number}" if number > 1 else RUNS / name for number in range(1, 10_000))
        return RunFolder(next(path for path in taken if not path.exists()))
    folder = RunFolder(Path(out))
    if folder.path.exists() and not folder.path.is_dir():
        raise InputError(f"{out}: is a file, but -o must name the folder for the run")
    check_parents(folder.path)
    finished = folder.classifier.exists() and (folder.report.exists() or not folder.recipe.exists())
    if folder.is_begun or finished:  # what a run left that ended in its first epoch, nobody can go on with
        raise InputError(
            f"{out}: already contains a run; continue it with --resume, or begin a new one with another -o"
        )
    return folder


def find_run(out: str | Path | None, data: str | Path) -> RunFolder:
    """The folder of the run to resume: `out`, or the newest under runs/ that trains on `data`.

    Raises InputError when there is none.
    """
    if out is not None:
        return RunFolder(Path(out))
    candidates = [RunFolder(path) for path in RUNS.glob(f"{glob.escape(data_name(data))}-*")]
    saved = [folder for folder in candidates if folder.is_begun]
    begun = [folder for folder in saved if folder.saved().data["name"] == Path(data).name]
    if not begun:
        raise InputError(
            f"{RUNS / data_name(data)}*: there is no run to resume; -o names the folder of one, without --resume a new "
            "one begins"
        )
    return max(begun, key=lambda folder: folder.saved_when)


def data_name(data: str | Path) -> str:
    """What a run's folder calls its data: the last part of the path without its endings."""
    name = re.sub(r"(\.tar)?\.\w+$", "", Path(data).name) or Path(data).resolve().name
    return re.sub(r"[^\w.-]+", "-", name)
