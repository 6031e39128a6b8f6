"""Batches as a function of (seed, epoch, step): decoded by threads, or gathered from one array in memory.

Pillow lets go of the interpreter while it decodes and resizes, so threads use every core and share what they make
without copying. Small image sets are decoded once and live in memory as one uint8 array. An image is cropped, resized,
flipped and then changed by the policy; normalization, erasing and mixing are the training step's.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.turns import turn
from resnets.data import augmentation, policies, sampling
from resnets.data.augmentation import FLIP, LEFT, TOP
from resnets.data.augmentation_settings import Augmentation
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing

Item = TypeVar("Item")
Result = TypeVar("Result")

Picture = Image.Image | NDArray[np.uint8]  # decoded
Rows = list[NDArray[np.int64]]  # of each batch

PIECE = 16  # images that a thread takes at once: of small ones a single one is not worth the handing over
MEMORY_LIMIT = 2 << 30  # bytes of decoded pixels that are kept rather than decoded in each epoch


@dataclass(frozen=True)
class Batch:
    """Images as the network will see them but for normalization, and their labels."""

    images: UInt8[Tensor, "batch height width channels"]
    labels: Int64[Tensor, " batch"]
    boxes: Int64[Tensor, "batch 4"] | None = None  # what to erase once normalized (`augmentation.erase`), if anything


@runtime_checkable
class PixelSource(Protocol):
    """Gives the training images at some rows, each changed as its row of random numbers says.

    views: the row of `numbers` for each image; without it, the image's own. size: in pixels, if not the network's.
    """

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]: ...


class TrainingBatches:
    """The training images in batches. What is in batch (epoch, step) depends on the seed and on nothing else."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation,
        *, batch_size: int, seed: int, watch: Watch = unwatched,
    ) -> None:  # fmt: skip
        self.labels = torch.from_numpy(images.labels)
        self.batch_size = min(batch_size, len(images))
        self.seed = seed
        self.preprocessing = preprocessing
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

    def epoch(self, epoch: int, *, start: int = 0, size: int | None = None) -> Iterator[Batch]:
        """The batches of one epoch, from step `start` on. size: of the images in pixels, if not the network's."""
        images, views = sampling.views(
            self.labels.numpy(),
            seed=self.seed,
            epoch=epoch,
            sampler=self.augmentation.sampler,
            repeats=self.augmentation.repeats,
        )
        rows, views = self._in_batches(images, start), self._in_batches(views, start)
        numbers = self._table(epoch, augmentation.GEOMETRY, augmentation.COLUMNS)
        pixels = self.source.batches(rows, numbers, views=views, size=size)
        if self.augmentation.flip:
            mirrored = torch.from_numpy(self._mirrored(epoch, numbers))
            pixels = map(lambda batch, view: augmentation.flip(batch, mirrored[view]), pixels, views)
        if self.augmentation.policy != "none":
            pixels = self._after_policy(pixels, views, epoch)
        boxes = self._boxes(views, epoch, size or self.preprocessing.size)
        for chosen, batch, erased in zip(rows, pixels, boxes, strict=True):
            yield Batch(batch, self.labels[torch.from_numpy(chosen)], erased)

    def _in_batches(self, rows: NDArray[np.int64], start: int) -> Rows:
        return [rows[step * self.batch_size : (step + 1) * self.batch_size] for step in range(start, self.steps)]

    def _table(self, epoch: int, purpose: int, columns: int) -> NDArray[np.float32]:
        return augmentation.table(len(self.labels), seed=self.seed, epoch=epoch, purpose=purpose, columns=columns)

    def _mirrored(self, epoch: int, numbers: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which views are mirrored: by chance in each epoch, or by chance in the first and in turn from then on.

        In turn, two epochs show each image once as it is and once mirrored (Jordan 2024, section 3.6).
        """
        if not self.augmentation.alternate_flip:
            return numbers[:, FLIP] < 0.5
        first = self._table(0, augmentation.GEOMETRY, augmentation.COLUMNS)
        return (first[:, FLIP] < 0.5) ^ (epoch % 2 == 1)

    def _after_policy(self, batches: Iterator[Tensor], views: Rows, epoch: int) -> Iterator[Tensor]:
        """The batches with the policy applied to each image, by threads and a few batches ahead."""
        columns = policies.columns(self.augmentation.policy, self.augmentation.policy_ops)
        numbers = self._table(epoch, augmentation.POLICY, columns)
        policy, colour = _policy(self.augmentation, self.preprocessing), self.preprocessing.mean_colour
        pieces = -(-self.batch_size // PIECE)

        def changed(piece: tuple[Tensor, NDArray[np.int64]]) -> NDArray[np.uint8]:
            pixels, rows = piece
            pairs = zip(pixels.numpy(), rows, strict=True)
            return np.stack([policies.on_pixels(one, numbers[row], policy, colour) for one, row in pairs])

        cut = (
            (batch[at : at + PIECE], view[at : at + PIECE])
            for batch, view in zip(batches, views, strict=True)
            for at in range(0, self.batch_size, PIECE)
        )
        done = in_order(changed, cut, ahead=2 * pieces)
        for _ in views:
            yield torch.from_numpy(np.concatenate([next(done) for _ in range(pieces)]))

    def _boxes(self, views: Rows, epoch: int, size: int) -> Iterator[Tensor | None]:
        """Of each batch, the boxes to erase."""
        if not self.augmentation.erase:
            yield from (None for _ in views)
            return
        numbers = self._table(epoch, augmentation.ERASE, augmentation.COLUMNS)
        draw = partial(augmentation.erased_box, size, size, probability=self.augmentation.erase)
        yield from (torch.tensor([draw(numbers[row]) for row in view]) for view in views)


class InMemory:
    """Every image decoded once, padded once, and gathered by index."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation, watch: Watch = unwatched
    ) -> None:
        self.size = preprocessing.size
        self.padding = augmentation.crop_padding if augmentation.augment == "crop" else 0
        self.pixels = torch.from_numpy(_padded(all_pixels(images, preprocessing, watch), self.padding))

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]:
        places = 2 * self.padding + 1
        for rows, view in zip(batches, views or batches, strict=True):
            tops = torch.from_numpy((numbers[view, TOP] * places).astype(np.int64))
            lefts = torch.from_numpy((numbers[view, LEFT] * places).astype(np.int64))
            windows = augmentation.crop(self.pixels, torch.from_numpy(rows), tops, lefts, self.size)
            yield augmentation.resized(windows, size or self.size)


class Decoded:
    """Images decoded, cropped and resized by threads, a few batches ahead of the training step.

    Decoded pictures are kept from epoch to epoch where all of them, by the sizes seen so far, fit in MEMORY_LIMIT.
    """

    def __init__(self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation) -> None:
        self.images, self.preprocessing, self.augmentation = images, preprocessing, augmentation
        self.kept: dict[int, NDArray[np.uint8]] = {}
        self._decoded = self._decoded_bytes = 0
        self._counting = threading.Lock()

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]:
        if not batches:
            return
        size, count = size or self.preprocessing.size, len(batches[0])
        order = zip(np.concatenate(batches).tolist(), np.concatenate(views or batches).tolist(), strict=True)
        pixels = in_order(lambda one: self._pixels(one[0], numbers[one[1]], size), order, ahead=2 * count)
        for _ in batches:
            stacked = np.stack([next(pixels) for _ in range(count)])
            yield augmentation.resized(torch.from_numpy(stacked), size)

    def _pixels(self, row: int, numbers: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
        image = self._picture(row)
        if self.augmentation.augment == "resized-crop":
            return self.preprocessing.resized_crop(image, numbers, min_area=self.augmentation.min_area, size=size)
        with _naming(self.images, row):
            centre = self.preprocessing.pixels(image)
        if self.augmentation.augment == "none":
            return centre
        padding, full = self.augmentation.crop_padding, self.preprocessing.size
        padded = _padded(centre[None], padding)[0]
        top, left = (int(numbers[column] * (2 * padding + 1)) for column in (TOP, LEFT))
        return padded[top : top + full, left : left + full]

    def _picture(self, row: int) -> Picture:
        kept = self.kept.get(row)
        if kept is not None:
            return kept
        found = picture(self.images, row, self.preprocessing)
        if isinstance(found, Image.Image):
            with self._counting:
                self._decoded += 1
                self._decoded_bytes += found.width * found.height * self.preprocessing.channels
                fits = self._decoded_bytes / self._decoded * len(self.images) <= MEMORY_LIMIT
            if fits:
                self.kept[row] = np.array(found)
        return found


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
    yield from in_order(lambda index: view(images, index, preprocessing, preprocessing.pixels), range(len(images)))


def picture(images: ImageSet, index: int, preprocessing: Preprocessing) -> Picture:
    """One image, decoded if it is encoded. Raises InputError naming it when it cannot be read."""
    name = images.image_name(index)
    with turn():
        try:
            data = images.read(index)
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({error.strerror or error})") from error
        return preprocessing.decoded(data, name=name) if isinstance(data, bytes) else data


def view(images: ImageSet, index: int, preprocessing: Preprocessing, of: Callable[[Picture], Result]) -> Result:
    """What `of` makes of one image. Raises InputError naming the image when it cannot be read or used."""
    found = picture(images, index, preprocessing)
    with _naming(images, index):
        return of(found)


@contextmanager
def _naming(images: ImageSet, index: int) -> Generator[None]:
    """What is wrong with an image in the block is said with its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{images.image_name(index)}: {error}") from error


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 64, workers: int | None = None
) -> Iterator[Result]:
    """`function` of each item, in the items' order, computed by threads at most `ahead` items early."""
    pool = ThreadPoolExecutor(workers or usable_cpus(), thread_name_prefix="resnets-loading")
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


def _policy(settings: Augmentation, preprocessing: Preprocessing) -> policies.Policy:
    if settings.policy == "trivial-augment":
        return lambda image, numbers, _: policies.trivial_augment(image, numbers)
    return lambda image, numbers, fill: policies.rand_augment(
        image, numbers, ops=settings.policy_ops, magnitude=settings.policy_magnitude, spread=settings.policy_spread,
        fill=fill, resample=preprocessing.resampling,
    )  # fmt: skip


def _padded(pixels: NDArray[np.uint8], padding: int) -> NDArray[np.uint8]:
    return np.pad(pixels, ((0, 0), (padding, padding), (padding, padding), (0, 0))) if padding else pixels
