"""Pure functions of (images, random numbers): how training shows an image a little differently each time.

The random numbers of epoch e are a table with a row for each image; row i depends only on the seed, e and i. So an
image looks the same in epoch e whatever batch, worker or process it is in, and a resumed run needs no replay.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

Pixels = UInt8[Tensor, "batch height width channels"]
Interpolation = Literal["bilinear", "bicubic"]
Box = tuple[int, int, int, int]  # left, top, right, bottom

TRIES = 10  # boxes drawn until one fits
FLIP, TOP, LEFT, AREA = 0, 1, 2, 4  # columns of the table, by use; the area and the aspect of each try from AREA on
COIN = FLIP  # where the table is for erasing
COLUMNS = AREA + 2 * TRIES

# What an epoch's random numbers are for. A number says which, and must not change: runs resume by it.
GEOMETRY, ORDER, BALANCE, POLICY, ERASE, MIX, DEPTH, DROPOUT, SHARDS = range(9)

CROP_ASPECT = (3 / 4, 4 / 3)  # of a randomly resized box, width / height
ERASED_AREA = (0.02, 1 / 3)  # of an erased box, as fractions of the image's: random erasing's paper, and timm
ERASED_ASPECT = (0.3, 1 / 0.3)  # of an erased box, height / width


def table(
    rows: int, *, seed: int, epoch: int, purpose: int = GEOMETRY, columns: int = COLUMNS
) -> Float32[np.ndarray, "rows columns"]:
    """Uniform random numbers in [0, 1), a row for each image, from a counter-based generator (Philox)."""
    return generator(seed, epoch, purpose).random((rows, columns), dtype=np.float32)


def generator(seed: int, epoch: int, purpose: int, *place: int) -> np.random.Generator:
    """The random numbers of one epoch, or of one place in it (a step), for one purpose; independent of all others."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, purpose, *place])))


def flip(images: Pixels, coins: Bool[Tensor, " batch"]) -> Pixels:
    """Mirror left and right where the coin is true."""
    if images.device.type == "cuda":  # where reading a coin would wait for all that was asked for before
        return torch.where(coins.view(-1, 1, 1, 1), images.flip(2), images)
    mirrored = images.clone()
    for row in coins.nonzero()[:, 0].tolist():  # `where` takes six times as long for 32 photographs
        mirrored[row] = images[row].flip(1)
    return mirrored


def crop(
    padded: UInt8[Tensor, "images height width channels"],
    rows: Int64[Tensor, " batch"],
    tops: Int64[Tensor, " batch"],
    lefts: Int64[Tensor, " batch"],
    size: int,
) -> UInt8[Tensor, "batch size size channels"]:
    """Of each image in `rows`, the size x size window whose upper left corner is at (top, left)."""
    windows = padded.unfold(1, size, 1).unfold(2, size, 1)  # images, top, left, channels, height, width: a view
    return windows[rows, tops, lefts].permute(0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class RandomBox:
    """A random box of an image, resized to a square: Inception's, as torchvision draws it.

    numbers: one row of the table. min_area: of the smallest box, as a fraction of the image's. size: of the square, in
    pixels.
    """

    numbers: Float32[np.ndarray, " columns"]
    min_area: float
    size: int

    def of(self, width: int, height: int) -> Box:
        """The box in an image of this size."""
        return random_resized_box(width, height, self.numbers, area=(self.min_area, 1.0), aspect=CROP_ASPECT)


def random_resized_box(
    width: int, height: int, numbers: NDArray[np.float32], *, area: tuple[float, float], aspect: tuple[float, float]
) -> Box:
    """The box (left, top, right, bottom) of a random resized crop: Inception's, as torchvision draws it.

    numbers: one row of the table. area: of the box, as fractions of the image's. aspect: of the box, width / height.
    Boxes are drawn until one fits; if none does, it is the largest in the middle whose aspect is within the range.
    """
    for attempt in range(TRIES):
        share, shape = (float(number) for number in numbers[AREA + 2 * attempt : AREA + 2 * attempt + 2])
        target = width * height * (area[0] + share * (area[1] - area[0]))
        ratio = aspect[0] * (aspect[1] / aspect[0]) ** shape  # uniform in its logarithm
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(float(numbers[LEFT]) * (width - w + 1)), int(float(numbers[TOP]) * (height - h + 1))
            return left, top, left + w, top + h
    w = min(width, max(1, round(height * aspect[1])))
    h = min(height, max(1, round(width / aspect[0])))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def resized(images: Pixels, size: int) -> UInt8[Tensor, "batch size size channels"]:
    """Square images at another size: bilinear with antialiasing, as Pillow's but for rounding."""
    if images.shape[1] == size:
        return images
    planes = images.permute(0, 3, 1, 2).float()
    scaled = F.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return scaled.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def resized_box(
    pixels: UInt8[np.ndarray, "height width channels"], box: Box, size: int, interpolation: Interpolation
) -> UInt8[np.ndarray, "size size channels"]:
    """The inside of a box at another size: Pillow's resize but for rounding, in a third of the time."""
    left, top, right, bottom = box
    window = torch.from_numpy(np.array(pixels[top:bottom, left:right])).permute(2, 0, 1)[None]  # a copy can be written
    scaled = F.interpolate(window, size=(size, size), mode=interpolation, antialias=True)
    return scaled[0].permute(1, 2, 0).numpy()


def size_in_epoch(epoch: int, epochs: int, *, full: int, first: float) -> int:
    """The image size of an epoch under progressive resizing, in pixels, as composer times it.

    `first`, a fraction of `full`, for half the run; then growing evenly, in steps of 4 pixels, and full for the last
    fifth, so that what the network sees last is what it will be judged on.
    """
    grown = min(max((epoch / epochs - 0.5) / 0.3, 0), 1)
    share = first + (1 - first) * grown
    return full if share == 1 else min(full, max(4, round(full * share / 4) * 4))


def erased_box(width: int, height: int, numbers: NDArray[np.float32], *, probability: float) -> Box:
    """The box (left, top, right, bottom) that random erasing (Zhong et al. 2017) erases, as timm draws it.

    numbers: one row of a table of COLUMNS. Empty (0, 0, 0, 0) but with `probability`, or when no box is small enough.
    """
    if numbers[COIN] >= probability:
        return 0, 0, 0, 0
    shape_range = math.log(ERASED_ASPECT[0]), math.log(ERASED_ASPECT[1])
    for attempt in range(TRIES):
        share, shape = (float(number) for number in numbers[AREA + 2 * attempt : AREA + 2 * attempt + 2])
        target = (ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * share) * (width * height)
        ratio = math.exp(shape_range[0] + (shape_range[1] - shape_range[0]) * shape)
        h, w = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if w < width and h < height:
            left, top = int(float(numbers[LEFT]) * (width - w + 1)), int(float(numbers[TOP]) * (height - h + 1))
            return left, top, left + w, top + h
    return 0, 0, 0, 0


def erase(
    images: Float[Tensor, "batch channels height width"], boxes: Int64[Tensor, "batch 4"]
) -> Float[Tensor, "batch channels height width"]:
    """Normalized images, zero (the mean colour) inside their boxes (left, top, right, bottom)."""
    left, top, right, bottom = (edge.view(-1, 1) for edge in boxes.to(images.device).unbind(1))
    y, x = (torch.arange(side, device=images.device) for side in images.shape[2:])
    inside = ((y >= top) & (y < bottom)).unsqueeze(2) & ((x >= left) & (x < right)).unsqueeze(1)
    return images.clone().masked_fill_(inside.unsqueeze(1), 0)  # a clone keeps the memory order
