"""Images that are there more than once: in one split, across splits, in two classes."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from resnets.checks import likeness
from resnets.checks.finding import Finding, Item, Leak
from resnets.checks.looks import Looks
from resnets.data.imageset import SPLITS, ImageSet

SMALLEST = 16  # pixels of a side: smaller pictures have too little in them to tell near duplicates from alike ones

Groups = Sequence[Sequence[int]]  # of places in the image set
Name = Callable[[int], str]


def exact_groups(looks: Looks) -> list[list[int]]:
    """Images of equal bytes or equal pixels, but for those of one colour."""
    usable = np.flatnonzero(looks.good & ~looks.constant)
    pairs = [_equal(values[usable]) for values in (looks.contents, looks.pixels)]
    return likeness.groups(usable[np.concatenate(pairs)])


def near_groups(
    looks: Looks, exact: Groups, thumbnails: Callable[[Sequence[int]], NDArray[np.uint8]]
) -> list[list[int]]:
    """Images that show nearly the same, of each exact group the first. thumbnails: gives those of some images."""
    usable = looks.good & ~looks.constant & (looks.sizes.min(axis=1) >= SMALLEST)
    usable[[place for group in exact for place in group[1:]]] = False
    places = np.flatnonzero(usable)
    found = likeness.confirmed(
        likeness.near_pairs(looks.hashes[places]), lambda chosen: thumbnails(places[list(chosen)].tolist())
    )
    return likeness.groups(places[found])


def findings(images: ImageSet, exact: Groups, near: Groups, name: Name) -> list[Finding]:
    """What the groups say, each under the one heading that weighs most: two classes, then two splits, then the rest."""

    same, alike = _items(images, exact, name, ""), _items(images, near, name, "nearly the same picture")
    alike["split"] = [Item(one.names, one.note, one.images) for one in alike["split"]]  # a burst may be wanted
    return [
        Finding(
            kind="two-classes", title="one image in two classes", severity="serious",
            means="the labels contradict each other, and no answer is right for both; keep it in one class",
            items=(*same["classes"], *alike["classes"]),
        ),
        Finding(
            kind="duplicates-across-splits", title="duplicates across splits", severity="serious",
            means="a network has seen the answer before it is asked, so scores are too good; keep one of each",
            items=tuple(same["splits"]),
        ),
        Finding(
            kind="near-duplicates-across-splits", title="near duplicates across splits", severity="serious",
            means="nearly the same picture trains and judges, so scores are too good; keep one of each",
            items=tuple(alike["splits"]),
        ),
        Finding(
            kind="duplicates", title="duplicates in one split", severity="worth knowing",
            means="a copy counts twice and teaches nothing; keep one of each", items=tuple(same["split"]),
        ),
        Finding(
            kind="near-duplicates", title="near duplicates in one split", severity="worth knowing",
            means="resized, recompressed or brightened copies, or shots of one burst; look at them, and keep the best",
            items=tuple(alike["split"]),
        ),
    ]  # fmt: skip


def _items(images: ImageSet, groups: Groups, name: Name, note: str) -> dict[str, list[Item]]:
    """An item a group, by what its images differ in: classes, splits, or nothing (split). note: on two classes."""
    found: dict[str, list[Item]] = {"classes": [], "splits": [], "split": []}
    for group in groups:
        ordered = sorted(group, key=lambda place: (images.splits[place], place))
        names, kind = tuple(map(name, ordered)), _kind(images, ordered)
        if kind == "classes":
            labels = " and ".join(sorted({images.classes[images.labels[place]] for place in ordered}))
            found[kind].append(Item(names, f"{labels}, {note}" if note else labels, tuple(ordered), names))
        else:
            found[kind].append(Item(names, "", tuple(ordered), names[1:]))
    return found


def leaks(images: ImageSet, exact: Groups, near: Groups) -> tuple[Leak, ...]:
    """Of each split that judges, how many images are in train too, where any is."""
    twins = {group[0]: group for group in exact}
    wider = [[one for place in group for one in twins.get(place, [place])] for group in near]
    found: list[Leak] = []
    for split, word in enumerate(SPLITS[1:], 1):
        same = _leaked(images, exact, split)
        nearly = _leaked(images, wider, split) - same
        if same or nearly:
            found.append(Leak(word, len(same), len(nearly), int((images.splits == split).sum())))
    return tuple(found)


def _leaked(images: ImageSet, groups: Groups, split: int) -> set[int]:
    leaking = (group for group in groups if (images.splits[list(group)] == 0).any())
    return {place for group in leaking for place in group if images.splits[place] == split}


def _kind(images: ImageSet, group: Iterable[int]) -> str:
    places = list(group)
    if len(set(images.labels[places].tolist())) > 1:
        return "classes"
    return "splits" if len(set(images.splits[places].tolist())) > 1 else "split"


def _equal(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Pairs of neighbours among equal values, which connect all of them."""
    order = np.argsort(values, kind="stable")
    at = np.flatnonzero(values[order[1:]] == values[order[:-1]])
    return np.stack([order[at], order[at + 1]], axis=1)
