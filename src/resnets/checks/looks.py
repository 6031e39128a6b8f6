"""One look at every image: what is kept of it is a few numbers, so that millions of files fit in memory."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.turns import turn
from resnets.checks import likeness
from resnets.checks.likeness import SIDE
from resnets.data import decoding, depth, jpeg
from resnets.data.decoding import Stored
from resnets.data.imageset import ImageSet
from resnets.data.loading import in_order, stored

MODES = ("colour", "grey", "CMYK", "alpha", "deep")
ONE_COLOUR = 2  # levels between the darkest and the brightest pixel, as JPEG may leave them
AT_ONCE = 256  # thumbnails that wait to be hashed together


class Look(NamedTuple):
    """What one image is."""

    content: int  # a digest of the file's bytes
    pixels: int  # a digest of its pixels
    thumbnail: NDArray[np.uint8]  # SIDE x SIDE, grey
    width: int
    height: int
    mode: str  # one of MODES
    constant: bool  # of one colour
    cut_short: bool  # the end of the file is missing, though it can be decoded


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What all images are, a row each. The rows of those that cannot be decoded are zero, and `bad` says why."""

    contents: NDArray[np.uint64]
    pixels: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int32]  # width, height
    modes: NDArray[np.int8]  # an index into MODES
    constant: NDArray[np.bool_]
    cut_short: NDArray[np.bool_]
    bad: dict[int, str]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which images can be decoded."""
        found = np.ones(len(self.contents), dtype=bool)
        found[list(self.bad)] = False
        return found


def look_at(images: ImageSet, watch: Watch = unwatched) -> Looks:
    """Decode every image once, and keep a few numbers of each."""
    count = len(images)
    contents, pixels, hashes = (np.zeros(count, dtype=np.uint64) for _ in range(3))
    sizes, modes = np.zeros((count, 2), dtype=np.int32), np.zeros(count, dtype=np.int8)
    constant, cut_short = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    bad: dict[int, str] = {}
    waiting: list[tuple[int, NDArray[np.uint8]]] = []
    for index, found in enumerate(_each(images)):
        if isinstance(found, InputError):
            bad[index] = str(found).removeprefix(f"{images.image_name(index)}: ")
        else:
            contents[index], pixels[index] = found.content, found.pixels
            sizes[index], modes[index] = (found.width, found.height), MODES.index(found.mode)
            constant[index], cut_short[index] = found.constant, found.cut_short
            waiting.append((index, found.thumbnail))
        if waiting and (len(waiting) == AT_ONCE or index + 1 == count):
            places, thumbnails = zip(*waiting, strict=True)
            hashes[list(places)] = likeness.hashes(np.stack(thumbnails))
            waiting.clear()
        watch(Progress("checking images", index + 1, count))
    return Looks(
        contents=contents, pixels=pixels, hashes=hashes, sizes=sizes, modes=modes, constant=constant,
        cut_short=cut_short, bad=bad,
    )  # fmt: skip


def thumbnails(images: ImageSet, indices: Sequence[int]) -> NDArray[np.uint8]:
    """The small grey pictures of some images, which all can be decoded: images x SIDE x SIDE."""
    found = np.zeros((len(indices), SIDE, SIDE), dtype=np.uint8)
    for row, one in enumerate(in_order(lambda index: _thumbnail(picture(images, index)), indices)):
        found[row] = one
    return found


def picture(images: ImageSet, index: int) -> Image.Image:
    """One image in mode L or RGB. Raises InputError when it cannot be decoded."""
    with turn():
        data, name = stored(images, index), images.image_name(index)
        if isinstance(data, bytes):
            return _plain(decoding.stored(data, name=name), name)
        return _of_array(decoding.from_array(data, name=name))


def _each(images: ImageSet) -> Iterator[Look | InputError]:
    def one(index: int) -> Look | InputError:
        try:
            with turn():
                return _look(images, index)
        except InputError as error:
            return error

    return in_order(one, range(len(images)))


def _look(images: ImageSet, index: int) -> Look:
    data, name = stored(images, index), images.image_name(index)
    if not isinstance(data, bytes):
        array = decoding.from_array(data, name=name)
        height, width, channels = array.shape
        grey = _thumbnail(_of_array(array))
        digest = _digest(array.tobytes())
        constant = _is_constant(grey) and all(np.ptp(array[..., one]) <= ONE_COLOUR for one in range(channels))
        return Look(digest, digest, grey, width, height, "grey" if channels == 1 else "colour", constant, False)
    found = decoding.stored(data, name=name)
    plain = _plain(found, name)
    grey = _thumbnail(plain)
    return Look(
        _digest(data), _digest(plain.tobytes(), repr(plain.size)), grey, *plain.size, _mode(found),
        _is_constant(grey) and _is_one_colour(plain), _is_cut_short(data),
    )  # fmt: skip


def _plain(found: Stored, name: str) -> Image.Image:
    """The picture in mode L or RGB; what has more than 8 bits is scaled by its own darkest and brightest value."""
    if found.values is not None:
        extent = depth.extent(found.values, name)
        span = (extent.low, max(extent.high, extent.low + 1e-6))
        return Image.fromarray(depth.eight_bits(found.values, span, name))
    return decoding.to_channels(found.image, 1 if decoding.is_grey(found.image) else 3, name=name)


def _of_array(array: NDArray[np.uint8]) -> Image.Image:
    """The picture in mode L or RGB; of channels that are no colours, their mean."""
    if array.shape[2] == 3:
        return Image.fromarray(array)
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array.mean(axis=2).astype(np.uint8))


def _thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(small if small.mode == "L" else small.convert("L"))


def _mode(found: Stored) -> str:
    image = found.image
    if found.values is not None:
        return "deep"
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        return "alpha"
    if image.mode == "CMYK":
        return "CMYK"
    return "grey" if decoding.is_grey(image) else "colour"


def _is_constant(thumbnail: NDArray[np.uint8]) -> bool:
    return int(np.ptp(thumbnail)) <= ONE_COLOUR


def _is_one_colour(image: Image.Image) -> bool:
    return all(int(np.ptp(np.asarray(band))) <= ONE_COLOUR for band in image.split())


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end marker. Cameras add to a file after it, so it need not be last."""
    if data.startswith(jpeg.START):
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return data.startswith(b"\x89PNG") and b"IEND" not in data


def _digest(content: bytes, more: str = "") -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, salt=more.encode()[:16]).digest())
