"""What a dataset is made of, found out by decoding every image once before a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.data import decoding
from resnets.data.imageset import ImageSet
from resnets.data.loading import in_order


@dataclass(frozen=True)
class Survey:
    """What decoding every image found: sizes in pixels, colour, and the images that cannot be used."""

    sizes: NDArray[np.int64]  # width, height of each good image
    channels: int  # 1 where every image is stored grey, else 3; an array's own number
    bad: tuple[tuple[int, str], ...]  # index into the image set, and why

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
        return Survey(np.tile((width, height), (len(images), 1)), found, ())
    sizes: list[tuple[int, int]] = []
    bad: list[tuple[int, str]] = []
    channels = {1}
    for index, found in enumerate(in_order(lambda index: _measure(images, index), range(len(images)))):
        if isinstance(found, InputError):
            bad.append((index, str(found)))
        else:
            sizes.append(found[:2])
            channels.add(found[2])
        watch(Progress("checking images", index + 1, len(images)))
    if not sizes:
        raise InputError(f"{images.name}: none of {len(images)} images can be decoded; the first: {bad[0][1]}")
    return Survey(np.array(sizes), max(channels), tuple(bad))


def _measure(images: ImageSet, index: int) -> tuple[int, int, int] | InputError:
    """Width, height and channels, or why they cannot be had."""
    name = images.image_name(index)
    try:
        data = images.read(index)
        if not isinstance(data, bytes):
            height, width, channels = decoding.from_array(data, name=name).shape
            return width, height, channels
        picture = decoding.decode(data, channels=None, name=name)
        return *picture.size, len(picture.getbands())
    except InputError as error:
        return error
    except OSError as error:
        return InputError(f"{name}: cannot be read ({error.strerror or error})")
