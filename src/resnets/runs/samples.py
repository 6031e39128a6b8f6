"""Some of a run's images, kept beside its classifier: what an export is judged on, and what int8 is calibrated with."""

import io
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.data import decoding
from resnets.data.imageset import ImageSet
from resnets.data.listing import is_hidden

EACH = 256  # images of the training part, and of the validation part
LIMIT = 16 << 20  # bytes of each part

_MADE = (1980, 1, 1, 0, 0, 0)  # the same images make the same file

log = logging.getLogger(__name__)


def write(path: Path, train: ImageSet, val: ImageSet, *, seed: int) -> Path | None:
    """Write samples.zip: train/CLASS/... and val/CLASS/..., evenly over the classes; `open_source` reads it.

    Encoded images are kept as they are, arrays as PNG. A class whose name cannot be a folder's has its number for one,
    and so have all others then. Returns None, and writes nothing, for images that no picture can hold.
    """
    if train.one_shape is not None and train.one_shape[2] not in (1, 3):
        log.info(
            "no sample images are kept because none has %d channels; exporting will need --data", train.one_shape[2]
        )
        return None
    folders = _folders(train.classes)
    kept = list(_kept(train, folders, seed))
    there = {folder for folder, _, _ in kept}
    beside = [one for one in _kept(val, folders, seed) if one[0] in there]  # a validation class must be a training one
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for split, images in (("train", kept), ("val", beside)):
            for folder, name, content in images:
                archive.writestr(zipfile.ZipInfo(f"{split}/{folder}/{name}", _MADE), content)
    return write_whole(path, buffer.getvalue())


def _kept(images: ImageSet, folders: tuple[str, ...], seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Of each image that is kept: its folder, its name and its content."""
    room = LIMIT
    chosen = images.evenly(EACH, seed=seed)
    for place in range(len(chosen)):
        try:
            content, suffix = _encoded(chosen.read(place), chosen.image_name(place))
        except (OSError, InputError):  # gone or damaged since the run began; there are others
            continue
        if len(content) > room:
            continue
        room -= len(content)
        stem = re.sub(r"[^\w.-]+", "_", Path(chosen.image_name(place)).stem, flags=re.ASCII)[-60:]
        yield folders[int(chosen.labels[place])], f"{place:03}-{stem}.{suffix}", content


def _encoded(data: bytes | NDArray[np.uint8], name: str) -> tuple[bytes, str]:
    """An image's file and its suffix. Raises InputError when it is none."""
    if isinstance(data, bytes):
        return data, decoding.kind_of(data, name=name).suffixes[0][1:]
    buffer = io.BytesIO()
    Image.fromarray(data[:, :, 0] if data.shape[2] == 1 else data).save(buffer, "PNG")
    return buffer.getvalue(), "png"


def _folders(classes: tuple[str, ...]) -> tuple[str, ...]:
    usable = all(_usable(name) for name in classes) and len({name.lower() for name in classes}) == len(classes)
    return classes if usable else tuple(f"{place:04}" for place in range(len(classes)))


def _usable(name: str) -> bool:
    """Whether a class's name can be a folder's, here and on other systems."""
    odd = set('/\\:*?"<>|')
    return name.isprintable() and name.strip(" .") == name != "" and not is_hidden(name) and odd.isdisjoint(name)
