"""Pure functions of (images, random numbers): how training shows an image a little differently each time.

The random numbers of epoch e are a table with a row for each image; row i depends only on the seed, e and i. So an
image looks the same in epoch e whatever batch, worker or process it is in, and a resumed run needs no replay.
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

Pixels = UInt8[Tensor, "batch height width channels"]

COLUMNS = 8  # of the table; each use takes the columns named here
FLIP, TOP, LEFT, AREA, ASPECT = 0, 1, 2, 3, 4


def table(rows: int, *, seed: int, epoch: int) -> Float32[np.ndarray, "rows columns"]:
    """Uniform random numbers in [0, 1), a row for each image, from a counter-based generator (Philox)."""
    return generator(seed, epoch, 0).random((rows, COLUMNS), dtype=np.float32)


def generator(seed: int, epoch: int, purpose: int) -> np.random.Generator:
    """The random numbers of one epoch for one purpose; independent of all others."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, purpose])))


def flip(images: Pixels, coins: Bool[Tensor, " batch"]) -> Pixels:
    """Mirror left and right where the coin is true."""
    return torch.where(coins.view(-1, 1, 1, 1), images.flip(2), images)


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


def random_resized_box(
    width: int, height: int, numbers: NDArray[np.float32], *, area: tuple[float, float], aspect: tuple[float, float]
) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of a random resized crop: Inception's, as torchvision draws it.

    numbers: one row of the table. area: of the box, as fractions of the image's. aspect: of the box, width / height.
    Where torchvision draws up to ten boxes until one fits, this shrinks the first to fit, and so needs one row.
    """
    target = width * height * (area[0] + float(numbers[AREA]) * (area[1] - area[0]))
    low, high = math.log(aspect[0]), math.log(aspect[1])
    ratio = math.exp(low + float(numbers[ASPECT]) * (high - low))
    box_width, box_height = math.sqrt(target * ratio), math.sqrt(target / ratio)
    shrink = min(1.0, width / box_width, height / box_height)
    w = min(width, max(1, round(box_width * shrink)))
    h = min(height, max(1, round(box_height * shrink)))
    left, top = int(float(numbers[LEFT]) * (width - w + 1)), int(float(numbers[TOP]) * (height - h + 1))
    return left, top, left + w, top + h
