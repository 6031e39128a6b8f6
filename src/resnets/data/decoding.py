"""bytes -> uint8 pixels, the same in training, evaluation and prediction.

What happens to an image that is not simply 8-bit grey or RGB:

- EXIF orientation is applied: the picture is upright, as a viewer shows it.
- Transparent pixels are laid over white.
- 16-bit grey is scaled to 8 bits (65535 -> 255, rounded), not clipped.
- CMYK, YCbCr, LAB, HSV and palettes become RGB.
- Grey becomes RGB by repeating it; RGB becomes grey by ITU-R 601 luma (Pillow's `convert("L")`).
- A GIF or TIFF gives its first frame.
"""

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from resnets.base.errors import InputError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 80_000_000  # beyond any camera's photograph; a 60,000 x 60,000 image would take 10 GB

_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})

# What Pillow's decoders raise on damaged files, by decoder and by place in the file.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError,
    AttributeError, struct.error,
)  # fmt: skip

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF's orientations, but for the upright one
_SAY_THE_ORIENTATION = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")


def decode(data: bytes, *, channels: int | None, name: str) -> Image.Image:
    """The picture in an encoded image file, as Pillow mode L (`channels` 1) or RGB (3); None keeps grey grey.

    Raises InputError, naming the file, when the bytes are no image, are cut short, or hold more than MAX_PIXELS.
    """
    if not data:
        raise InputError(f"{name}: the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, name)
            image.load()
            turned = _turned(image)
            return to_channels(turned, 1 if channels is None and is_grey(turned) else channels or 3, name=name)
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(f"{name}: not an image that can be read; JPEG, PNG, WebP, GIF, BMP and TIFF can") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a warning where warnings are errors
        raise InputError(f"{name}: more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller") from None
    except _DAMAGE as error:
        raise InputError(f"{name}: the image is damaged or cut short ({_one_line(error)})") from error


def upright(image: Image.Image, *, name: str) -> Image.Image:
    """A Pillow image as `decode` would give it: loaded, turned as its EXIF orientation says, and not too large."""
    try:
        _check_size(image, name)
        image.load()
        return _turned(image)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{name}: the image is damaged or cut short ({_one_line(error)})") from error


def decode_file(path: str | Path, *, channels: int | None) -> Image.Image:
    """`decode` of a file. A file that cannot be opened raises InputError as well."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a name that no system allows
        raise InputError(f"{path!r}: cannot be read ({error})") from error
    return decode(data, channels=channels, name=str(path))


def is_grey(image: Image.Image) -> bool:
    """Whether the image is stored without colour."""
    return image.mode in _GREY_MODES


def to_channels(image: Image.Image, channels: int, *, name: str = "image") -> Image.Image:
    """The image in mode L (1 channel) or RGB (3), as this module's first lines say."""
    if channels not in (1, 3):
        raise InputError(f"{name}: a picture has 1 or 3 channels; the classifier reads {channels}, so give it arrays")
    mode = "L" if channels == 1 else "RGB"
    if image.mode == mode and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        image = _eight_bits(image, name)
    elif image.mode == "F":
        raise InputError(f"{name}: holds floating-point pixels, whose range is unknown; save it with 8 or 16 bits")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "La", "RGBa", "PA"):
        image = _over_white(image)
    return image if image.mode == mode else image.convert(mode)


def from_array(array: NDArray[np.uint8], *, name: str = "array") -> NDArray[np.uint8]:
    """`array` as height x width x channels. Raises InputError unless it is uint8 with 2 or 3 axes, none empty."""
    if array.dtype != np.uint8:
        raise InputError(f"{name}: pixels are {array.dtype}; they must be uint8, 0 to 255")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"{name}: shape {array.shape}; must be height x width, or height x width x channels")
    return array


def _turned(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation says; where that cannot be read, as it is stored.

    Pillow's `exif_transpose` also writes the EXIF anew, which fails on much that cameras and editors leave there.
    """
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        return image
    if turn is None:
        return image
    turned = image.transpose(turn)
    for key in _SAY_THE_ORIENTATION:  # so that nobody turns it once more
        turned.info.pop(key, None)
    return turned


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width} x {height} is more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller"
        )
    if not width * height:
        raise InputError(f"{name}: {width} x {height} has no pixels")


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{name}: pixels from {values.min()} to {values.max()}; save it with 8 or 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
