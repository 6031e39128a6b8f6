"""What a TIFF's tags say of its pixels, where Pillow would give others: refused by name, or put right."""

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from resnets.base.errors import InputError
from resnets.data.depth import Values, values

_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _FORMAT = 258, 262, 277, 284, 339
_WHITE_IS_ZERO, _SEPARATE = 0, 2
_SIGNED, _FLOAT = 2, 3
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating-point"}
_MAX_BANDS = 4


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of the first image by which its pixels are understood."""

    bits: tuple[int, ...]
    photometric: int
    samples: int
    planes: int
    format: int  # 1: whole numbers from 0, 2: signed, 3: floating point


def read_tags(data: bytes) -> Tags | None:
    """The tags; None where they are damaged, which decoding will say."""
    try:
        file = io.BytesIO(data)
        header = file.read(8)
        if header[2:4] in (b"+\0", b"\0+"):  # BigTIFF
            header += file.read(8)
        directory: Any = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(directory.next)
        directory.load(file)
        formats = directory.get(_FORMAT, (1,))
        return Tags(
            bits=tuple(directory.get(_BITS, (1,))),
            photometric=directory.get(_PHOTOMETRIC, 1),
            samples=directory.get(_SAMPLES, 1),
            planes=directory.get(_PLANES, 1),
            format=formats[0],
        )
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error, Warning):
        return None


def check(tags: Tags, name: str) -> None:
    """Raise InputError for pixels that would come out wrong."""
    depth = max(tags.bits, default=1)
    kind = f"{depth}-bit {_FORMATS.get(tags.format, 'of an unknown format')}"
    if tags.samples > _MAX_BANDS:
        raise InputError(
            f"{name}: a TIFF with {tags.samples} bands (tag 277); up to {_MAX_BANDS} can be read, so save "
            "the ones that "
            "matter, or give all of them as arrays (.npz)"
        )
    if tags.format not in _FORMATS:
        raise InputError(f"{name}: a TIFF of sample format {tags.format} (tag 339); save it with 8 or 16 bits")
    if len(set(tags.bits)) > 1:
        listed = ", ".join(map(str, tags.bits))
        raise InputError(f"{name}: a TIFF whose bands have {listed} bits (tag 258); save it with 8 or 16 bits")
    if tags.planes == _SEPARATE and tags.samples > 1 and depth != 8:
        raise InputError(
            f"{name}: a {depth}-bit TIFF with separate planes (tag 284 = 2); save it with interleaved bands"
        )
    if tags.format != 1 and tags.samples > 1:
        raise InputError(f"{name}: a TIFF with {tags.samples} {kind} bands (tag 339); save it with 8 or 16 bits")
    if tags.photometric == _WHITE_IS_ZERO and (depth > 16 or tags.format != 1):
        raise InputError(f"{name}: a {kind} TIFF in which white is zero (tag 262 = 0); save it with black as zero")


def described(tags: Tags) -> str:
    """The tags in words."""
    bands = f"{tags.samples} band{'s' if tags.samples > 1 else ''}"
    bits = "/".join(map(str, sorted(set(tags.bits))))
    return f"{bands}, {bits} bits {_FORMATS.get(tags.format, tags.format)}, photometric {tags.photometric}"


def mended(image: Image.Image, tags: Tags, name: str) -> Values | None:
    """The deep pixels of a loaded TIFF that Pillow gives otherwise; None where Pillow is right.

    Raises InputError for whole numbers of 32 bits that Pillow cannot hold.
    """
    if tags.format == 1 and image.mode == "I" and np.asarray(image).min() < 0:
        raise InputError(f"{name}: a TIFF with values above 2,147,483,647; save it with 8 or 16 bits")
    if tags.format == _SIGNED and image.mode == "L":
        return np.asarray(image).view(np.int8).astype(np.int16)
    if tags.photometric == _WHITE_IS_ZERO and (found := values(image)) is not None:
        return np.invert(np.asarray(found, dtype=np.uint16))
    return None
