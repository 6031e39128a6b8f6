"""Classes: empty ones, those that a split lacks, and those that have too few images."""

import numpy as np
from numpy.typing import NDArray

from resnets.checks.finding import Finding, Item
from resnets.data.imageset import SPLITS, ImageSet

RATIO = 10  # of the largest class to the smallest
FEWEST = 10  # images that a class should have


def findings(images: ImageSet, good: NDArray[np.bool_]) -> list[Finding]:
    """What is wrong with the classes. good: which images can be decoded."""
    count = len(images.classes)
    counts = np.bincount(images.labels, minlength=count)
    training = np.isin(images.splits, (-1, 0)) if np.isin(images.splits, (-1, 0)).any() else good
    trained = np.bincount(images.labels[training & good], minlength=count)
    empty = np.flatnonzero(counts == 0)
    few = np.flatnonzero((trained > 0) & (trained < FEWEST))
    return [
        Finding(
            kind="empty-classes", title="empty classes", severity="serious",
            means="a class folder without images stops training; fill it or remove it",
            items=tuple(Item((images.classes[label],)) for label in empty),
        ),
        *_missing(images, counts),
        Finding(
            kind="small-classes", title=f"classes of fewer than {FEWEST} images", severity="worth knowing",
            means="too few to learn from and to judge by; collect more",
            items=tuple(Item((images.classes[label],), _many(trained[label])) for label in few),
        ),
        Finding(
            kind="imbalance", title="imbalance", severity="worth knowing",
            means="rare classes are seldom the answer; collect more of them, or train with class weights",
            items=tuple(_imbalance(images, trained)),
        ),
    ]  # fmt: skip


def _missing(images: ImageSet, counts: NDArray[np.int64]) -> list[Finding]:
    """Classes with images, but not in each split."""
    items: dict[bool, list[Item]] = {True: [], False: []}
    for split, word in enumerate(SPLITS):
        inside = images.splits == split
        if inside.any():
            there = np.bincount(images.labels[inside], minlength=len(counts))
            absent = np.flatnonzero((there == 0) & (counts > 0))
            items[word == "train"] += [Item((images.classes[label],), f"not in {word}") for label in absent]
    return [
        Finding(
            kind="untrained-classes", title="classes that train lacks", severity="serious",
            means="no network can learn them; add training images, or remove the class", items=tuple(items[True]),
        ),
        Finding(
            kind="unjudged-classes", title="classes that a split lacks", severity="worth knowing",
            means="no score says how good a network is at them; move a few images there", items=tuple(items[False]),
        ),
    ]  # fmt: skip


def _imbalance(images: ImageSet, trained: NDArray[np.int64]) -> list[Item]:
    there = np.flatnonzero(trained)
    if len(there) < 2:
        return []
    least, most = (int(there[choose(trained[there])]) for choose in (np.argmin, np.argmax))
    ratio = trained[most] / trained[least]
    if ratio < RATIO:
        return []
    note = f"{_many(trained[most])} and {_many(trained[least])}, {ratio:.0f} to 1"
    return [Item((images.classes[most], images.classes[least]), note)]


def _many(count: int | np.integer) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
