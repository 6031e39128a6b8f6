"""JPEG photographs for training: straight to an array, and smaller where a crop needs fewer pixels than the file has.

simplejpeg decodes in less time than Pillow, and gives Pillow's pixels but for one thing: colors that are stored at half
the size are enlarged without smoothing. That saves a tenth. In photographs it changes a value by 0.3 of 255 on average,
and no color of the whole picture. (Its fast cosine transform is left alone: it makes pictures greener, by 1 of 255.)
It decodes at a half, a quarter or an eighth of the size for less still: the small picture is made of the file's own
frequencies, without the high ones.
"""

import threading

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from resnets.data.augmentation import Box

START = b"\xff\xd8\xff"
MAY_TURN = (b"Exif\0\0", b"http://ns.adobe.com/xap/")  # EXIF and XMP, which can say how a picture stands upright
BEFORE_PIXELS = b"\xda"  # the marker after which a file's first pixels come
COLOURS = ("YCbCr", "Gray")  # as simplejpeg calls them
FRACTIONS = (8, 4, 2)  # one over the sizes at which libjpeg decodes with less work
KEPT = 2**25  # bytes of a picture, at most, whose memory a thread keeps for the next one


def size_if_plain(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG of grey or YCbCr pixels that nothing says to turn; None of all else."""
    if not data.startswith(START) or _may_turn(data):
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

    They stay until this thread decodes the next file. None for a file that is not whole, or not quite what the format
    says: Pillow is the judge of that.
    """
    wide, high = -(-width // part), -(-height // part)
    try:
        return simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=True, min_height=high, min_width=wide, min_factor=part,
            strict=True, buffer=_memory.of(3 * wide * high),
        )  # fmt: skip
    except (ValueError, RuntimeError, MemoryError):
        return None


class _Memory(threading.local):
    """What a thread decodes into, again and again: a third of the time would go into fresh memory for each picture."""

    kept: NDArray[np.uint8] = np.empty(0, np.uint8)

    def of(self, size: int) -> NDArray[np.uint8] | None:
        """So many bytes; None, for fresh ones, where they are too many to keep."""
        if size > KEPT:
            return None
        if self.kept.size < size:
            self.kept = np.empty(size, np.uint8)
        return self.kept[:size]


_memory = _Memory()


def _may_turn(data: bytes) -> bool:
    """Whether a segment before the pixels can say that the picture is to be turned, or the segments can't be read."""
    place = 2
    while data[place : place + 1] == b"\xff":
        marker, length = data[place + 1 : place + 2], int.from_bytes(data[place + 2 : place + 4])
        if marker == BEFORE_PIXELS:
            return False
        if data.startswith(MAY_TURN, place + 4):
            return True
        place += 2 + length
    return True
