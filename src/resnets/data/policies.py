"""Policies: a few random changes of colour or geometry to one picture, as pure functions of (image, random numbers).

Images are Pillow's, mode L or RGB, uint8; what comes back has the same size and mode. On a grey image the change of
saturation changes nothing, as in timm and torchvision.
"""

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from resnets.data.augmentation_settings import PolicyName

Fill = int | tuple[int, ...]
Policy = Callable[[Image.Image, NDArray[np.float32], Fill], Image.Image]

# How much a change changes, in its own unit. What is enhanced is blended with its opposite: 1 changes nothing.
_COLOURS: Mapping[str, Callable[[Image.Image, float], Image.Image]] = {
    "identity": lambda image, _: image,
    "auto-contrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "invert": lambda image, _: ImageOps.invert(image),
    "posterize": lambda image, bits: ImageOps.posterize(image, int(bits)),  # bits that are kept
    "solarize": lambda image, threshold: ImageOps.solarize(image, math.ceil(threshold)),  # inverted from here on
    "solarize-add": lambda image, added: _lightened_shadows(image, int(added)),
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
}
# From a place in the result to the place in the image that is shown there: x' = ax + by + c, y' = dx + ey + f.
_WARPS: Mapping[str, Callable[[float], tuple[float, ...]]] = {
    "shear-x": lambda slope: (1, slope, 0, 0, 1, 0),
    "shear-y": lambda slope: (1, 0, 0, slope, 1, 0),
    "translate-x": lambda pixels: (1, 0, pixels, 0, 1, 0),
    "translate-y": lambda pixels: (1, 0, 0, 0, 1, pixels),
}

# timm's 15 changes whose strength grows with the level (its "inc1" set), in its order.
RAND_AUGMENT = (
    "auto-contrast", "equalize", "invert", "rotate", "posterize", "solarize", "solarize-add", "color", "contrast",
    "brightness", "sharpness", "shear-x", "shear-y", "translate-x", "translate-y",
)  # fmt: skip
RAND_AUGMENT_COLUMNS = 4  # random numbers for each change: which, whether, how strong, its sign
MAX_LEVEL = 10.0

# TrivialAugmentWide's 14 changes, in torchvision's order: the strongest, and whether it has two directions.
_WIDE: Mapping[str, tuple[float, bool]] = {
    "identity": (0.0, False),
    "shear-x": (0.99, True),
    "shear-y": (0.99, True),
    "translate-x": (32.0, True),
    "translate-y": (32.0, True),
    "rotate": (135.0, True),
    "brightness": (0.99, True),
    "color": (0.99, True),
    "contrast": (0.99, True),
    "sharpness": (0.99, True),
    "posterize": (6.0, False),
    "solarize": (255.0, False),
    "auto-contrast": (0.0, False),
    "equalize": (0.0, False),
}
TRIVIAL_AUGMENT = tuple(_WIDE)
TRIVIAL_AUGMENT_COLUMNS = 3  # random numbers for an image: which change, how strong, its sign
STRENGTHS = 31
# In float32, as torchvision has them: a factor that differs in its last bit gives other pixels.
_AMOUNTS: Mapping[str, list[float]] = {
    name: torch.linspace(0.0, most, STRENGTHS).tolist()  # pyright: ignore[reportUnknownMemberType]
    for name, (most, _) in _WIDE.items()
}


def rand_augment(
    image: Image.Image, numbers: Float32[np.ndarray, " columns"], *,
    ops: int, magnitude: float, spread: float, fill: Fill, resample: Image.Resampling,
) -> Image.Image:  # fmt: skip
    """RandAugment (Cubuk et al. 2019) as timm has it: `rand-m{magnitude}-n{ops}-mstd{spread}-inc1`.

    `ops` changes, each of the 15 as likely, each made with probability 1/2, at a level of 0 to 10 that is normal about
    `magnitude` with deviation `spread`. numbers: uniform in [0, 1), four a change. fill: the colour that shows where
    the image moved away. "ResNet strikes back" (Wightman et al. 2021) has magnitude 6 or 7, spread 0.5, two changes.
    """
    for which, whether, strength, coin in numbers.reshape(ops, RAND_AUGMENT_COLUMNS).tolist():
        if whether < 0.5:
            name = RAND_AUGMENT[int(which * len(RAND_AUGMENT))]
            level = min(max(magnitude + spread * _normal(strength), 0), MAX_LEVEL)
            image = rand_augment_op(image, name, level, sign=1 if coin < 0.5 else -1, fill=fill, resample=resample)
    return image


def rand_augment_op(
    image: Image.Image, name: str, level: float, *, sign: int, fill: Fill, resample: Image.Resampling
) -> Image.Image:
    """One of RAND_AUGMENT's changes at a level of 0 to 10. sign: 1 or -1, for the changes that have two directions."""
    amount = _rand_amount(name, level / MAX_LEVEL, sign, image.size)
    return _changed(image, name, amount, fill=fill, resample=resample)


def trivial_augment(image: Image.Image, numbers: Float32[np.ndarray, "3"]) -> Image.Image:
    """TrivialAugmentWide (Müller and Hutter 2021): one of 14 changes at one of 31 strengths, each as likely.

    numbers: uniform in [0, 1). As in torchvision, pixels are not interpolated, and black shows where the image moved
    away.
    """
    which, strength, coin = numbers.tolist()
    name = TRIVIAL_AUGMENT[int(which * len(TRIVIAL_AUGMENT))]
    return trivial_augment_op(image, name, int(strength * STRENGTHS), sign=1 if coin < 0.5 else -1)


def trivial_augment_op(image: Image.Image, name: str, strength: int, *, sign: int) -> Image.Image:
    """One of TRIVIAL_AUGMENT's changes at a strength of 0 to 30. sign: 1 or -1, for those with two directions."""
    amount = _AMOUNTS[name][strength]
    amount = _trivial_amount(name, sign * amount if _WIDE[name][1] else amount)
    black = 0 if image.mode == "L" else (0, 0, 0)
    return _changed(image, name, amount, fill=black, resample=Image.Resampling.NEAREST)


def columns(policy: PolicyName, ops: int) -> int:
    """How many random numbers an image needs."""
    return {"none": 0, "rand-augment": ops * RAND_AUGMENT_COLUMNS, "trivial-augment": TRIVIAL_AUGMENT_COLUMNS}[policy]


def on_pixels(
    pixels: UInt8[np.ndarray, "height width channels"], numbers: NDArray[np.float32], policy: Policy, fill: Fill
) -> UInt8[np.ndarray, "height width channels"]:
    """An array changed by a policy: as one picture, or, where no picture has so many channels, each as a grey one.

    fill: one number a channel, 0 to 255.
    """
    colour = (fill,) if isinstance(fill, int) else fill
    if pixels.shape[2] == 3:
        return np.asarray(policy(Image.fromarray(pixels), numbers, colour))
    planes = [Image.fromarray(np.ascontiguousarray(pixels[:, :, channel])) for channel in range(pixels.shape[2])]
    changed = [policy(plane, numbers, shade) for plane, shade in zip(planes, colour, strict=True)]
    return np.stack([np.asarray(plane) for plane in changed], axis=2)


def _rand_amount(name: str, level: float, sign: int, size: tuple[int, int]) -> float:
    """How much at a level of 0 to 1, in the change's own unit."""
    match name:
        case "rotate" | "shear-x" | "shear-y":
            return sign * (level * (30 if name == "rotate" else 0.3))
        case "translate-x" | "translate-y":
            return sign * (level * 0.45) * size[name == "translate-y"]
        case "posterize":
            return max(1, 4 - int(level * 4))  # at its highest level timm asks for no bits, which Pillow refuses
        case "solarize" | "solarize-add":
            return 256 - int(level * 256) if name == "solarize" else int(level * 110)
        case "color" | "contrast" | "brightness" | "sharpness":
            return max(0.1, 1 + sign * (level * 0.9))
        case _:
            return 0


def _trivial_amount(name: str, strength: float) -> float:
    """How much, in the change's own unit."""
    match name:
        case "translate-x" | "translate-y":
            return -int(strength)
        case "brightness" | "color" | "contrast" | "sharpness":
            return 1 + strength
        case "posterize":
            return 8 - round(strength)
        case "solarize":
            return 255 - strength
        case _:
            return strength


def _changed(image: Image.Image, name: str, amount: float, *, fill: Fill, resample: Image.Resampling) -> Image.Image:
    if name == "rotate":
        return image.rotate(amount, resample, fillcolor=fill)
    if name in _WARPS:
        return image.transform(image.size, Image.Transform.AFFINE, _WARPS[name](amount), resample, fillcolor=fill)
    return _COLOURS[name](image, amount)


def _lightened_shadows(image: Image.Image, added: int) -> Image.Image:
    table = [min(255, value + added) if value < 128 else value for value in range(256)]
    return image.point(table * len(image.getbands()))


def _normal(uniform: float) -> float:
    """A standard normal number from one of float32's uniform ones, which are multiples of 2^-24, 0 among them."""
    return NormalDist().inv_cdf(uniform + 2**-25)
