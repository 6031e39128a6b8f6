"""Which images an epoch shows, in which order: pure functions of the labels, the seed and the epoch."""

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from resnets.data import augmentation
from resnets.data.augmentation_settings import Sampler
from resnets.data.shard_cache import WINDOW


def views(
    labels: NDArray[np.int64], *, seed: int, epoch: int, sampler: Sampler = "all", repeats: int = 1,
    shards: NDArray[np.int64] | None = None,
) -> tuple[Int64[np.ndarray, " views"], Int64[np.ndarray, " views"]]:  # fmt: skip
    """The images of an epoch in order, as many as there are labels, and for each its row of the random tables.

    repeats: so many views of an image follow each other, each with random numbers of its own, and so many fewer images
    have a turn: repeated augmentation (Hoffer et al. 2019, and "ResNet strikes back"). No row is used twice, and with
    neither repeats nor a balance an image's row is its own. shards: of each image, where only a few shards are at hand
    at a time; the order is then that of `near`.
    """
    rows = augmentation.generator(seed, epoch, augmentation.ORDER).permutation(len(labels))
    images = rows
    if sampler == "balanced":
        turns = -(-len(labels) // repeats)
        images = balanced(labels, turns, augmentation.generator(seed, epoch, augmentation.BALANCE))
    if shards is not None:
        order = near(shards[images], augmentation.generator(seed, epoch, augmentation.SHARDS))
        images, rows = images[order], rows[order] if len(order) == len(rows) else rows
    return images[np.arange(len(labels)) // repeats], rows


def near(shards: NDArray[np.int64], random: np.random.Generator) -> Int64[np.ndarray, " count"]:
    """An order of images in which those of a shard are near each other, and mixed with those of WINDOW shards.

    Shards come in random order. An image's place is its shard's place plus a random part of WINDOW, so that at any time
    the images are those of at most WINDOW + 1 shards.
    """
    _, number = np.unique(shards, return_inverse=True)
    place = random.permutation(number.max(initial=0) + 1)
    return np.argsort(place[number] + WINDOW * random.random(len(shards)), kind="stable")


def balanced(labels: NDArray[np.int64], count: int, random: np.random.Generator) -> Int64[np.ndarray, " count"]:
    """`count` images, each class as often as any other (but for one image), in random order.

    A class's images come again only when all have been shown; of a class that is too large, some wait for another
    epoch. An image is as likely as under torch's WeightedRandomSampler with weights of 1 / its class's size.
    """
    classes = random.permutation(np.unique(labels))
    shares = np.full(len(classes), count // len(classes))
    shares[: count % len(classes)] += 1
    drawn = [
        _deck(np.flatnonzero(labels == label), share, random)
        for label, share in zip(classes, shares.tolist(), strict=True)
    ]
    return random.permutation(np.concatenate(drawn))


def _deck(members: NDArray[np.int64], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """`count` of the members: all of them, shuffled, as often as it takes."""
    rounds = -(-count // len(members))
    return np.concatenate([random.permutation(members) for _ in range(rounds)] or [members])[:count]
