"""Before the first step: which images train and which judge, and whether all of them can be read."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnets.base.errors import InputError
from resnets.base.progress import Watch
from resnets.data import sources
from resnets.data.checkup import Survey, survey
from resnets.data.imageset import ImageSet

log = logging.getLogger(__name__)

HELD_OUT = 5_000  # images: enough to tell epochs apart; the rest had better train


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The images of a run, every one of which can be decoded."""

    train: ImageSet
    val: ImageSet
    survey: Survey
    origin: dict[str, Any]  # what the classifier's header says of them
    notes: tuple[str, ...]  # how the source was read, how it was split, and what was left out


def prepare_splits(data: str | Path, *, val_fraction: float, seed: int, skip_bad: bool, watch: Watch) -> Splits:
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
    return Splits(train=train, val=val, survey=found, origin=origin, notes=tuple(notes))


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
