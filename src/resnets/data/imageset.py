"""The one type that every source returns: labelled images, not yet decoded, and which split each belongs to."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.names import composed

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

SAMPLED = 64  # images whose content is part of a set's fingerprint
SHARDS_SAMPLED = 8  # shards that a sample is drawn from, where not all are at hand

log = logging.getLogger(__name__)


@runtime_checkable
class Images(Protocol):
    """Where the pixels are: a folder, an archive, an array."""

    def __len__(self) -> int: ...

    def read(self, index: int, /) -> bytes | NDArray[np.uint8]:
        """An encoded file's bytes, or pixels (height x width x channels). Raises OSError when it cannot be read."""
        ...

    def name(self, index: int, /) -> str:
        """What a message calls this image: a path, or a place in an array."""
        ...


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Labelled images of `classes`, some or all of them assigned to a split.

    Raises InputError when there are no images, or when a label has no class.
    """

    name: str  # as the user gave it
    classes: tuple[str, ...]
    images: Images
    labels: NDArray[np.int64]  # one an image, an index into classes
    splits: NDArray[np.int8]  # one an image, an index into SPLITS; -1: not assigned
    rows: NDArray[np.int64]  # one an image, its place in `images`
    split_made: str = ""  # how the split was made here; empty where the source came with one
    notes: tuple[str, ...] = field(default=())  # what a user should know about how the source was read

    def __post_init__(self) -> None:
        if not len(self):
            raise InputError(f"{self.name}: no images found")
        if not (len(self.labels) == len(self.splits) == len(self.rows)):
            raise InputError(
                f"{self.name}: {len(self.rows)} images, {len(self.labels)} labels, {len(self.splits)} splits: "
                "the numbers must be equal"
            )
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise InputError(
                f"{self.name}: the highest label is {self.labels.max()}, but there are {len(self.classes)} classes"
            )

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> bytes | NDArray[np.uint8]:
        """The bytes or pixels of one image of this set."""
        return self.images.read(int(self.rows[index]))

    def pixels(self) -> NDArray[np.uint8] | None:
        """A copy of all pixels (images x height x width x channels), where the source is one array; else None."""
        array = getattr(self.images, "array", None)
        return None if array is None else array[self.rows]

    @property
    def one_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of every image, where the source is one array; else None."""
        array = getattr(self.images, "array", None)
        return None if array is None else array.shape[1:]

    @property
    def shards(self) -> NDArray[np.int64] | None:
        """The shard of each image, where only a few shards are at hand at a time; else None."""
        near = getattr(self.images, "near", None)
        return None if near is None else near[self.rows]

    def image_name(self, index: int) -> str:
        """What a message calls one image of this set."""
        return self.images.name(int(self.rows[index]))

    def has(self, split: Split) -> bool:
        """Whether any image belongs to `split`. Raises InputError for a name that no split has."""
        if split not in SPLITS:
            raise InputError(f"split {split!r}: must be one of {', '.join(SPLITS)}")
        return bool((self.splits == SPLITS.index(split)).any())

    def part(self, split: Split) -> "ImageSet":
        """The images of one split. Raises InputError, naming the splits there are, when it has none."""
        if not self.has(split):
            there = [name for name in SPLITS if self.has(name)] or ["none"]
            raise InputError(f"{self.name}: no {split} split; it has {', '.join(there)}")
        return self.subset(np.flatnonzero(self.splits == SPLITS.index(split)))

    def subset(self, indices: Sequence[int] | NDArray[np.integer]) -> "ImageSet":
        """Only the images at `indices`, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(self, rows=self.rows[chosen], labels=self.labels[chosen], splits=self.splits[chosen])

    def without(self, indices: Iterable[int]) -> "ImageSet":
        """All images but those at `indices`."""
        kept = np.ones(len(self), dtype=bool)
        kept[list(indices)] = False
        return self.subset(np.flatnonzero(kept))

    def evenly(self, count: int, *, seed: int) -> "ImageSet":
        """At most `count` of the images, as many of each class as of any other as far as there are, drawn by a seed.

        Every class's first comes before any class's second, so that what is cut off at the end is even too. Of shards
        that are not at hand, only the first few are drawn from.
        """
        random = np.random.Generator(np.random.Philox(key=seed))
        shards = self.shards
        at_hand = True if shards is None else shards < shards.min() + SHARDS_SAMPLED
        drawn = [random.permutation(np.flatnonzero((self.labels == one) & at_hand)) for one in range(len(self.classes))]
        ranks = np.concatenate([np.arange(len(members)) for members in drawn])
        return self.subset(np.concatenate(drawn)[np.argsort(ranks, kind="stable")][:count])

    def class_counts(self) -> NDArray[np.int64]:
        """How many images each class has."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @property
    def present_classes(self) -> tuple[str, ...]:
        """The classes that have images."""
        return tuple(name for name, count in zip(self.classes, self.class_counts(), strict=True) if count)

    @cached_property
    def fingerprint(self) -> str:
        """A short digest of which images these are: their names, their labels, and the content of a few of them."""
        digest = hashlib.sha256(composed("\n".join(self.classes)).encode(errors="surrogateescape"))
        for index in range(len(self)):
            name = "" if self.one_shape else composed(self.image_name(index).rsplit("/", 1)[-1])
            digest.update(f"\n{name}\t{self.labels[index]}".encode(errors="surrogateescape"))
        sampled = SAMPLED if self.shards is None else 0
        for index in np.linspace(0, len(self) - 1, min(sampled, len(self))).astype(int):
            try:
                content = self.read(int(index))
                digest.update(content if isinstance(content, bytes) else content.tobytes())
            except OSError:
                digest.update(b"cannot be read")
        return digest.hexdigest()[:16]

    def hold_out(self, split: Split, *, fraction: float, seed: int) -> "ImageSet":
        """Move a stratified, seeded `fraction` of the training images (or of all, if there is no split) to `split`.

        Every class with two images or more keeps at least one in training and gives at least one away. The same images
        move whenever the same files are held out with the same seed.
        """
        if not 0 < fraction < 1:
            raise InputError(f"fraction = {fraction}: the part that is held out must be more than 0 and less than 1")
        splits = np.where(self.splits == -1, np.int8(0), self.splits)
        random = np.random.Generator(np.random.Philox(key=seed))
        for label in range(len(self.classes)):
            members = np.flatnonzero((self.labels == label) & (splits == 0))
            if len(members) < 2:
                continue
            count = min(max(1, round(fraction * len(members))), len(members) - 1)
            splits[random.permutation(members)[:count]] = SPLITS.index(split)
        made = f"{fraction:.0%} of the training images of each class held out as {split}, seed {seed}"
        return replace(self, splits=splits, split_made=made)
