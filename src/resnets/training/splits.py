"""Before the first step: which images train and which judge, whether all can be read, and where the run's files go."""

import glob
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnets.base.errors import InputError
from resnets.base.files import check_parents
from resnets.base.progress import Watch
from resnets.data import sources
from resnets.data.checkup import Survey, survey
from resnets.data.imageset import ImageSet
from resnets.training import checkpoint
from resnets.training.checkpoint import RunFolder

log = logging.getLogger(__name__)

RUNS = Path("runs")
HELD_OUT = 5_000  # images: enough to tell epochs apart; the rest had better train


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The images of a run, every one of which can be decoded."""

    train: ImageSet
    val: ImageSet
    survey: Survey
    origin: dict[str, Any]  # what the classifier's header says of them
    notes: tuple[str, ...]  # how the source was read, how it was split, and what was left out


def prepare(data: str | Path, *, val_fraction: float, seed: int, skip_bad: bool, watch: Watch) -> Parts:
    """Open `data`, hold out validation images where it has none, and decode every image once.

    val_fraction: of the training images, to be held out; 0 for a fifth, and no more than HELD_OUT images.
    Raises InputError for what the user can mend: an image that cannot be decoded (unless `skip_bad`), a class without
    training images, too few of them.
    """
    whole = sources.open_source(data)
    notes = list(whole.notes)
    used, held_out = whole, None
    if not whole.has("val"):
        fraction = val_fraction or min(0.2, HELD_OUT / max(1, int((whole.splits <= 0).sum())))
        used = whole.hold_out("val", fraction=fraction, seed=seed)
        held_out = {"fraction": fraction, "seed": seed, "fingerprint": whole.fingerprint}
        notes.append(f"{whole.name}: {used.split_made}")
    for note in notes:
        log.info("%s", note)
    used.part("train")  # raises, and says which splits there are, when there is none
    used = used.subset(np.flatnonzero((used.splits == 0) | (used.splits == 1)))
    found = survey(used, watch)
    if found.bad:
        used = _without_bad(used, found, skip_bad)
        notes += [f"left out: {why}" for _, why in found.bad]
    _check_trainable(used)
    train, val = used.part("train"), used.part("val")
    origin = {
        "name": Path(data).name,
        "train": len(train),
        "val": len(val),
        "left_out": len(found.bad),
        "skip_bad": skip_bad,
        "held_out": held_out,
        "fingerprint": used.fingerprint,
    }
    return Parts(train=train, val=val, survey=found, origin=origin, notes=tuple(notes))


def new_run(out: str | Path | None, name: str) -> RunFolder:
    """The folder of a run that is about to begin: `out`, or the next free runs/`name`. It is not made yet.

    Raises InputError when `out` already holds a run, or cannot be a folder.
    """
    if out is None:
        taken = (RUNS / f"{name}-{number}" if number > 1 else RUNS / name for number in range(1, 10_000))
        return RunFolder(next(path for path in taken if not path.exists()))
    folder = RunFolder(Path(out))
    if folder.path.exists() and not folder.path.is_dir():
        raise InputError(f"{out}: is a file; -o names the folder for the run")
    check_parents(folder.path)
    finished = folder.classifier.exists() and (folder.report.exists() or not folder.recipe.exists())
    if folder.state.exists() or finished:  # what a run left that ended in its first epoch, nobody can go on with
        raise InputError(f"{out}: already holds a run; --resume goes on with it, another -o begins a new one")
    return folder


def find_run(out: str | Path | None, data: str | Path) -> RunFolder:
    """The folder of the run to resume: `out`, or the newest under runs/ that trains on `data`.

    Raises InputError when there is none.
    """
    if out is not None:
        return RunFolder(Path(out))
    candidates = [RunFolder(path) for path in RUNS.glob(f"{glob.escape(data_name(data))}-*")]
    saved = [folder for folder in candidates if folder.state.exists()]
    begun = [folder for folder in saved if checkpoint.read(folder.state).data["name"] == Path(data).name]
    if not begun:
        raise InputError(
            f"{RUNS / data_name(data)}*: there is no run to resume; -o names the folder of one, without --resume a new "
            "one begins"
        )
    return max(begun, key=lambda folder: folder.state.stat().st_mtime)


def data_name(data: str | Path) -> str:
    """What a run's folder calls its data: the last part of the path without its endings."""
    name = re.sub(r"(\.tar)?\.\w+$", "", Path(data).name) or Path(data).resolve().name
    return re.sub(r"[^\w.-]+", "-", name)


def _without_bad(images: ImageSet, found: Survey, skip_bad: bool) -> ImageSet:
    if not skip_bad:
        first, *others = (why for _, why in found.bad)
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{first}{more}; mend or remove it, or leave such files out with --skip-bad")
    for _, why in found.bad:
        log.warning("left out: %s", why)
    return images.without(index for index, _ in found.bad)


def _check_trainable(images: ImageSet) -> None:
    train = images.part("train")
    counts = train.class_counts()
    empty = [name for name, count in zip(train.classes, counts, strict=True) if not count]
    if empty:
        raise InputError(f"{images.name}: no training images of {', '.join(empty[:5])}; add some or remove the class")
    if not images.has("val"):
        raise InputError(f"{images.name}: {len(train)} images are too few to hold any out for validation; add some")
