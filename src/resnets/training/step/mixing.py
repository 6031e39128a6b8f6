"""Mixup and CutMix: pairs of training images and their targets mixed, as pure functions of (batch, random numbers).

Each image is mixed with the one at the same place in the flipped batch, and the random numbers are drawn in timm's
order: the same numbers give what `timm.data.Mixup` gives.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from resnets.data.augmentation_settings import Mixing

Images = Float[Tensor, "batch channels height width"]
Targets = Float[Tensor, "batch classes"]
Box = tuple[int, int, int, int]  # top, bottom, left, right


def mix(images: Images, targets: Targets, *, settings: Mixing, random: np.random.Generator) -> tuple[Images, Targets]:
    """The batch and its targets, mixed (mixup: Zhang et al. 2017; CutMix: Yun et al. 2019). What is given stays as is.

    images: normalized. targets: each row's probabilities sum to 1, and do so afterwards. A batch of one is left alone,
    as is the middle image of an odd one.
    """
    if len(images) < 2 or not (settings.mixup > 0 or settings.cutmix > 0):
        return images, targets
    if settings.mix_per == "image":
        return _mix_each(images, targets, settings, random)
    share, cut = _draw(settings, random)
    if share == 1:
        return images, targets
    if not cut:
        return _blend(images, share), _blend(targets, share)
    top, bottom, left, right = box = cut_box(_size(images), share, random)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images.flip(0)[:, :, top:bottom, left:right]
    return mixed, _blend(targets, _uncut(box, images))


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


def _mix_each(
    images: Images, targets: Targets, settings: Mixing, random: np.random.Generator
) -> tuple[Images, Targets]:
    shares, cut = _draw_each(len(images), settings, random)
    boxes = torch.zeros(len(images), 4, dtype=torch.int64)
    kept = shares.copy()  # of the label: by the box as the image's edge has cut it
    for place in np.flatnonzero(cut):
        box = cut_box(_size(images), shares[place], random)
        boxes[place], kept[place] = torch.tensor(box), _uncut(box, images)
    blends = torch.from_numpy(np.where(cut, np.float32(1), shares)).to(images).view(-1, 1, 1, 1)
    mixed = torch.where(_inside(boxes.to(images.device), images), images.flip(0), _blend(images, blends))
    return mixed, _blend(targets, torch.from_numpy(kept).to(targets).unsqueeze(1))


def _size(images: Images) -> tuple[int, int]:
    return images.shape[2], images.shape[3]


def _uncut(box: Box, images: Images) -> float:
    """The share of an image outside the box."""
    top, bottom, left, right = box
    return 1 - (bottom - top) * (right - left) / (images.shape[-2] * images.shape[-1])


def _inside(boxes: Int64[Tensor, "batch 4"], images: Images) -> Bool[Tensor, "batch 1 height width"]:
    top, bottom, left, right = (edge.view(-1, 1) for edge in boxes.unbind(1))
    y, x = (torch.arange(side, device=boxes.device) for side in images.shape[-2:])
    return (((y >= top) & (y < bottom)).unsqueeze(2) & ((x >= left) & (x < right)).unsqueeze(1)).unsqueeze(1)


def _blend(values: Tensor, share: float | Tensor) -> Tensor:
    return values * share + values.flip(0) * (1 - share)
