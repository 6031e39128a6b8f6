"""CIFAR-10 and CIFAR-100, in the python and the binary version -> ImageSet. Krizhevsky 2009.

The python version is pickles. They are read by an unpickler that knows numpy arrays and nothing else, so a file that
would run code is refused instead.
"""

import codecs
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.data.arrays import Part, from_parts
from resnets.data.imageset import ImageSet, Split

PLANES, SIDE = 3, 32
IMAGE_BYTES = PLANES * SIDE * SIDE

Read = Callable[[str], bytes]  # a file's path -> its bytes; raises FileNotFoundError


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One of the four ways in which CIFAR is published."""

    folder: str
    train: tuple[str, ...]
    test: str
    names: str  # the file of class names
    label_key: str = ""  # of a pickled batch
    names_key: str = ""  # of the pickled class names
    label_bytes: int = 0  # before each image of a binary file; the last one is the label

    @property
    def files(self) -> tuple[str, ...]:
        """Every file it needs."""
        return (*self.train, self.test, self.names)


DISTRIBUTIONS = (
    Distribution(
        folder="cifar-10-batches-py",
        train=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test="test_batch",
        names="batches.meta",
        label_key="labels",
        names_key="label_names",
    ),
    Distribution(
        folder="cifar-10-batches-bin",
        train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        test="test_batch.bin",
        names="batches.meta.txt",
        label_bytes=1,
    ),
    Distribution(
        folder="cifar-100-python",
        train=("train",),
        test="test",
        names="meta",
        label_key="fine_labels",
        names_key="fine_label_names",
    ),
    Distribution(
        folder="cifar-100-binary",
        train=("train.bin",),
        test="test.bin",
        names="fine_label_names.txt",
        label_bytes=2,  # coarse, fine
    ),
)


def identify(folder: str, is_file: Callable[[str], bool]) -> Distribution | None:
    """Which distribution `folder` is, by its name or, when it was renamed, by its files."""
    for one in DISTRIBUTIONS:
        there = [is_file(f"{folder}/{file}" if folder else file) for file in one.files]
        if all(there) or (any(there) and folder.rpartition("/")[2] == one.folder):
            return one
    return None


def open_cifar(source: str, folder: str, distribution: Distribution, read: Read) -> ImageSet:
    """The train and test split; CIFAR-100 with its 100 fine labels. `folder` is a path for `read`.

    Raises InputError for missing or damaged files, and for a pickle that holds anything but plain data and arrays.
    """
    below = f"{folder}/" if folder else ""
    classes = _class_names(distribution, _content(read, below + distribution.names))
    parts: list[Part] = []
    splits: tuple[tuple[Split, tuple[str, ...]], ...] = (("train", distribution.train), ("test", (distribution.test,)))
    for split, files in splits:
        batches = [_batch(distribution, *_content(read, below + file), len(classes)) for file in files]
        planes, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
        images = planes.reshape(-1, PLANES, SIDE, SIDE).transpose(0, 2, 3, 1)
        parts.append(Part(split, np.ascontiguousarray(images), labels))
    return from_parts(source, parts, classes=classes, complete=True)


def _content(read: Read, path: str) -> tuple[str, bytes]:
    try:
        return path, read(path)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or path}: missing; unpack CIFAR's archive again") from error


def _class_names(distribution: Distribution, content: tuple[str, bytes]) -> list[str]:
    file, data = content
    if distribution.names_key:
        names = _unpickled(file, data).get(distribution.names_key)
        names = [_text(name) for name in names] if isinstance(names, list) else []
    else:
        names = data.decode(errors="replace").split()
    if not names or len(set(names)) != len(names):
        raise InputError(f"{file}: it has no class names; unpack CIFAR's archive again")
    return names


def _batch(
    distribution: Distribution, file: str, data: bytes, classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The images of one file, a row of IMAGE_BYTES each, and their labels."""
    images, labels = (_pickled if distribution.label_key else _binary)(distribution, file, data)
    if len(images) != len(labels) or not len(labels):
        raise InputError(f"{file}: {len(images):,} images and {len(labels):,} labels; unpack CIFAR's archive again")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{file}: labels from {labels.min()} to {labels.max()}; must be 0 to {classes - 1}; "
            "unpack CIFAR's archive again"
        )
    return images, labels


def _binary(distribution: Distribution, file: str, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    record = distribution.label_bytes + IMAGE_BYTES
    if len(data) % record:
        raise InputError(f"{file}: {len(data):,} bytes, not a multiple of {record}; unpack CIFAR's archive again")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, record)
    return records[:, -IMAGE_BYTES:], records[:, distribution.label_bytes - 1].astype(np.int64)


def _pickled(distribution: Distribution, file: str, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch = _unpickled(file, data)
    images, labels = batch.get("data"), batch.get(distribution.label_key)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (IMAGE_BYTES,):
        raise InputError(f"{file}: no images x {IMAGE_BYTES} bytes under 'data'; unpack CIFAR's archive again")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise InputError(f"{file}: no list of labels under {distribution.label_key!r}; unpack CIFAR's archive again")
    return images, np.array(labels, dtype=np.int64)


def _unpickled(file: str, data: bytes) -> dict[str, Any]:
    """The dictionary in a pickle, whose keys Python 2 wrote as bytes and Python 3 writes as text."""
    try:
        content = _PlainUnpickler(io.BytesIO(data), file).load()
    except InputError:
        raise
    except Exception as error:  # any at all: a pickle that is damaged asks for operations that fail in any way
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file}: damaged ({why}); unpack CIFAR's archive again") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{file}: contains a {type(content).__name__} instead of a dictionary; unpack CIFAR's archive again"
        )
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _dtype(code: str | bytes, align: object = False, copy: object = False) -> np.dtype[Any]:
    """numpy.dtype as a pickle calls it: Python 2 wrote the flags as numbers, of which numpy 2.4 warns."""
    return np.dtype(_text(code), align=bool(align), copy=bool(copy))


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # how numpy unpickles an array, from the public interface
_FROM_BUFFER = np.empty(1).__reduce_ex__(5)[0]  # the same, since pickle protocol 5
_ALLOWED: Mapping[tuple[str, str], object] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("_codecs", "encode"): codecs.encode,  # how Python 3 writes bytes for Python 2
}


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, text, lists, dictionaries and numpy arrays, and no other object."""

    def __init__(self, data: io.BytesIO, file: str) -> None:
        super().__init__(data, encoding="bytes")
        self._file = file

    def find_class(self, module: str, name: str, /) -> object:
        """The allowed object of that name. Raises InputError for any other: it could run code."""
        if (module, name) not in _ALLOWED:
            raise InputError(
                f"{self._file}: refused because it uses {module}.{name}, which could run code; "
                "CIFAR contains only plain data, so download it again from its authors"
            )
        return _ALLOWED[module, name]
