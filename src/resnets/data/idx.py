"""IDX files, as MNIST, Fashion-MNIST and EMNIST come -> ImageSet. Format: LeCun, Cortes and Burges, the MNIST page."""

import gzip
import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.memory import check_fits
from resnets.base.reading import open_regular
from resnets.data.arrays import Part, from_parts
from resnets.data.imageset import ImageSet, Split
from resnets.data.members import MAX_EXPANSION, UNPACKED_FREELY

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

_UINT8 = 0x08  # the format's code of the type
_AXES: Mapping[str, int] = {"images": 3, "labels": 1}
_WRITTEN: Mapping[Split, str] = {"train": "train", "test": "t10k"}  # in MNIST's names
_NAME = re.compile(
    r"(?P<set>.*?)(?P<split>train|t10k|test)-(?P<kind>images|labels)[-.]idx[13]-ubyte(\.gz)?", re.IGNORECASE
)  # train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte.gz


@dataclass(frozen=True)
class IdxFiles:
    """The files of one published set: MNIST's own names have no set in front, EMNIST's do."""

    folder: Path
    prefix: str  # what every file's name begins with: nothing, or emnist-letters-
    files: Mapping[tuple[str, str], Path]  # by split (train, test) and kind (images, labels)


def find_idx(source: str) -> IdxFiles | None:
    """The IDX files in a folder or in its `raw`, where torchvision puts them; or those that a file of them belongs to.

    Raises InputError, naming the sets, when a folder holds several.
    """
    path = Path(source)
    if not path.is_dir():
        matched = _NAME.fullmatch(path.name)
        return _sets(path.parent).get(matched["set"]) if matched else None
    for place in (path, path / "raw"):
        sets = _sets(place)
        if len(sets) > 1:
            first = next(iter(next(iter(sets.values())).files.values()))
            names = ", ".join(name.strip("-") or "one without a name" for name in sets)
            raise InputError(
                f"{place}: contains several sets of IDX files ({names}); name a file of one of them, such as {first}"
            )
        if sets:
            return next(iter(sets.values()))
    return None


def open_idx(source: str, found: IdxFiles) -> ImageSet:
    """The train and test split of IDX files, plain or gzipped. Classes are Fashion-MNIST's, or the labels there are.

    Raises InputError when a file's magic number is wrong, it is cut short, or counts of images and labels differ.
    """
    parts: list[Part] = []
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        images, labels = (found.files.get((split, kind)) for kind in _AXES)
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            missing = f"{found.prefix}{_WRITTEN[split]}-{'images-idx3' if images is None else 'labels-idx1'}-ubyte"
            raise InputError(f"{found.folder}/{missing}: missing; images and labels are two files, each plain or .gz")
        parts.append(_part(split, images, labels))
    fashion = _is_fashion(found)
    return from_parts(source, parts, classes=FASHION if fashion else (), complete=fashion)


def _sets(folder: Path) -> dict[str, IdxFiles]:
    """The sets of IDX files in a folder, by what their names begin with. Of a plain and a packed file, the plain."""
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (matched := _NAME.fullmatch(path.name)) and path.is_file():
            split = "train" if matched["split"].lower() == "train" else "test"
            found.setdefault(matched["set"], {}).setdefault((split, matched["kind"].lower()), path)
    return {name: IdxFiles(folder, name, files) for name, files in found.items()}


def _part(split: Split, image_file: Path, label_file: Path) -> Part:
    images, labels = _values(image_file, "images"), _values(label_file, "labels")
    if len(images) != len(labels):
        raise InputError(f"{image_file}: {len(images):,} images, but {len(labels):,} labels in {label_file}")
    return Part(split, images[..., None], labels.astype(np.int64))


def _is_fashion(found: IdxFiles) -> bool:
    place = found.folder.resolve()
    named = place.parent if place.name == "raw" else place
    return "fashion" in named.name.lower() or "fashion" in found.prefix.lower()


def _values(path: Path, kind: str) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes."""
    try:
        with open_regular(path) as packed, gzip.GzipFile(fileobj=packed) if path.suffix == ".gz" else packed as file:
            shape = _shape(path, kind, file.read(4), file.read(4 * _AXES[kind]))
            size = math.prod(shape)
            _check_size(path, size, packed=path.stat().st_size)
            data = file.read(size + 1)  # one more, to see a file that is too long
    except (EOFError, zlib.error, gzip.BadGzipFile, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: damaged or cut short ({error}); download it again") from error
    if len(data) != size:
        found = "more" if len(data) > size else f"{len(data):,}"
        raise InputError(f"{path}: its header promises {size:,} bytes, but {found} follow; download it again")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _check_size(path: Path, size: int, *, packed: int) -> None:
    """Raise InputError when a file of `packed` bytes announces far more than it holds, or than the memory does."""
    if size > max(UNPACKED_FREELY, MAX_EXPANSION * packed):
        raise InputError(f"{path}: its header announces {size:,} bytes in a file of {packed:,}; download it again")
    check_fits(path, size)


def _shape(path: Path, kind: str, magic: bytes, sizes: bytes) -> tuple[int, ...]:
    """The shape that a file's header announces."""
    axes = _AXES[kind]
    if magic != bytes([0, 0, _UINT8, axes]):
        right = f"0x00000{_UINT8}0{axes}"
        raise InputError(f"{path}: begins with 0x{magic.hex()}, but an IDX file of {kind} begins with {right}")
    if len(sizes) < 4 * axes:
        raise InputError(f"{path}: cut short within its header; download it again")
    shape = struct.unpack(f">{axes}I", sizes)
    if 0 in shape[1:]:
        raise InputError(f"{path}: images of {shape[1]} x {shape[2]} have no pixels; download it again")
    return shape
