"""Where training finds its pixels: in one array in memory, or in files that are decoded a few batches ahead."""

import statistics
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.base.turns import turn
from resnets.data import augmentation, decoding
from resnets.data.augmentation import LEFT, TOP, RandomBox
from resnets.data.augmentation_settings import Augmentation, CropFill
from resnets.data.imageset import ImageSet
from resnets.data.loading import MEMORY_LIMIT, Picture, all_pixels, in_order, naming, picture, stored
from resnets.data.preprocessing import Preprocessing
from resnets.data.workers import Workers, can_be_sent

Rows = list[NDArray[np.int64]]  # of each batch

ROOM = 0.25  # of a GPU's free memory that images may take for good
SAMPLED = 64  # images whose sizes say whether all fit in memory


@runtime_checkable
class PixelSource(Protocol):
    """Gives the training images at some rows, each changed as its row of random numbers says.

    views: the row of `numbers` for each image; without it, the image's own. size: in pixels, if not the network's.
    device: where the pixels are.
    """

    device: torch.device

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]: ...


class InMemory:
    """Every image decoded once, padded once, and gathered by index, on the CPU or on a GPU that has room for all."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation, *,
        device: torch.device | None = None, watch: Watch = unwatched,
    ) -> None:  # fmt: skip
        self.size = preprocessing.size
        self.padding = augmentation.crop_padding if augmentation.augment == "crop" else 0
        pixels = torch.from_numpy(
            _padded(all_pixels(images, preprocessing, watch), self.padding, augmentation.crop_fill)
        )
        changed_by_policy = augmentation.policy != "none"  # by Pillow, on the CPU
        there = device is not None and not changed_by_policy and _has_room(device, pixels.nbytes)
        self.device = device if device is not None and there else torch.device("cpu")
        self.pixels = pixels.to(self.device)

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]:
        if not batches:
            return
        count, places, order = len(batches[0]), 2 * self.padding + 1, np.concatenate(views or batches)
        rows, tops, lefts = (
            torch.from_numpy(column).to(self.device).split(count)
            for column in (
                np.concatenate(batches),
                (numbers[order, TOP] * places).astype(np.int64),
                (numbers[order, LEFT] * places).astype(np.int64),
            )
        )
        for row, top, left in zip(rows, tops, lefts, strict=True):
            windows = augmentation.crop(self.pixels, row, top, left, self.size)
            yield augmentation.resized(windows, size or self.size)


class Decoded:
    """Images decoded, cropped and resized a few batches ahead of the training step, by threads or by processes.

    Pictures that all fit in MEMORY_LIMIT are kept from epoch to epoch, and decoded by threads, which share them.
    """

    device = torch.device("cpu")

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation, *, workers: int = 0
    ) -> None:
        self.photographs = Photographs(images, preprocessing, augmentation)
        self.size = preprocessing.size
        self._workers = None
        if workers and not self.photographs.keeps and can_be_sent(self.photographs):
            self._workers = Workers(self.photographs, workers, channels=preprocessing.channels)

    def batches(
        self, batches: Rows, numbers: NDArray[np.float32], *, views: Rows | None = None, size: int | None = None
    ) -> Iterator[Tensor]:
        if not batches:
            return
        size, count = size or self.size, len(batches[0])
        if self._workers is not None:
            drawn = (numbers[view] for view in views or batches)
            yield from self._workers.batches(zip(batches, drawn, strict=True), count, size)
            return
        order = zip(np.concatenate(batches).tolist(), np.concatenate(views or batches).tolist(), strict=True)
        pixels = in_order(lambda one: self.photographs.pixels(one[0], numbers[one[1]], size), order, ahead=2 * count)
        for _ in batches:
            yield torch.from_numpy(np.stack([next(pixels) for _ in range(count)]))

    def close(self) -> None:
        """End the processes that decode, if there are any."""
        if self._workers is not None:
            self._workers.close()


class Photographs:
    """Image files, each decoded and changed as its row of random numbers says, which is all that decides its pixels.

    keeps: whether pictures are kept once they are decoded, since all of them, by the sizes of a few, fit in memory.
    """

    def __init__(self, images: ImageSet, preprocessing: Preprocessing, augmentation: Augmentation) -> None:
        self.images, self.preprocessing, self.augmentation = images, preprocessing, augmentation
        self.keeps = _bytes_expected(images, preprocessing) <= MEMORY_LIMIT
        self._kept = dict[int, NDArray[np.uint8]]()

    def pixels(self, row: int, numbers: NDArray[np.float32], size: int) -> UInt8[np.ndarray, "size size channels"]:
        """One image for training. Raises InputError naming it when it cannot be read or used."""
        if self.augmentation.augment == "resized-crop":
            return self._resized_crop(row, numbers, size)
        with naming(self.images, row):
            centre = self.preprocessing.pixels(self._picture(row))
        if self.augmentation.augment == "crop":
            padding, full = self.augmentation.crop_padding, self.preprocessing.size
            top, left = (int(numbers[column] * (2 * padding + 1)) for column in (TOP, LEFT))
            padded = _padded(centre[None], padding, self.augmentation.crop_fill)[0]
            centre = padded[top : top + full, left : left + full]
        return augmentation.resized(torch.from_numpy(centre[None]), size).numpy()[0]

    def _resized_crop(self, row: int, numbers: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
        wanted = RandomBox(numbers, self.augmentation.min_area, size)
        if self.keeps:
            return self.preprocessing.resized_crop(self._picture(row), wanted)
        with turn():
            data = stored(self.images, row)
            if isinstance(data, bytes):
                return self.preprocessing.resized_crop_of_file(data, wanted, name=self.images.image_name(row))
        with naming(self.images, row):
            return self.preprocessing.resized_crop(data, wanted)

    def _picture(self, row: int) -> Picture:
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        found = picture(self.images, row, self.preprocessing)
        if self.keeps and isinstance(found, Image.Image):
            self._kept[row] = np.array(found)
        return found


def _has_room(device: torch.device, size: int) -> bool:
    """Whether so many bytes are little enough to stay on the device beside the network's work."""
    return device.type == "cuda" and size <= ROOM * torch.cuda.mem_get_info(device)[0]


def _bytes_expected(images: ImageSet, preprocessing: Preprocessing) -> float:
    """What all pictures take when they are decoded, by the sizes of SAMPLED of them."""
    step = -(-len(images) // SAMPLED) if images.shards is None else 1
    sampled = range(0, len(images), step)[:SAMPLED]
    areas = [area for row in sampled if (area := _area(images, row))]
    return len(images) * preprocessing.channels * (statistics.fmean(areas) if areas else 0)


def _area(images: ImageSet, row: int) -> int:
    """Pixels of one image; 0 where that cannot be told."""
    try:
        data = stored(images, row)
        return (
            decoding.area(data, name=images.image_name(row))
            if isinstance(data, bytes)
            else data.shape[0] * data.shape[1]
        )
    except InputError:
        return 0


def _padded(pixels: NDArray[np.uint8], padding: int, fill: CropFill) -> NDArray[np.uint8]:
    if not padding:
        return pixels
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return np.pad(pixels, around, mode="reflect") if fill == "mirror" else np.pad(pixels, around)
