"""From the bytes of an upload to the network's pixels. What kind of file it is, its first bytes say, never its name."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from resnets.base.errors import InputError
from resnets.data import decoding, image_formats
from resnets.data.preprocessing import Preprocessing
from resnets.serve.limits import Limits, Refused

# What cameras, phones, browsers and scanners make. Fewer decoders are fewer ways in.
ACCEPTED = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC")

_UNNAMED = "image"  # so that no suffix decides anything


def accepted() -> tuple[str, ...]:
    """The formats that this machine can read, of those that are accepted."""
    return tuple(kind.name for kind in image_formats.READ if kind.name in ACCEPTED and image_formats.is_read(kind))


def pixels(data: bytes, preprocessing: Preprocessing, limits: Limits) -> UInt8[np.ndarray, "1 height width channels"]:
    """An encoded image as the network sees it. Raises Refused: 413, 415 or 422."""
    with _readable():
        return preprocessing.pixels(decoded(data, preprocessing, limits))[None]


def decoded(data: bytes, preprocessing: Preprocessing, limits: Limits) -> Image.Image:
    """An encoded image as it stands upright, before preprocessing. Raises Refused: 413, 415 or 422."""
    check(data, limits)
    with _readable():
        return preprocessing.decoded(data, name=_UNNAMED)


@contextmanager
def _readable() -> Iterator[None]:
    """Refused (422) for an image that can't be read within."""
    try:
        yield
    except (InputError, MemoryError):  # its words can name what only the server's owner should know
        raise Refused(422, "damaged", "the image is damaged, cut short, or of a kind that can't be read") from None


def check(data: bytes, limits: Limits) -> None:
    """Raise Refused for what is no accepted image, or has too many pixels, before any of them is decoded."""
    try:
        kind = decoding.kind_of(data, name=_UNNAMED)
    except InputError:
        kind = None
    if kind is None or kind.name not in ACCEPTED:
        raise Refused(415, "not_an_image", f"not an image that is accepted; send {', '.join(accepted())}")
    try:
        area = decoding.area(data, name=_UNNAMED)
    except decoding.TooManyPixels:
        area = math.inf
    except (InputError, MemoryError):
        raise Refused(422, "damaged", "the image is damaged or cut short") from None
    if area > limits.pixels:
        most = limits.pixels / 1e6
        raise Refused(413, "too_many_pixels", f"the image has more than {most:g} million pixels; make it smaller")


def thumbnail(seen: UInt8[np.ndarray, "height width channels"]) -> bytes:
    """What the network saw, as a PNG."""
    file = io.BytesIO()
    Image.fromarray(seen[:, :, 0] if seen.shape[2] == 1 else seen).save(file, "png")
    return file.getvalue()
