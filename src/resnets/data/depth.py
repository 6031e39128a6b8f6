"""Pixels of more than 8 bits -> 8 bits, by a range of values that is a data set's own: 12-bit X-rays, CT, floats."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from resnets.base.errors import InputError

Range = tuple[float, float]  # the value that becomes 0, and the one that becomes 255
Values = (
    NDArray[np.integer] | NDArray[np.floating]
)  # height x width, or height x width x 3 or 4, the fourth being opacity

_NATIVE = "L" if sys.byteorder == "little" else "B"
_LOWER = {  # how Pillow unpacks 16 bits a colour into the upper 8, and what gives it the lower 8
    f"{bands};16{order}": f"{bands};16{'L' if order == 'B' or (order == 'N' and _NATIVE == 'B') else 'B'}"
    for bands in ("RGB", "RGBX", "RGBA")
    for order in "BLN"
} | {"LA;16B": "RGBA"}  # grey and opacity as four bands of 8 bits

WHOLE = 65_535  # the largest value of 16 bits


@dataclass(frozen=True, slots=True)
class Extent:
    """The values of one image: the least and greatest, and those between which all but 0.2% of its pixels are."""

    low: float
    high: float
    trimmed_low: float
    trimmed_high: float
    whole: bool  # whether they are whole numbers that 16 bits without a sign can hold


def values(image: Image.Image) -> Values | None:
    """The pixels of a Pillow image of more than 8 bits; None for others."""
    return np.asarray(image) if image.mode.startswith("I") or image.mode == "F" else None


def eight_bits(found: Values, span: Range | None, name: str) -> NDArray[np.uint8]:
    """Pixels of 0 to 255, rounded. What is outside `span` becomes 0 or 255, and so does what is no number: 0.

    Without a span 65535 becomes 255. Raises InputError where that cannot be right.
    """
    if span is None:
        span = (0, WHOLE)
        if found.dtype.kind == "f":
            raise InputError(
                f"{name}: has floating-point pixels whose range is unknown; save it with 8 or 16 bits, or train "
                "on such images, so that their range is measured"
            )
        if found.size and (found.min() < 0 or found.max() > WHOLE):
            raise InputError(f"{name}: pixels from {found.min()} to {found.max()}; save it with 8 or 16 bits")
    low, high = span
    scaled = (found[..., :3] if found.ndim == 3 else found).astype(np.float64)
    scaled -= low
    scaled *= 255
    scaled /= high - low
    np.nan_to_num(scaled, copy=False, nan=0.0)
    np.clip(scaled, 0, 255, out=scaled)
    scaled += 0.5
    pixels = scaled.astype(np.uint8)
    return np.concatenate([pixels, found[..., 3:].astype(np.uint8)], axis=2) if found.ndim == 3 else pixels


def extent(found: Values, name: str) -> Extent:
    """How far an image's values reach. Raises InputError when none of them is a number."""
    flat = found[..., :3].ravel() if found.ndim == 3 else found.ravel()
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
        if not len(flat):
            raise InputError(f"{name}: none of its pixels is a finite number")
    trimmed_low, trimmed_high = map(float, np.quantile(flat, (0.001, 0.999), method="nearest"))
    low, high = float(flat.min()), float(flat.max())
    return Extent(low, high, trimmed_low, trimmed_high, flat.dtype.kind != "f" and low >= 0 and high <= WHOLE)


def span(extents: Sequence[Extent]) -> Range | None:
    """The range of a data set's deep images; None where all of 16 bits is in use, or there are no such images.

    It reaches from the least value to the greatest. Where nearly all pixels of nearly all images are within a quarter
    of that (a dead pixel, a marker of no data), it is the range of those.
    """
    if not extents:
        return None
    low, high = min(one.low for one in extents), max(one.high for one in extents)
    inner_low = float(np.quantile([one.trimmed_low for one in extents], 0.01, method="lower"))
    inner_high = float(np.quantile([one.trimmed_high for one in extents], 0.99, method="higher"))
    if 0 < 4 * (inner_high - inner_low) < high - low:
        low, high = inner_low, inner_high
    if all(one.whole for one in extents) and 2 * (high - low) >= WHOLE:
        return None
    return (low, high) if high > low else (low, low + 1)


def is_wide(image: Image.Image) -> bool:
    """Whether an image file that is not loaded yet holds 16 bits a colour, of which Pillow reads the upper 8."""
    return isinstance(image, ImageFile.ImageFile) and any(_unpacking(tile) in _LOWER for tile in image.tile)


def read_lower(image: ImageFile.ImageFile) -> str:
    """Make Pillow read the lower 8 bits of each colour of such an image; the name of how it does."""
    lower = ""
    for place, tile in enumerate(image.tile):
        lower = _LOWER[_unpacking(tile)]
        args = lower if isinstance(tile.args, str) else (lower, *(tile.args or ())[1:])
        image.tile[place] = tile._replace(args=args)
    return lower


def joined(upper: Image.Image, lower: Image.Image, unpacking: str) -> Values:
    """The colours of 16 bits of which two images hold the upper and the lower 8; opacity keeps its upper 8."""
    high, low = np.asarray(upper).astype(np.uint16), np.asarray(lower).astype(np.uint16)
    if unpacking == "RGBA":
        grey = low[..., 0] << 8 | low[..., 1]
        return np.stack([grey, grey, grey, low[..., 2]], axis=2)
    colours = high[..., :3] << 8 | low[..., :3]
    return np.concatenate([colours, high[..., 3:]], axis=2)


def _unpacking(tile: ImageFile._Tile) -> str:  # pyright: ignore[reportPrivateUsage] # there is no public name
    args = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
    return args if isinstance(args, str) else ""
