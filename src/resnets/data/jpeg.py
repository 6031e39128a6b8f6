"""JPEG photographs for training: straight to an array, and smaller where a crop needs fewer pixels than the file has.

simplejpeg gives the pixels that Pillow gives, to the bit, in less time. It decodes at a half, a quarter or an eighth of
the size for less still: the small picture is made of the file's own frequencies, without the high ones.
"""

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from resnets.data.augmentation import Box

START = b"\xff\xd8\xff"
MAY_TURN = (b"Exif\0\0", b"http://ns.adobe.com/xap/")  # EXIF and XMP, which can say how a picture stands upright
COLOURS = ("YCbCr", "Gray")  # as simplejpeg calls them
FRACTIONS = (8, 4, 2)  # one over the sizes at which libjpeg decodes with less work


def size_if_plain(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG of grey or YCbCr pixels that nothing says to turn; None of all else."""
    if not data.startswith(START) or any(said in data for said in MAY_TURN):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except (ValueError, RuntimeError):
        return None
    return (int(width), int(height)) if colours in COLOURS else None


def fraction(box: Box, size: int) -> int:
    """1, 2, 4 or 8: the smallest part of a file's size at which the box still has `size` pixels a side."""
    left, top, right, bottom = box
    short = min(right - left, bottom - top)
    return next((part for part in FRACTIONS if short // part >= size), 1)


def part_of(box: Box, part: int, width: int, height: int) -> Box:
    """The box in a picture of one `part`-th of the size, whose own size is `width` x `height`."""
    left, top, right, bottom = (round(edge / part) for edge in box)
    left, top = min(left, width - 1), min(top, height - 1)
    return left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height)


def decoded(data: bytes, width: int, height: int, *, part: int = 1) -> NDArray[np.uint8] | None:
    """The pixels of an RGB or grey JPEG of this size, as RGB, at one `part`-th of it (rounded up).

    None for a file that is not whole, or not quite what the format says: Pillow is the judge of that.
    """
    try:
        return simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=False, min_height=-(-height // part), min_width=-(-width // part),
            min_factor=part, strict=True,
        )  # fmt: skip
    except (ValueError, RuntimeError, MemoryError):
        return None
