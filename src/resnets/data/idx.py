"""IDX files, as MNIST and Fashion-MNIST come -> ImageSet. Format: LeCun, Cortes and Burges, the MNIST page."""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.data.arrays import Part, from_parts
from resnets.data.imageset import ImageSet, Split

FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_SPLITS: Mapping[Split, str] = {"train": "train", "test": "t10k"}  # what their files' names begin with
_AXES: Mapping[str, int] = {"images": 3, "labels": 1}
_UINT8 = 0x08  # the format's code of the type


def find_idx(folder: str) -> Path | None:
    """The folder that holds IDX files: this one, or its `raw`, where torchvision puts them."""
    for candidate in (Path(folder), Path(folder) / "raw"):
        if any(_file(candidate, split, kind) for split in _SPLITS for kind in _AXES):
            return candidate
    return None


def open_idx(folder: str, place: Path) -> ImageSet:
    """The train and test split of IDX files in `place`, plain or gzipped. Classes are Fashion-MNIST's or numbers.

    Raises InputError when a file's magic number is wrong, it is cut short, or counts of images and labels differ.
    """
    parts: list[Part] = []
    for split in _SPLITS:
        files = {kind: _file(place, split, kind) for kind in _AXES}
        images, labels = files["images"], files["labels"]
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            missing = f"{_SPLITS[split]}-{'images-idx3' if images is None else 'labels-idx1'}-ubyte"
            raise InputError(f"{place}/{missing}: missing; images and labels come as two files, each plain or .gz")
        parts.append(_part(split, images, labels))
    return from_parts(folder, parts, classes=FASHION if _is_fashion(place) else None)


def _part(split: Split, image_file: Path, label_file: Path) -> Part:
    images, labels = _values(image_file, "images"), _values(label_file, "labels")
    if len(images) != len(labels):
        raise InputError(f"{image_file}: {len(images):,} images, but {len(labels):,} labels in {label_file}")
    return Part(split, images[..., None], labels.astype(np.int64))


def _is_fashion(place: Path) -> bool:
    place = place.resolve()
    named = place.parent if place.name == "raw" else place
    return "fashion" in named.name.lower()


def _file(folder: Path, split: Split, kind: str) -> Path | None:
    axes = _AXES[kind]
    for separator in ("-", "."):
        for suffix in ("", ".gz"):
            path = folder / f"{_SPLITS[split]}-{kind}{separator}idx{axes}-ubyte{suffix}"
            if path.is_file():
                return path
    return None


def _values(path: Path, kind: str) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            shape = _shape(path, kind, file.read(4), file.read(4 * _AXES[kind]))
            size = math.prod(shape)
            data = file.read(size + 1)  # one more, to see a file that is too long
    except (EOFError, zlib.error, gzip.BadGzipFile, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: damaged or cut short ({error}); download it again") from error
    if len(data) != size:
        found = "more" if len(data) > size else f"{len(data):,}"
        raise InputError(f"{path}: its header announces {size:,} bytes and {found} follow; download it again")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _shape(path: Path, kind: str, magic: bytes, sizes: bytes) -> tuple[int, ...]:
    """The shape that a file's header announces."""
    axes = _AXES[kind]
    if magic != bytes([0, 0, _UINT8, axes]):
        right = f"0x00000{_UINT8}0{axes}"
        raise InputError(f"{path}: begins with 0x{magic.hex()}; an IDX file of {kind} begins with {right}")
    if len(sizes) < 4 * axes:
        raise InputError(f"{path}: cut short within its header; download it again")
    shape = struct.unpack(f">{axes}I", sizes)
    if 0 in shape[1:]:
        raise InputError(f"{path}: images of {shape[1]} x {shape[2]} have no pixels; download it again")
    return shape
