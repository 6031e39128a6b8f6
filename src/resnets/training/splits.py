"""Before the first step: which images train and which judge, and whether all of them can be read."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.progress import Watch
from resnets.data import leaving_out, sources
from resnets.data.checkup import Survey, in_several_classes, survey
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.table_columns import Asked

log = logging.getLogger(__name__)

HELD_OUT = 5_000  # images: enough to tell epochs apart; the rest had better train
LISTED = 20  # classes that are named with their counts
SHOWN = 3  # pairs of images that are in two classes
_TEST = SPLITS.index("test")


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The images of a run, every one of which can be decoded."""

    train: ImageSet
    val: ImageSet
    survey: Survey
    origin: dict[str, Any]  # what the classifier's header says of them
    notes: tuple[str, ...]  # how the source was read, how it was split, and what was left out


def prepare_splits(
    data: str | Path,
    *,
    columns: Asked | None = None,
    images: str | Path | None = None,
    val_fraction: float,
    seed: int,
    skip_bad: bool,
    leave_out: str | Path | None = None,
    watch: Watch,
) -> Splits:
    """Open `data`, hold out validation images where it has none, and decode every image once, those of test too.

    columns, images: as `sources.open_source` has them. val_fraction: of the training images, to be held out; 0 for a
    fifth, and no more than HELD_OUT images. leave_out: a list of images to leave out, as `leaving_out` reads it; which
    images are held out does not depend on it.
    Raises InputError for what the user can mend: an image that cannot be decoded (unless `skip_bad`), a class without
    training images, too few of them.
    """
    whole = sources.open_source(data, columns=columns, images=images)
    listed = () if leave_out is None else leaving_out.places(whole, leave_out)
    notes = [*whole.notes, *_listed_note(leave_out, listed)]
    used, held_out = _with_validation(whole, val_fraction, seed)
    if held_out is not None:
        notes.append(f"{whole.name}: {used.split_made}")
    for note in notes:
        log.info("%s", note)
    whole, used = whole.without(listed), used.without(listed)
    _check_trainable(used)  # before an hour of decoding
    used, found, lost = _readable(used.subset(np.flatnonzero(used.splits != _TEST)), skip_bad, watch)
    parts = [(used, found.contents)]
    if whole.has("test"):
        test, surveyed, lost_there = _readable(whole.part("test"), skip_bad, watch)
        parts.append((test, surveyed.contents))
        lost += lost_there
    _check_trainable(used)
    leaked = _leaked(parts)
    doubtful = _doubtful(in_several_classes(parts))
    _tell_counts([used for used, _ in parts])
    train, val = used.part("train"), used.part("val")
    origin = {
        "name": Path(data).name,
        "train": len(train),
        "val": len(val),
        "left_out": len(lost) + len(listed),
        "listed": len(listed),  # of those left out
        "skip_bad": skip_bad,
        "held_out": held_out,
        "fingerprint": used.fingerprint,
    }
    return Splits(train=train, val=val, survey=found, origin=origin, notes=(*notes, *lost, *leaked, *doubtful))


def _with_validation(whole: ImageSet, val_fraction: float, seed: int) -> tuple[ImageSet, dict[str, Any] | None]:
    """The images with a validation split, and how it was made where they came without one."""
    if whole.has("val"):
        return whole, None
    fraction = val_fraction or min(0.2, HELD_OUT / max(1, int((whole.splits <= 0).sum())))
    made = {"fraction": fraction, "seed": seed, "fingerprint": whole.fingerprint}
    return whole.hold_out("val", fraction=fraction, seed=seed), made


def _readable(images: ImageSet, skip_bad: bool, watch: Watch) -> tuple[ImageSet, Survey, tuple[str, ...]]:
    """The images that can be decoded, what was found of them, and a line for each other one."""
    found = survey(images, watch)
    if found.bad:
        images = _without_bad(images, found, skip_bad)
    return images, found, tuple(f"left out: {why}" for _, why in found.bad)


def _listed_note(leave_out: str | Path | None, listed: Sequence[int]) -> tuple[str, ...]:
    if not listed:
        return ()
    return (f"{leave_out}: {len(listed):,} listed {'images are' if len(listed) > 1 else 'image is'} left out",)


def _leaked(parts: Sequence[tuple[ImageSet, NDArray[np.uint64]]]) -> tuple[str, ...]:
    """Of each split that judges, a line on how many of its images have bytes that an image of train has, told."""
    contents = np.concatenate([found for _, found in parts])
    splits = np.concatenate([images.splits for images, _ in parts])
    trained = contents[splits == 0]
    found: list[str] = []
    for place, split in enumerate(SPLITS[1:], 1):
        judging = contents[splits == place]
        if count := int(np.isin(judging, trained).sum()):
            found.append(f"{count:,} of {len(judging):,} {split} images are also in train; `resnets check` lists them")
            log.info("%s", found[-1])
    return tuple(found)


def _doubtful(pairs: Sequence[str]) -> tuple[str, ...]:
    """A warning of images that are in two classes, once it is told."""
    if not pairs:
        return ()
    more = f", and {len(pairs) - SHOWN:,} more" if len(pairs) > SHOWN else ""
    warning = f"the same image is in two classes: {'; '.join(pairs[:SHOWN])}{more}; keep it in the right one"
    log.warning("%s", warning)
    return (warning,)


def _tell_counts(parts: Sequence[ImageSet]) -> None:
    """Log the classes of each split, and how many images each has."""
    for split in SPLITS:
        for images in (one.part(split) for one in parts if one.has(split)):
            counts = images.class_counts()
            listed = ", ".join(
                f"{name} {count:,}" for name, count in zip(images.classes[:LISTED], counts.tolist(), strict=False)
            )
            rest = counts[LISTED:]
            more = f", and {len(rest):,} more with {rest.min():,} to {rest.max():,} images each" if len(rest) else ""
            log.info("%s: %s images of %s classes: %s%s", split, f"{len(images):,}", f"{len(counts):,}", listed, more)


def _without_bad(images: ImageSet, found: Survey, skip_bad: bool) -> ImageSet:
    if not skip_bad:
        first, *others = [why for _, why in found.bad]
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{first}{more}; repair or remove it, or leave such files out with --skip-bad")
    for _, why in found.bad:
        log.warning("left out: %s", why)
    return images.without(index for index, _ in found.bad)


def _check_trainable(images: ImageSet) -> None:
    train = images.part("train")  # raises, and says which splits there are, when there is none
    if len(images.classes) < 2:
        raise InputError(
            f"{images.name}: only one class, {', '.join(images.classes)}; a classifier needs at least two classes, "
            "a folder or a label for each"
        )
    counts = train.class_counts()
    empty = [name for name, count in zip(train.classes, counts, strict=True) if not count]
    if empty:
        raise InputError(f"{images.name}: no training images of {', '.join(empty[:5])}; add some or remove the class")
    if not images.has("val"):
        raise InputError(f"{images.name}: {len(train)} images are too few to hold some out for validation; add more")
