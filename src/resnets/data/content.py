"""What a set's images hold, as one digest: whether they are still what they were when a run began."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from resnets.data.folders import Files
from resnets.data.imageset import ImageSet
from resnets.data.loading import in_order

CHEAP = 1 << 30  # bytes: read and digested in seconds, while decoding them takes minutes


def content_digest(images: ImageSet) -> str:
    """A digest of every image's bytes; of more than CHEAP bytes, of the size and time of every file that holds them."""
    digest = hashlib.sha256()
    if _bytes(images) <= CHEAP:
        one_by_one = map if images.one_shape is not None else in_order  # threads pay where files are opened
        for one in one_by_one(partial(_image, images), range(len(images))):
            digest.update(one)
        return f"bytes {digest.hexdigest()}"
    for path in _files(images):
        digest.update(_stamp(path))
    return f"times {digest.hexdigest()}"


def _bytes(images: ImageSet) -> int:
    """How many bytes the images have, as they are stored."""
    if (shape := images.one_shape) is not None:
        return len(images) * shape[0] * shape[1] * shape[2]
    return sum(_size(path) for path in _files(images))


def _files(images: ImageSet) -> Iterator[str]:
    """The files that hold the images: one each, or an archive, or what a folder of arrays has."""
    if isinstance(images.images, Files):
        yield from (images.image_name(index) for index in range(len(images)))
    elif Path(images.name).is_dir():
        yield from sorted(str(path) for path in Path(images.name).iterdir())
    else:
        yield images.name


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _stamp(path: str) -> bytes:
    try:
        found = Path(path).stat()
    except OSError:
        return b"cannot be read"
    return f"{found.st_size} {found.st_mtime_ns}\n".encode()


def _image(images: ImageSet, index: int) -> bytes:
    """The digest of one image."""
    try:
        content = images.read(index)
    except OSError:
        return b"cannot be read"
    return hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).digest()
