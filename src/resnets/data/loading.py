"""Images, decoded: one, all, or in order by threads a few ahead of whoever needs them.

Pillow lets go of the interpreter while it decodes and resizes, so threads use every core and share what they make
without copying.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.turns import turn
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing

Item = TypeVar("Item")
Result = TypeVar("Result")

Picture = Image.Image | NDArray[np.uint8]  # decoded

MEMORY_LIMIT = 2 << 30  # bytes of decoded pixels that are kept rather than decoded in each epoch


def fits_in_memory(count: int, preprocessing: Preprocessing) -> bool:
    """Whether `count` images, as the network sees them, are few and small enough to keep."""
    return count * preprocessing.size**2 * preprocessing.channels <= MEMORY_LIMIT


def all_pixels(images: ImageSet, preprocessing: Preprocessing, watch: Watch = unwatched) -> NDArray[np.uint8]:
    """Every image as the network sees it: images x size x size x channels."""
    size, channels = preprocessing.size, preprocessing.channels
    if images.one_shape == (size, size, channels) and preprocessing.resize == size:
        ready = images.pixels()
        assert ready is not None  # as one_shape says
        return ready
    pixels = np.empty((len(images), size, size, channels), dtype=np.uint8)
    for index, one in enumerate(evaluation_pixels(images, preprocessing)):
        pixels[index] = one
        watch(Progress("reading images", index + 1, len(images)))
    return pixels


def evaluation_pixels(images: ImageSet, preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """Each image as the network sees it, in order."""
    yield from in_order(lambda index: view(images, index, preprocessing, preprocessing.pixels), range(len(images)))


def picture(images: ImageSet, index: int, preprocessing: Preprocessing) -> Picture:
    """One image, decoded if it is encoded. Raises InputError naming it when it cannot be read."""
    with turn():
        data = stored(images, index)
        return preprocessing.decoded(data, name=images.image_name(index)) if isinstance(data, bytes) else data


def stored(images: ImageSet, index: int) -> bytes | NDArray[np.uint8]:
    """One image as its source has it. Raises InputError naming it when it cannot be read."""
    try:
        return images.read(index)
    except OSError as error:
        raise InputError(f"{images.image_name(index)}: cannot be read ({error.strerror or error})") from error


def view(images: ImageSet, index: int, preprocessing: Preprocessing, of: Callable[[Picture], Result]) -> Result:
    """What `of` makes of one image. Raises InputError naming the image when it cannot be read or used."""
    found = picture(images, index, preprocessing)
    with naming(images, index):
        return of(found)


@contextmanager
def naming(images: ImageSet, index: int) -> Generator[None]:
    """What is wrong with an image in the block is said with its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{images.image_name(index)}: {error}") from error


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 64, workers: int | None = None
) -> Iterator[Result]:
    """`function` of each item, in the items' order, computed by threads at most `ahead` items early."""
    pool = ThreadPoolExecutor(workers or usable_cpus(), thread_name_prefix="resnets-loading")
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
