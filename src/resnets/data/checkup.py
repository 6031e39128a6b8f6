"""What a dataset is made of, found out by decoding every image once before a run."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.turns import turn
from resnets.data import decoding, depth
from resnets.data.decoding import Measured
from resnets.data.depth import Extent, Range
from resnets.data.imageset import ImageSet
from resnets.data.loading import in_order

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """What decoding every image found: sizes in pixels, colour, and the images that cannot be used."""

    sizes: NDArray[np.int64]  # width, height of each good image
    channels: int  # 1 where every image is stored grey, else 3; an array's own number
    bad: tuple[tuple[int, str], ...]  # index into the image set, and why
    contents: NDArray[np.uint64]  # a digest of each good image's bytes
    range: Range | None = None  # of the values of images of more than 8 bits, where 0 to 65535 would not do

    @property
    def shorter_side(self) -> int:
        """The median of the images' shorter sides."""
        return int(np.median(self.sizes.min(axis=1)))

    @property
    def one_size(self) -> tuple[int, int] | None:
        """Width and height, if all images have the same."""
        width, height = self.sizes[0]
        return (int(width), int(height)) if (self.sizes == self.sizes[0]).all() else None


def survey(images: ImageSet, watch: Watch = unwatched) -> Survey:
    """Decode every image and throw the pixels away. Raises InputError when none can be decoded."""
    if images.one_shape is not None:
        height, width, found = images.one_shape
        digests = np.array([_digest(images.read(index)) for index in range(len(images))], dtype=np.uint64)
        return Survey(np.tile((width, height), (len(images), 1)), found, (), digests)
    sizes: list[tuple[int, int]] = []
    contents: list[int] = []
    bad: list[tuple[int, str]] = []
    channels = {1}
    extents: list[Extent] = []
    for index, found in enumerate(in_order(lambda index: _measure(images, index), range(len(images)))):
        if isinstance(found, InputError):
            bad.append((index, str(found)))
        else:
            measured, content = found
            sizes.append((measured.width, measured.height))
            channels.add(measured.channels)
            extents += [measured.extent] if measured.extent is not None else []
            contents.append(content)
        watch(Progress("checking images", index + 1, len(images)))
    if not sizes:
        raise InputError(f"{images.name}: none of the {len(images)} images can be decoded; the first one: {bad[0][1]}")
    contained = np.array(contents, dtype=np.uint64)
    return Survey(np.array(sizes), max(channels), tuple(bad), contained, depth.span(extents))


def readable(images: ImageSet) -> ImageSet:
    """The images that can be decoded; the others are logged. Raises InputError when none can."""
    bad = survey(images).bad
    for _, why in bad:
        log.warning("left out: %s", why)
    return images.without(index for index, _ in bad) if bad else images


def in_several_classes(parts: Sequence[tuple[ImageSet, NDArray[np.uint64]]]) -> tuple[str, ...]:
    """Of the images with equal bytes and different classes, a line for each pair.

    parts: sets of the same classes, and the digest of each of their images.
    """
    contents = np.concatenate([found for _, found in parts])
    labels = np.concatenate([images.labels for images, _ in parts])
    order = np.lexsort((labels, contents))
    same = contents[order[1:]] == contents[order[:-1]]
    pairs = np.flatnonzero(same & (labels[order[1:]] != labels[order[:-1]]))
    starts = np.cumsum([0, *(len(images) for images, _ in parts)])

    def said(place: int) -> str:
        part = int(np.searchsorted(starts, place, side="right")) - 1
        images, index = parts[part][0], place - int(starts[part])
        return f"{images.image_name(index)} ({images.classes[images.labels[index]]})"

    return tuple(f"{said(int(order[pair]))} and {said(int(order[pair + 1]))}" for pair in pairs)


def _measure(images: ImageSet, index: int) -> tuple[Measured, int] | InputError:
    """What there is to know of an image, and a digest of it, or why they cannot be had."""
    name = images.image_name(index)
    try:
        with turn():
            data = images.read(index)
            if not isinstance(data, bytes):
                height, width, channels = decoding.from_array(data, name=name).shape
                return Measured(width, height, channels, None), _digest(data)
            return decoding.measure(data, name=name), _digest(data)
    except InputError as error:
        return error
    except OSError as error:
        return InputError(f"{name}: cannot be read ({error.strerror or error})")


def _digest(data: bytes | NDArray[np.uint8]) -> int:
    content = data if isinstance(data, bytes) else data.tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
