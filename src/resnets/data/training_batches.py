"""Batches of training images as a function of (seed, epoch, step).

An image is cropped, resized, flipped and then changed by the policy; normalization, erasing and mixing are the training
step's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from resnets.base.progress import Watch, unwatched
from resnets.data import augmentation, policies, sampling
from resnets.data.augmentation import FLIP
from resnets.data.augmentation_settings import Augmentation
from resnets.data.imageset import ImageSet
from resnets.data.loading import fits_in_memory, in_order
from resnets.data.pixel_sources import Decoded, InMemory, PixelSource, Rows
from resnets.data.preprocessing import Preprocessing

PIECE = 16  # images that a thread takes at once: of small ones a single one is not worth the handing over


@dataclass(frozen=True)
class Batch:
    """Images as the network will see them but for normalization, and their labels."""

    images: UInt8[Tensor, "batch height width channels"]
    labels: Int64[Tensor, " batch"]
    boxes: Int64[Tensor, "batch 4"] | None = None  # what to erase once normalized (`augmentation.erase`), if anything


class TrainingBatches:
    """The training images in batches. What is in batch (epoch, step) depends on the seed and on nothing else."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation,
        *, batch_size: int, seed: int, workers: int = 0, device: torch.device | None = None, watch: Watch = unwatched,
        part: Callable[[int], slice] = slice,
    ) -> None:  # fmt: skip
        """workers: processes that decode images which do not fit in memory; 0: threads of this one do.

        They begin with the first epoch, and end with `close`. device: where images are kept if all of them fit and no
        policy changes them, which only a CPU can; by default the CPU's memory. part: of so many images of a batch,
        those that this process is given; by default all.
        """
        self.labels = torch.from_numpy(images.labels)
        self.shards = images.shards
        self.batch_size = min(batch_size, len(images))
        self.part = part(self.batch_size)
        self.given = len(range(self.batch_size)[self.part])  # images of a batch
        self.seed = seed
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        in_memory = augmentation.augment != "resized-crop" and fits_in_memory(len(images), preprocessing)
        self.source: PixelSource = (
            InMemory(images, preprocessing, augmentation, device=device, watch=watch)
            if in_memory
            else Decoded(images, preprocessing, augmentation, workers=workers)
        )

    def close(self) -> None:
        """End the processes that decode, if there are any."""
        if isinstance(self.source, Decoded):
            self.source.close()

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
            shards=self.shards,
        )
        rows, views = self._in_batches(images, start), self._in_batches(views, start)
        numbers = self._table(epoch, augmentation.GEOMETRY, augmentation.COLUMNS)
        pixels = self.source.batches(rows, numbers, views=views, size=size)
        if self.augmentation.flip:
            pixels = map(augmentation.flip, pixels, self._split(self._mirrored(epoch, numbers), views))
        if self.augmentation.policy != "none":
            pixels = self._after_policy(pixels, views, epoch)
        boxes = self._boxes(views, epoch, size or self.preprocessing.size)
        labels = self._split(self.labels.numpy(), rows)
        yield from map(Batch, pixels, labels, boxes)

    def _in_batches(self, rows: NDArray[np.int64], start: int) -> Rows:
        return [
            rows[step * self.batch_size : (step + 1) * self.batch_size][self.part] for step in range(start, self.steps)
        ]

    def _split(self, values: NDArray[Any], rows: Rows) -> Iterator[Tensor]:
        """The values at the rows of each batch, where the pixels are; those of an epoch go there together."""
        if rows:
            together = torch.from_numpy(values[np.concatenate(rows)]).to(self.source.device)
            yield from together.split(self.given)

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
        pieces = -(-self.given // PIECE)

        def changed(piece: tuple[Tensor, NDArray[np.int64]]) -> NDArray[np.uint8]:
            pixels, rows = piece
            pairs = zip(pixels.numpy(), rows, strict=True)
            return np.stack([policies.on_pixels(one, numbers[row], policy, colour) for one, row in pairs])

        cut = (
            (batch[at : at + PIECE], view[at : at + PIECE])
            for batch, view in zip(batches, views, strict=True)
            for at in range(0, self.given, PIECE)
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


def _policy(settings: Augmentation, preprocessing: Preprocessing) -> policies.Policy:
    if settings.policy == "trivial-augment":
        return lambda image, numbers, _: policies.trivial_augment(image, numbers)
    return lambda image, numbers, fill: policies.rand_augment(
        image, numbers, ops=settings.policy_ops, magnitude=settings.policy_magnitude, spread=settings.policy_spread,
        fill=fill, resample=preprocessing.resampling,
    )  # fmt: skip
