"""bytes -> uint8 pixels, the same in training, evaluation and prediction.

What happens to an image that is not simply 8-bit grey or RGB:

- EXIF orientation is applied: the picture is upright, as a viewer shows it.
- Transparent pixels are laid over white.
- More than 8 bits are scaled by a range, which training finds in its images (`depth`): what is outside is clipped.
  Without one, 16 bits are scaled whole (65535 -> 255, rounded), and floating-point pixels are refused.
- CMYK, YCbCr, LAB, HSV and palettes become RGB.
- Grey becomes RGB by repeating it; RGB becomes grey by ITU-R 601 luma (Pillow's `convert("L")`).
- A GIF or TIFF gives its first frame.
- What kind of file it is, its first bytes say; only TGA, which has none of its own, goes by its suffix.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from resnets.base.errors import InputError
from resnets.base.reading import read_regular
from resnets.data import depth, image_formats, png, tiff
from resnets.data.depth import Extent, Range, Values
from resnets.data.image_formats import Kind

MAX_PIXELS = 80_000_000  # beyond any camera's photograph; a 60,000 x 60,000 image would take 10 GB

_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})

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


class TooManyPixels(InputError):  # noqa: N818 - the state of an image
    """An image that is larger than any that is read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What an image file holds: the picture, upright, and its pixels where they have more than 8 bits."""

    image: Image.Image
    values: Values | None


@dataclass(frozen=True, slots=True)
class Measured:
    """An image file's size in pixels, its channels (1 where it is grey, else 3), and how far deep pixels reach."""

    width: int
    height: int
    channels: int
    extent: Extent | None


def decode(data: bytes, *, channels: int | None, name: str, span: Range | None = None) -> Image.Image:
    """The picture in an encoded image file, as Pillow mode L (`channels` 1) or RGB (3); None keeps grey grey.

    span: the values of more than 8 bits that become 0 and 255. Raises InputError, naming the file, when the bytes are
    no image, are cut short, or hold more than MAX_PIXELS.
    """
    stored = _stored(data, name, exact=span is not None)
    grey = is_grey(stored.image)
    image = stored.image
    if stored.values is not None:
        image = Image.fromarray(depth.eight_bits(stored.values, span, name))
    return to_channels(image, 1 if channels is None and grey else channels or 3, name=name)


def area(data: bytes, *, name: str) -> int:
    """Pixels of an image file, as its header says. Raises InputError as `decode` does."""
    kind = kind_of(data, name=name)
    try:
        with Image.open(io.BytesIO(data), formats=[kind.pillow]) as image:
            return image.width * image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # as in `_stored`
        raise TooManyPixels(f"{name}: more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller") from None
    except _DAMAGE as error:
        raise InputError(f"{name}: the image is damaged or cut short ({_one_line(error)})") from error


def measure(data: bytes, *, name: str) -> Measured:
    """What training asks of an image file before it begins. Raises InputError as `decode` does."""
    stored = _stored(data, name, exact=True)
    extent = None if stored.values is None else depth.extent(stored.values, name)
    if stored.values is None:
        to_channels(stored.image, 3, name=name)
    return Measured(*stored.image.size, 1 if is_grey(stored.image) else 3, extent)


def stored(data: bytes, *, name: str) -> Stored:
    """What an image file holds, with no channel and no depth changed. Raises InputError as `decode` does."""
    return _stored(data, name, exact=True)


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


def decode_file(path: str | Path, *, channels: int | None, span: Range | None = None) -> Image.Image:
    """`decode` of a file. A file that cannot be opened raises InputError as well."""
    try:
        data = read_regular(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a name that no system allows
        raise InputError(f"{path!r}: cannot be read ({error})") from error
    return decode(data, channels=channels, name=str(path), span=span)


def _stored(data: bytes, name: str, *, exact: bool) -> Stored:
    """exact: whether colours of 16 bits are wanted whole; Pillow reads the upper 8."""
    kind = kind_of(data, name=name)
    tags = tiff.read_tags(data) if kind.name == "TIFF" else None
    try:
        if kind.name == "PNG":
            data = png.pixels_only(data)
        if tags is not None:
            tiff.check(tags, name)
        with Image.open(io.BytesIO(data), formats=[kind.pillow]) as image:
            _check_size(image, name)
            wide = exact and depth.is_wide(image)
            image.load()
            turned = _turned(image)
            if wide:
                return Stored(turned, _wide_values(data, kind, turned))
            if tags is not None and (mended := tiff.mended(image, tags, name)) is not None:
                return Stored(turned, np.asarray(_turned(image, of=Image.fromarray(mended))))
            return Stored(turned, depth.values(turned))
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(_unidentified(kind, tags, name)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a warning where warnings are errors
        raise InputError(f"{name}: more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller") from None
    except _DAMAGE as error:
        raise InputError(f"{name}: the image is damaged or cut short ({_one_line(error)})") from error


def _unidentified(kind: Kind, tags: tiff.Tags | None, name: str) -> str:
    if kind.pillow not in Image.OPEN:
        return f"{name}: a {kind.name} file, which this Pillow cannot read; pip install --upgrade pillow"
    if tags is not None:
        return f"{name}: a TIFF of {tiff.described(tags)}, which cannot be read; save it with 8 or 16 bits"
    return f"{name}: a {kind.name} file that is damaged, or not an image; copy it again, or save it as PNG or JPEG"


def _wide_values(data: bytes, kind: Kind, upper: Image.Image) -> Values:
    """The 16 bits of each colour, of which `upper` has the upper 8, turned."""
    with Image.open(io.BytesIO(data), formats=[kind.pillow]) as image:
        assert isinstance(image, ImageFile.ImageFile)
        unpacking = depth.read_lower(image)
        image.load()
        return depth.joined(upper, _turned(image), unpacking)


def kind_of(data: bytes, *, name: str) -> Kind:
    """What kind of image a file is. Raises InputError for what cannot be read, with what would help."""
    if not data:
        raise InputError(f"{name}: the file is empty")
    said, found = image_formats.named(name), image_formats.found(data[: image_formats.HEAD])
    kind = said if said is image_formats.RAW and found is not None and found.name == "TIFF" else found
    if kind is None and (said is image_formats.TGA or data.endswith(b"TRUEVISION-XFILE.\0")):
        kind = image_formats.TGA
    if kind is None:
        raise InputError(f"{name}: not an image that can be read; {image_formats.WHAT_WORKS}")
    if not image_formats.is_read(kind):
        raise InputError(f"{name}: a {kind.name} file, which cannot be read; {kind.remedy}")
    return kind


def is_grey(image: Image.Image) -> bool:
    """Whether the image is stored without colour."""
    return image.mode in _GREY_MODES


def to_channels(image: Image.Image, channels: int, *, name: str = "image", span: Range | None = None) -> Image.Image:
    """The image in mode L (1 channel) or RGB (3), as this module's first lines say."""
    if channels not in (1, 3):
        raise InputError(
            f"{name}: an image file has 1 or 3 channels, but the classifier reads {channels}; give it arrays instead"
        )
    mode = "L" if channels == 1 else "RGB"
    if image.mode == mode and "transparency" not in image.info:
        return image
    if (values := depth.values(image)) is not None:
        image = Image.fromarray(depth.eight_bits(values, span, name))
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


def _turned(image: Image.Image, *, of: Image.Image | None = None) -> Image.Image:
    """The image as its EXIF orientation says, or other pixels of it; where that cannot be read, as it is stored.

    Pillow's `exif_transpose` also writes the EXIF anew, which fails on much that cameras and editors leave there.
    """
    turn = _orientation(image)
    image = image if of is None else of
    if turn is None:
        return image
    turned = image.transpose(turn)
    for key in _SAY_THE_ORIENTATION:  # so that nobody turns it once more
        turned.info.pop(key, None)
    return turned


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How the image is to be turned so that it stands upright, if at all."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        return None


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width} x {height} is more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller"
        )
    if not width * height:
        raise InputError(f"{name}: {width} x {height} has no pixels")


def _over_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
