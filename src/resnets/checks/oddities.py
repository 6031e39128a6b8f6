"""Single images that are unlike the others: damaged, of one colour, of another mode, of another size."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from resnets.checks.finding import Finding, Item, Severity
from resnets.checks.looks import MODES, Looks

FEW = 0.2  # of all images: more are a mixture that somebody meant
ONE_SIZE = 0.9  # of all images that have one size: the others are odd
TINY = 4  # times smaller than the median shorter side
ENORMOUS = 4  # times larger than the median longer side
THIN = 4  # times longer than wide, and twice the median's

Name = Callable[[int], str]

_MODES = {
    "grey": ("gray among color", "stored without color; a network may learn a class by that, so look whether one class "
             "has most of them"),
    "colour": ("color among gray", "stored with color where the others have none; save all images alike"),
    "CMYK": ("CMYK", "stored for print; colors shift when they become RGB, so save them as RGB"),
    "alpha": ("transparency", "transparent pixels become white; save them without transparency if that is wrong"),
    "deep": ("more than 8 bits", "deeper than the others, so other rules scale them; save all images alike"),
}  # fmt: skip


def findings(looks: Looks, name: Name) -> list[Finding]:
    """What is odd about single images."""
    constant, cut_short = np.flatnonzero(looks.constant), np.flatnonzero(looks.cut_short)
    return [
        Finding(
            kind="unreadable", title="cannot be decoded", severity="serious",
            means="training refuses to start; copy them again, or leave them out",
            items=tuple(_single(place, name, why, out=True) for place, why in looks.bad.items()),
        ),
        _finding(
            "cut-short", "end of file missing", "the picture is there, but the file was cut short; copy it again",
            cut_short, name,
        ),
        _finding(
            "one-color", "one color only", "there is nothing to see, often because a download failed; remove them",
            constant, name, out=True,
        ),
        *_modes(looks, name),
        *_sizes(looks, name),
    ]  # fmt: skip


def _modes(looks: Looks, name: Name) -> list[Finding]:
    good = looks.good
    counts = np.bincount(looks.modes[good], minlength=len(MODES))
    usual = int(counts.argmax())
    found: list[Finding] = []
    for place, mode in enumerate(MODES):
        title, means = _MODES[mode]
        if place != usual and 0 < counts[place] <= FEW * counts.sum():
            kind = title.replace(" ", "-").lower()
            found.append(_finding(kind, title, means, np.flatnonzero(good & (looks.modes == place)), name))
    return found


def _sizes(looks: Looks, name: Name) -> list[Finding]:
    good = looks.good
    if not good.any():
        return []
    sizes = looks.sizes.astype(np.int64)
    short, long = sizes.min(axis=1), sizes.max(axis=1)
    ratio = long / np.maximum(short, 1)
    usual = float(np.median(ratio[good]))
    thin = good & (ratio >= max(THIN, 2 * usual))
    tiny = good & ~thin & (short * TINY <= np.median(short[good]))
    enormous = good & ~thin & (long >= ENORMOUS * np.median(long[good]))
    other = _of_other_size(sizes, good) & ~thin & ~tiny & ~enormous
    few = FEW * good.sum()
    kinds = (
        ("tiny", "tiny", "far smaller than the others, perhaps thumbnails; find the originals", tiny),
        ("enormous", "enormous", "far larger than the others, so they are slow to read; make them smaller", enormous),
        ("thin", "very long and thin", "a crop shows only a part of them; cut them to what matters", thin),
        ("other-size", "of another size", "nearly all others have one size; look where these come from", other),
    )
    return [
        _finding(kind, title, means, np.flatnonzero(which), name, of=sizes)
        for kind, title, means, which in kinds
        if 0 < which.sum() <= few
    ]


def _of_other_size(sizes: NDArray[np.int64], good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The good images that do not have the size of nearly all; none where there is no such size."""
    found, counts = np.unique(sizes[good], axis=0, return_counts=True)
    if counts.max() < ONE_SIZE * good.sum():
        return np.zeros(len(good), dtype=bool)
    return good & (sizes != found[counts.argmax()]).any(axis=1)


def _finding(
    kind: str, title: str, means: str, places: NDArray[np.integer], name: Name, *,
    severity: Severity = "worth knowing", out: bool = False, of: NDArray[np.int64] | None = None,
) -> Finding:  # fmt: skip
    """of: the images' sizes, where they are worth a note."""
    notes = ["" if of is None else f"{of[place][0]} x {of[place][1]}" for place in places]
    items = tuple(_single(int(place), name, note, out=out) for place, note in zip(places, notes, strict=True))
    return Finding(kind=kind, title=title, severity=severity, means=means, items=items)


def _single(place: int, name: Name, note: str, *, out: bool) -> Item:
    named = name(place)
    return Item((named,), note, (place,), (named,) if out else ())
