"""Pictures that are nearly the same: a perceptual hash finds pairs that may be, their thumbnails confirm it.

The hash is that of the DCT (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions"): a bit
for each of 64 low frequencies, whether it is above their median. Two hashes that differ in at most DISTANCE bits agree
in one of DISTANCE + 1 parts of their bits, so only hashes that share a part are compared, never all pairs.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SIDE = 32  # pixels of a thumbnail's side
LOW = 8  # frequencies of each direction
DISTANCE = 5  # bits that may differ
FEW = 256  # hashes that are simply all compared
MANY = 64  # different pictures of one hash of which all pairs are confirmed
CONTRAST = 5.0  # grey levels of deviation below which a thumbnail says too little
LIKE = 0.985  # correlation of two thumbnails of one picture
LIKE_IN_DETAIL = 0.85  # the same of their edges: alike pictures differ there

Pairs = NDArray[np.int64]  # pairs x 2


def hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A perceptual hash of each of images x SIDE x SIDE grey pixels."""
    frequencies = np.asarray(fft.dctn(thumbnails.astype(np.float32), axes=(1, 2), norm="ortho"))
    low = frequencies[:, :LOW, :LOW].reshape(len(thumbnails), -1)
    low[:, 0] = 0  # brightness, which is no pattern
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def near_pairs(values: NDArray[np.uint64], distance: int = DISTANCE) -> Pairs:
    """Places of hashes that differ in at most `distance` bits, each pair once, the smaller place first."""
    unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    found = [(first[one], first[other]) for one, other in _between(unique, distance)]
    found += [pair for group in members if len(group) > 1 for pair in _within(group)]
    pairs = np.array(sorted({(min(pair), max(pair)) for pair in found}), dtype=np.int64)
    return pairs.reshape(-1, 2)


def confirmed(pairs: Pairs, thumbnails: Callable[[Sequence[int]], NDArray[np.uint8]]) -> Pairs:
    """The pairs whose thumbnails show the same picture, whatever its brightness and contrast.

    thumbnails: gives those of some places.
    """
    places = np.unique(pairs)
    if not len(places):
        return pairs
    small = thumbnails(places.tolist())
    kept = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), 4096):
        one, other = (small[np.searchsorted(places, pairs[start : start + 4096, side])] for side in (0, 1))
        kept[start : start + 4096] = same_picture(one, other)
    return pairs[kept]


def same_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Of two rows of thumbnails, which show the same picture; never of plain ones."""
    a, b = (side.astype(np.float32) for side in (one, other))
    contrast = np.minimum(a.std(axis=(1, 2)), b.std(axis=(1, 2)))
    return (
        (contrast >= CONTRAST) & (_correlation(a, b) >= LIKE) & (_correlation(_edges(a), _edges(b)) >= LIKE_IN_DETAIL)
    )


def groups(pairs: Pairs) -> list[list[int]]:
    """Places that pairs connect, each group sorted, the groups by their first place."""
    parent: dict[int, int] = {}

    def root(place: int) -> int:
        while (above := parent.setdefault(place, place)) != place:
            parent[place] = parent[above]
            place = above
        return place

    for one, other in pairs.tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    found: dict[int, list[int]] = {}
    for place in sorted(parent):
        found.setdefault(root(place), []).append(place)
    return list(found.values())


def _between(unique: NDArray[np.uint64], distance: int) -> Iterator[tuple[int, int]]:
    """Pairs of different hashes at most `distance` bits apart; some more than once."""
    waiting = [(np.arange(len(unique)), np.arange(64))]
    while waiting:
        members, bits = waiting.pop()
        if len(members) < 2:
            continue
        if len(members) <= FEW or len(bits) <= distance:
            yield from _compared(unique, members, distance)
            continue
        for part in (bits[first :: distance + 1] for first in range(distance + 1)):
            rest = np.setdiff1d(bits, part)
            waiting += [(members[inside], rest) for inside in _buckets(unique[members], part)]


def _buckets(values: NDArray[np.uint64], bits: NDArray[np.integer]) -> list[NDArray[np.int64]]:
    """Places of values that agree in these bits, where two or more do."""
    mask = np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64))
    keys = values & mask
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    return [one for one in np.split(order, ends) if len(one) > 1]


def _compared(unique: NDArray[np.uint64], members: NDArray[np.integer], distance: int) -> Iterator[tuple[int, int]]:
    values = unique[members]
    for start in range(0, len(members), FEW):
        apart = np.bitwise_count(values[start : start + FEW, None] ^ values[None, :])
        rows, columns = np.nonzero(apart <= distance)
        rows += start
        later = rows < columns
        yield from zip(members[rows[later]].tolist(), members[columns[later]].tolist(), strict=True)


def _within(group: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Pairs of places with one hash: all of a few, and of many each with the first and with the next."""
    places = group.tolist()
    if len(places) <= MANY:
        yield from ((one, other) for row, one in enumerate(places) for other in places[row + 1 :])
    else:
        yield from ((places[0], other) for other in places[1:])
        yield from pairwise(places)


def _edges(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left at half the size without the low frequencies: each pixel without the mean of those beside it."""
    half = thumbnails.reshape(len(thumbnails), SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4))
    inner = half[:, 1:-1, 1:-1]
    beside = half[:, :-2, 1:-1] + half[:, 2:, 1:-1] + half[:, 1:-1, :-2] + half[:, 1:-1, 2:]
    return inner - beside / 4


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    a, b = (side - side.mean(axis=(1, 2), keepdims=True) for side in (a, b))
    length = np.sqrt((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)))
    return (a * b).sum(axis=(1, 2)) / np.maximum(length, 1e-6)
