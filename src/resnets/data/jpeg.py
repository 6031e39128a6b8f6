"""JPEG photographs for training: straight to an array, and smaller where a crop needs fewer pixels than the file has.

simplejpeg decodes in less time than Pillow, and gives Pillow's pixels but for one thing: colors that are stored at half
the size are enlarged without smoothing. That saves a tenth. In photographs it changes a value by 0.3 of 255 on average,
and no color of the whole picture. (Its fast cosine transform is left alone: it makes pictures greener, by 1 of 255.)
It decodes at a half, a quarter or an eighth of the size for less still: the small picture is made of the file's own
frequencies, without the high ones. And it need not go on below the crop: libjpeg stops early if the header tells of
fewer rows.
"""

import threading
from collections.abc import Iterator

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from resnets.data.augmentation import Box

START = b"\xff\xd8\xff"
MAY_TURN = (b"Exif\0\0", b"http://ns.adobe.com/xap/")  # EXIF and XMP, which can say how a picture stands upright
BEFORE_PIXELS = b"\xda"  # the marker after which a file's first pixels come
FROM_TOP_TO_BOTTOM = b"\xc0\xc1"  # markers of a header (with the height) of files that are not progressive
RESTARTS = b"\xdd"  # the marker of a file that has markers among its pixels
BLOCK = 32  # rows that are coded together, at most: 8, and four times as many where colors are stored at a quarter
REST_IS_LEFT = "extraneous bytes before marker 0xd9"  # libjpeg's warning when only the end of the file comes after that
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
    """A box of a picture of `width` x `height`, in that picture at one `part`-th of its size."""
    wide, high = -(-width // part), -(-height // part)
    left, top, right, bottom = (round(edge / part) for edge in box)
    left, top = min(left, wide - 1), min(top, high - 1)
    return left, top, min(max(right, left + 1), wide), min(max(bottom, top + 1), high)


def decoded(
    data: bytes, width: int, height: int, *, part: int = 1, bottom: int | None = None
) -> NDArray[np.uint8] | None:
    """The pixels of an RGB or grey JPEG of this size, as RGB, at one `part`-th of it (rounded up).

    bottom: how many of these rows are needed, at least; all, if None. The array stays as it is until this thread
    decodes the next file. None for a file that is not whole, or not quite what the format says: Pillow is the judge.
    """
    if bottom is not None:
        rows = -(-bottom * part // BLOCK) * BLOCK
        if rows < height and (place := _height_place(data)) is not None:
            shorter = b"".join((data[:place], rows.to_bytes(2), data[place + 2 :]))
            pixels = _decoded(shorter, width, rows, part, accepted=REST_IS_LEFT)
            if pixels is not None:
                return pixels
    return _decoded(data, width, height, part)


def _decoded(
    data: bytes, width: int, height: int, part: int, *, accepted: str | None = None
) -> NDArray[np.uint8] | None:
    """accepted: the end of a warning in spite of which the pixels are right, if it was libjpeg's first."""
    wide, high = -(-width // part), -(-height // part)
    try:
        buffer = _memory.of(3 * wide * high)
    except MemoryError:
        return None
    try:
        return simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=True, min_height=high, min_width=wide, min_factor=part,
            strict=True, buffer=buffer,
        )  # fmt: skip
    except (ValueError, RuntimeError, MemoryError) as error:
        if accepted is None or not str(error).endswith(accepted):
            return None
        return buffer.reshape(high, wide, 3)


class _Memory(threading.local):
    """What a thread decodes into, again and again: a third of the time would go into fresh memory for each picture."""

    kept: NDArray[np.uint8] = np.empty(0, np.uint8)

    def of(self, size: int) -> NDArray[np.uint8]:
        """So many bytes. They are fresh ones where they are too many to keep."""
        if size > KEPT:
            return np.empty(size, np.uint8)
        if self.kept.size < size:
            self.kept = np.empty(size, np.uint8)
        return self.kept[:size]


_memory = _Memory()


def _may_turn(data: bytes) -> bool:
    """Whether a segment before the pixels can say that the picture is to be turned, or the segments can't be read."""
    for place, marker in _segments(data):
        if marker == BEFORE_PIXELS:
            return False
        if data.startswith(MAY_TURN, place + 4):
            return True
    return True


def _height_place(data: bytes) -> int | None:
    """Where the height stands, if the file's pixels come from top to bottom with nothing between them; else None."""
    found = None
    for place, marker in _segments(data):
        if marker == RESTARTS:
            return None
        if marker == BEFORE_PIXELS:
            return found
        if marker in FROM_TOP_TO_BOTTOM:
            found = place + 5
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each segment begins, and its marker, as far as the first pixels or what can't be read."""
    place = len(START) - 1
    while data[place : place + 1] == b"\xff":
        marker = data[place + 1 : place + 2]
        yield place, marker
        if marker == BEFORE_PIXELS:
            return
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
