"""Batches as a function of (seed, epoch, step): decoded by threads, or gathered from one array in memory.

Pillow lets go of the interpreter while it decodes and resizes, so threads use every core and share what they make
without copying. Small image sets are decoded once and live in memory as one uint8 array.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resnets.data import augmentation, decoding
from resnets.data.augmentation import FLIP, LEFT, TOP
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.errors import InputError
from resnets.progress import Progress, Watch, unwatched

Item = TypeVar("Item")
Result = TypeVar("Result")
Augment = Literal["none", "crop", "resized-crop"]

MEMORY_LIMIT = 2 << 30  # bytes of decoded pixels that are kept rather than decoded in each epoch


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What training does to each image. All of it can be turned off."""

    augment: Augment = "crop"
    crop_padding: int = 4  # pixels of black around the image before a crop of its own size
    min_area: float = 0.25  # of the image, in a resized crop
    flip: bool = True


@dataclass(frozen=True)
class Batch:
    """Images as the network will see them but for normalization, and their labels."""

    images: UInt8[Tensor, "batch height width channels"]
    labels: Int64[Tensor, " batch"]


@runtime_checkable
class PixelSource(Protocol):
    """Gives the training images at some rows, each changed as its row of random numbers says."""

    def batches(self, batches: list[NDArray[np.int64]], numbers: NDArray[np.float32]) -> Iterator[Tensor]: ...


class TrainingBatches:
    """The training images in batches. What is in batch (epoch, step) depends on the seed and on nothing else."""

    def __init__(
        self,
        images: ImageSet,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        watch: Watch = unwatched,
    ) -> None:
        self.labels = torch.from_numpy(images.labels)
        self.batch_size = min(batch_size, len(images))
        self.seed = seed
        self.augmentation = augmentation
        in_memory = augmentation.augment != "resized-crop" and fits_in_memory(len(images), preprocessing)
        self.source: PixelSource = (
            InMemory(images, preprocessing, augmentation, watch)
            if in_memory
            else Decoded(images, preprocessing, augmentation)
        )

    @property
    def steps(self) -> int:
        """Batches an epoch. The last images of an epoch's order that fill no batch wait for another epoch."""
        return len(self.labels) // self.batch_size

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from step `start` on."""
        order = augmentation.generator(self.seed, epoch, 1).permutation(len(self.labels))
        numbers = augmentation.table(len(self.labels), seed=self.seed, epoch=epoch)
        rows = [order[step * self.batch_size : (step + 1) * self.batch_size] for step in range(start, self.steps)]
        for chosen, images in zip(rows, self.source.batches(rows, numbers), strict=True):
            coins = torch.from_numpy(numbers[chosen, FLIP] < 0.5)
            mirrored = augmentation.flip(images, coins) if self.augmentation.flip else images
            yield Batch(mirrored, self.labels[torch.from_numpy(chosen)])


class InMemory:
    """Every image decoded once, padded once, and gathered by index."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation, watch: Watch = unwatched
    ) -> None:
        self.size = preprocessing.size
        self.padding = augmentation.crop_padding if augmentation.augment == "crop" else 0
        self.pixels = torch.from_numpy(_padded(all_pixels(images, preprocessing, watch), self.padding))

    def batches(self, batches: list[NDArray[np.int64]], numbers: NDArray[np.float32]) -> Iterator[Tensor]:
        places = 2 * self.padding + 1
        for rows in batches:
            tops = torch.from_numpy((numbers[rows, TOP] * places).astype(np.int64))
            lefts = torch.from_numpy((numbers[rows, LEFT] * places).astype(np.int64))
            yield augmentation.crop(self.pixels, torch.from_numpy(rows), tops, lefts, self.size)


class Decoded:
    """Images decoded, cropped and resized by threads, a few batches ahead of the training step."""

    def __init__(self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation) -> None:
        self.images, self.preprocessing, self.augmentation = images, preprocessing, augmentation

    def batches(self, batches: list[NDArray[np.int64]], numbers: NDArray[np.float32]) -> Iterator[Tensor]:
        if not batches:
            return
        size = len(batches[0])
        pixels = in_order(lambda row: self._pixels(int(row), numbers[row]), np.concatenate(batches), ahead=2 * size)
        for _ in batches:
            yield torch.from_numpy(np.stack([next(pixels) for _ in range(size)]))

    def _pixels(self, row: int, numbers: NDArray[np.float32]) -> NDArray[np.uint8]:
        image = picture(self.images, row, self.preprocessing.channels)
        if self.augmentation.augment == "none":
            return self.preprocessing.pixels(image)
        if self.augmentation.augment == "resized-crop":
            return self.preprocessing.resized_crop(image, numbers, min_area=self.augmentation.min_area)
        padding, size = self.augmentation.crop_padding, self.preprocessing.size
        padded = _padded(self.preprocessing.pixels(image)[None], padding)[0]
        top, left = (int(numbers[column] * (2 * padding + 1)) for column in (TOP, LEFT))
        return padded[top : top + size, left : left + size]


def fits_in_memory(count: int, preprocessing: Preprocessing) -> bool:
    """Whether `count` images, as the network sees them, are few and small enough to keep."""
    return count * preprocessing.size**2 * preprocessing.channels <= MEMORY_LIMIT


def all_pixels(images: ImageSet, preprocessing: Preprocessing, watch: Watch = unwatched) -> NDArray[np.uint8]:
    """Every image as the network sees it: images x size x size x channels."""
    size, channels = preprocessing.size, preprocessing.channels
    if images.one_shape == (size, size, channels) and preprocessing.resize == size:
        ready = images.pixels()
        assert ready is not None  # as one_shape says
        return ready
    pixels = np.empty((len(images), size, size, channels), dtype=np.uint8)
    for index, one in enumerate(evaluation_pixels(images, preprocessing)):
        pixels[index] = one
        watch(Progress("reading images", index + 1, len(images)))
    return pixels


def evaluation_pixels(images: ImageSet, preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """Each image as the network sees it, in order."""
    yield from in_order(
        lambda index: preprocessing.pixels(picture(images, index, preprocessing.channels)), range(len(images))
    )


def picture(images: ImageSet, index: int, channels: int) -> Image.Image | NDArray[np.uint8]:
    """One image, decoded if it is encoded. Raises InputError naming it when it cannot be read."""
    name = images.image_name(index)
    try:
        data = images.read(index)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error
    return decoding.decode(data, channels=channels, name=name) if isinstance(data, bytes) else data


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 64, workers: int | None = None
) -> Iterator[Result]:
    """`function` of each item, in the items' order, computed by threads at most `ahead` items early."""
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="resnets-loading")
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _padded(pixels: NDArray[np.uint8], padding: int) -> NDArray[np.uint8]:
    return np.pad(pixels, ((0, 0), (padding, padding), (padding, padding), (0, 0))) if padding else pixels
