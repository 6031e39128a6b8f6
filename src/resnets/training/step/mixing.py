"""Mixup and CutMix: pairs of training images and their targets mixed, as pure functions of (batch, random numbers).

Each image is mixed with the one at the same place in the flipped batch, and the random numbers are drawn in timm's
order: the same numbers give what `timm.data.Mixup` gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from numpy.typing import NDArray
from torch import Tensor

from resnets.data.augmentation_settings import Mixing

Images = Float[Tensor, "batch channels height width"]
Targets = Float[Tensor, "batch classes"]
Box = tuple[int, int, int, int]  # top, bottom, left, right
Shares = Sequence[float] | NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """How a batch is mixed, as tensors: one row for the whole batch, or one for each image.

    The shares of an image's pixels and of its label that stay its own, and those that its partner gives; and the boxes
    (top, bottom, left, right) that are the partner's.
    """

    own: Float32[Tensor, " rows"]
    others: Float32[Tensor, " rows"]
    own_label: Float32[Tensor, " rows"]
    others_label: Float32[Tensor, " rows"]
    boxes: Int64[Tensor, "rows 4"]


def mix(images: Images, targets: Targets, *, settings: Mixing, random: np.random.Generator) -> tuple[Images, Targets]:
    """The batch and its targets, mixed (mixup: Zhang et al. 2017; CutMix: Yun et al. 2019). What is given stays as is.

    images: normalized. targets: each row's probabilities sum to 1, and do so afterwards. A batch of one is left alone,
    as is the middle image of an odd one.
    """
    drawn = draw(len(images), _size(images), settings=settings, random=random)
    return (images, targets) if drawn is None else mixed(images, targets, drawn)


def draw(count: int, size: tuple[int, int], *, settings: Mixing, random: np.random.Generator) -> Mix | None:
    """How `count` images of this height and width are to be mixed; None where nothing mixes them."""
    if count < 2 or not (settings.mixup > 0 or settings.cutmix > 0):
        return None
    if settings.mix_per == "image":
        return _drawn_each(count, size, settings, random)
    share, cut = _draw(settings, random)
    if share == 1 or not cut:
        return _as_mix([share], [1 - share], [share], [1 - share], [(0, 0, 0, 0)])
    box = cut_box(size, share, random)
    label = _uncut(box, size)
    return _as_mix([1.0], [0.0], [label], [1 - label], [box])


def mixed(images: Images, targets: Targets, how: Mix) -> tuple[Images, Targets]:
    """The batch and its targets, mixed in this way. `how` is on the device of the images."""
    own, others = (share.view(-1, 1, 1, 1) for share in (how.own, how.others))
    blended = images * own + images.flip(0) * others
    own_label, others_label = how.own_label.unsqueeze(1), how.others_label.unsqueeze(1)
    cut = torch.where(_inside(how.boxes, images), images.flip(0), blended)
    return cut, targets * own_label + targets.flip(0) * others_label


def cut_box(size: tuple[int, int], share: float | np.float32, random: np.random.Generator) -> Box:
    """CutMix's box: 1 - share of an image of this height and width, about any pixel, cut off at the image's edge."""
    side = np.sqrt(1 - share)  # in float32 where `share` is, as timm's is for single images
    height, width = size
    tall, wide = int(height * side), int(width * side)
    y, x = int(random.integers(0, height)), int(random.integers(0, width))
    top, bottom = max(y - tall // 2, 0), min(y + (tall + 1) // 2, height)
    left, right = max(x - wide // 2, 0), min(x + (wide + 1) // 2, width)
    return top, bottom, left, right


def _draw(settings: Mixing, random: np.random.Generator) -> tuple[float, bool]:
    """For a whole batch: the share of itself that each image keeps, and whether the rest is cut from its partner."""
    if random.random() >= settings.mix_probability:
        return 1.0, False
    cut = settings.cutmix > 0
    if settings.mixup > 0 and settings.cutmix > 0:
        cut = random.random() < settings.mix_switch
    alpha = settings.cutmix if cut else settings.mixup
    return float(random.beta(alpha, alpha)), cut


def _draw_each(
    count: int, settings: Mixing, random: np.random.Generator
) -> tuple[Float32[np.ndarray, " batch"], Bool[np.ndarray, " batch"]]:
    """The same for each image by itself."""
    both = settings.mixup > 0 and settings.cutmix > 0
    cut = random.random(count) < settings.mix_switch if both else np.full(count, settings.cutmix > 0)
    cut_shares = random.beta(settings.cutmix, settings.cutmix, size=count) if settings.cutmix > 0 else np.ones(count)
    mix_shares = random.beta(settings.mixup, settings.mixup, size=count) if settings.mixup > 0 else np.ones(count)
    shares = np.where(cut, cut_shares, mix_shares).astype(np.float32)
    shares[random.random(count) >= settings.mix_probability] = 1
    return shares, cut & (shares != 1)


def _drawn_each(count: int, size: tuple[int, int], settings: Mixing, random: np.random.Generator) -> Mix:
    shares, cut = _draw_each(count, settings, random)
    boxes: list[Box] = [(0, 0, 0, 0)] * count
    kept = shares.copy()  # of the label: by the box as the image's edge has cut it
    for place in np.flatnonzero(cut).tolist():
        boxes[place] = cut_box(size, shares[place], random)
        kept[place] = _uncut(boxes[place], size)
    own = np.where(cut, np.float32(1), shares)
    return _as_mix(own, 1 - own, kept, 1 - kept, boxes)


def _as_mix(own: Shares, others: Shares, own_label: Shares, others_label: Shares, boxes: Sequence[Box]) -> Mix:
    shares = (torch.from_numpy(np.asarray(share, dtype=np.float32)) for share in (own, others, own_label, others_label))
    return Mix(*shares, boxes=torch.tensor(boxes, dtype=torch.int64))


def _size(images: Images) -> tuple[int, int]:
    return images.shape[2], images.shape[3]


def _uncut(box: Box, size: tuple[int, int]) -> float:
    """The share of an image of this height and width outside the box."""
    top, bottom, left, right = box
    return 1 - (bottom - top) * (right - left) / (size[0] * size[1])


def _inside(boxes: Int64[Tensor, "rows 4"], images: Images) -> Bool[Tensor, "rows 1 height width"]:
    top, bottom, left, right = (edge.view(-1, 1) for edge in boxes.unbind(1))
    y, x = (torch.arange(side, device=boxes.device) for side in images.shape[-2:])
    return (((y >= top) & (y < bottom)).unsqueeze(2) & ((x >= left) & (x < right)).unsqueeze(1)).unsqueeze(1)
