"""Which images of some data a classifier is judged on, and what it said of them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from resnets.data.imageset import ImageSet, Split

NAMED = 5  # classes without images

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """A classifier's outputs for the images of a set."""

    images: ImageSet
    logits: Float32[ndarray, "images classes"]  # raw: not divided by the temperature
    labels: Int64[ndarray, " images"]  # the right output of each
    on: str  # in words, which images these are


def to_judge(
    images: ImageSet,
    split: Split | Literal["all"] | None,
    origin: Mapping[str, Any],
    *,
    prefer: Sequence[Split] = ("test", "val"),
) -> tuple[ImageSet, str]:
    """The images to judge a classifier on, and in words which they are.

    origin: the classifier's. prefer: the splits to take where `split` does not say; of data without them, what was
    held out when the classifier was trained on the same images, else all.
    Raises InputError, naming the splits there are, when there is no such one.
    """
    if split == "all":
        return images, f"{images.name}, all images"
    if split is None:
        split = next((name for name in prefer if images.has(name)), None)
    if split is not None and images.has(split):
        return images.part(split), f"{images.name}, split {split}"
    held_out = origin.get("data", {}).get("held_out")
    if held_out and held_out.get("fingerprint") == images.fingerprint and split in (None, "val"):
        rebuilt = images.hold_out("val", fraction=held_out["fraction"], seed=held_out["seed"])
        return rebuilt.part("val"), f"{images.name}, the images held out of training"
    if split is not None:
        return images.part(split), ""  # raises, and says which splits there are
    if held_out and images.name.rstrip("/").rsplit("/", 1)[-1] == origin["data"].get("name"):
        return images, f"{images.name}, all images; some may have trained this classifier, whose data had this name"
    return images, f"{images.name}, all images"


def tell_absent(data: str, labels: Int64[ndarray, " images"], classes: tuple[str, ...]) -> None:
    """Log which of a classifier's classes have no images in `data`."""
    absent = [classes[place] for place in np.setdiff1d(np.arange(len(classes)), labels).tolist()]
    if absent:
        more = f" and {len(absent) - NAMED:,} more" if len(absent) > NAMED else ""
        log.info(
            "%s: %s of the classifier's %s classes have no images here: %s%s",
            data, f"{len(absent):,}", f"{len(classes):,}", ", ".join(absent[:NAMED]), more,
        )  # fmt: skip
