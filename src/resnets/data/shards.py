"""WebDataset shards -> ImageSet: tar files of images and labels, on a disk, on the web or in an object store.

A sample is the members of a tar whose names are equal up to the first dot: an image, and its label in a .cls member (a
number or a name). Without .cls members the folder of an image is its class. Parquet files are shards, too
(`parquet_shards.py`). Local tars are read where they are, at any place. Of all others a few are at hand at a time.
"""

import hashlib
import tarfile
import tempfile
from array import array
from collections.abc import MutableSequence, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.reading import open_regular
from resnets.data import image_formats, members, parquet_images, parquet_shards, unpacking
from resnets.data.fetching import WEB, fetch
from resnets.data.imageset import ImageSet
from resnets.data.listing import Names, is_hidden, picture_kind
from resnets.data.shard_cache import KEPT, WINDOW, ShardCache
from resnets.data.shard_names import MANIFEST, Shard, read_manifest, shards_named
from resnets.data.stores import is_uri

AHEAD = 4096  # images that batches on their way may be of
SUFFIXES = (".tar", parquet_images.SUFFIX)
LONGEST_LABEL = 4096  # bytes


@dataclass(frozen=True)
class ShardImages:
    """The images in some shards. `near` is the shard of each, where only a few shards are at hand; else None."""

    shards: tuple[Shard, ...]
    paths: Names  # in their shards
    table: NDArray[np.int64]  # a row an image: the shard, where its bytes begin, how many
    cache: ShardCache
    near: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, /) -> bytes:
        """The image's bytes. Raises OSError when its shard is gone, cut short, or does not come."""
        number, start, size = map(int, self.table[index])
        with opened(self.shards, number, self.cache) as file:
            return members.read_tar(file, (start, size), self.name(index))

    def name(self, index: int, /) -> str:
        """The shard's name and the member's, as one path."""
        return f"{self.shards[int(self.table[index][0])].name}/{self.paths[index]}"


def is_sharded(name: str) -> bool:
    """Whether a name means shards: by braces, by being a URI of a tar or Parquet file, or a Parquet file."""
    return name.endswith(SUFFIXES) and ("{" in name or is_uri(name) or name.endswith(parquet_images.SUFFIX))


def holds_samples(tar: str) -> bool:
    """Whether a local tar begins as a shard does: with an image and its label side by side."""
    with open_regular(tar) as file, suppress(InputError):
        if not unpacking.is_compressed(file):
            first = islice(members.tar_members(tar, file), 8)
            return any(member.kind == "file" and member.name.endswith(".cls") for member in first)
    return False


def shards_in(folder: str) -> bool:
    """Whether a local folder holds shards and no class folders: a manifest, or tar and Parquet files alone."""
    if (Path(folder) / MANIFEST).is_file():
        return True
    inside = [path for path in Path(folder).iterdir() if not is_hidden(path.name)]
    found = [path for path in inside if path.name.endswith(SUFFIXES)]
    return bool(found) and not any(path.is_dir() for path in inside)


def open_folder_of_shards(folder: str) -> ImageSet:
    """The images of a folder of shards, local or behind a URI that ends with a slash."""
    top = folder.rstrip("/")
    if is_uri(folder) or (Path(folder) / MANIFEST).is_file():
        manifest = read_manifest(top)
        return open_shards(folder, manifest.shards, manifest.classes)
    names = sorted(path.name for path in Path(folder).iterdir() if path.name.endswith(SUFFIXES))
    return open_shards(folder, shards_named([f"{top}/{name}" for name in names]))


def open_shards(source: str, shards: Sequence[Shard], classes: Sequence[str] = ()) -> ImageSet:
    """The labelled images of shards, in the shards' order.

    classes: what numbers in .cls members mean; without them the numbers are the names. Raises InputError, naming the
    shard, when one is missing, damaged, cut short, or not the one of the manifest, and for images without a label.
    """
    everything = tuple(shards)
    cache = ShardCache(partial(_bring, everything))
    index = _Index()
    for number, shard in enumerate(everything):
        try:
            with opened(everything, number, cache) as file:
                index.add(number, shard, file)
        except OSError as error:
            raise InputError(f"{shard.name}: cannot be read ({error.strerror or error})") from error
    table = np.array(index.table, dtype=np.int64).reshape(-1, 3)
    away = sum(not shard.is_direct for shard in everything)
    cache.kept = max(KEPT, WINDOW + -(-AHEAD * len(everything) // len(table)))
    near = table[:, 0] if away > cache.kept else None
    labels, names = _labels(source, index, tuple(classes))
    return ImageSet(
        name=source, classes=names, images=ShardImages(everything, Names(index.paths), table, cache, near),
        labels=labels, splits=np.array(index.splits, dtype=np.int8), rows=np.arange(len(table)),
        notes=(f"{len(table):,} images in {len(everything):,} shards",),
    )  # fmt: skip


def opened(shards: Sequence[Shard], number: int, cache: ShardCache) -> IO[bytes]:
    """A shard as a tar file. Raises OSError when it cannot be read."""
    shard = shards[number]
    return open_regular(shard.name) if shard.is_direct else cache.opened(number)  # pyright: ignore[reportReturnType]


def _bring(shards: Sequence[Shard], number: int, target: IO[bytes]) -> None:
    """Write a shard that is not at hand to `target`, as a tar. Raises OSError, naming it."""
    shard = shards[number]
    remote = shard.name.startswith(WEB) or is_uri(shard.name)
    if not shard.name.endswith(parquet_images.SUFFIX):
        fetch(shard.name, target)
        _check_whole(shard, target)
    elif not remote:
        with open_regular(shard.name) as file:
            parquet_shards.as_tar(shard.name, file, target)
    else:
        with tempfile.TemporaryFile() as file:
            fetch(shard.name, file)
            parquet_shards.as_tar(shard.name, file, target)


def _check_whole(shard: Shard, file: IO[bytes]) -> None:
    if shard.digest:
        file.flush()
        with open(file.name, "rb") as again:  # noqa: PTH123
            if hashlib.file_digest(again, "sha256").hexdigest() != shard.digest:
                raise OSError(0, "its bytes are not those that the manifest says; copy or write it again", shard.name)


@dataclass
class _Index:
    """The images of shards while they are gathered."""

    paths: list[str] = field(default_factory=list[str])
    table: MutableSequence[int] = field(default_factory=lambda: array("q"))
    splits: MutableSequence[int] = field(default_factory=lambda: array("b"))
    labels: MutableSequence[int] = field(default_factory=lambda: array("q"))  # places in `called`
    called: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, number: int, shard: Shard, file: IO[bytes]) -> None:
        """Record a shard. Raises InputError, naming it, when it is cut short."""
        size = file.seek(0, 2)
        if shard.is_direct and shard.size not in (None, size):
            raise InputError(f"{shard.name}: has {size:,} bytes, and its manifest says {shard.size:,}; copy it again")
        file.seek(0)
        if unpacking.is_compressed(file):
            raise InputError(f"{shard.name}: compressed; no place in it can be found, so unpack it")
        images: list[tuple[str, str, tuple[int, int]]] = []
        given: dict[str, str] = {}
        ends = 0
        for member in members.tar_members(shard.name, file):
            if member.kind != "file":
                continue
            start, length = member.place
            ends = max(ends, start + length)
            folder, _, base = member.name.rpartition("/")
            key, _, suffix = base.partition(".")
            if suffix == "cls":
                file.seek(start)
                given[f"{folder}/{key}"] = file.read(min(length, LONGEST_LABEL)).decode(errors="replace").strip()
            elif not is_hidden(base) and picture_kind(base, partial(members.head, file, member, image_formats.HEAD)):
                members.check_size(f"{shard.name}/{member.name}", length)
                images.append((member.name, f"{folder}/{key}", (start, length)))
        if size < ends + (-ends % tarfile.BLOCKSIZE) + tarfile.BLOCKSIZE:  # an empty block is after the last member
            raise InputError(f"{shard.name}: cut short; copy or write it again")
        if not images:
            raise InputError(f"{shard.name}: no images in it; leave it out")
        for name, key, (start, length) in images:
            label = given.get(key) or key.rpartition("/")[0].rpartition("/")[2]
            if not label:
                raise InputError(
                    f"{shard.name}/{name}: no label; a .cls member, or a folder of the class's name, gives it"
                )
            self.paths.append(name)
            self.table.extend((number, start, length))
            self.splits.append(shard.split)
            self.labels.append(self.called.setdefault(label, len(self.called)))


def _labels(source: str, index: _Index, classes: tuple[str, ...]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Each image's label, and the classes."""
    found = list(index.called)
    numbers = all(label.isdecimal() for label in found)
    if classes and numbers:
        codes = [int(label) for label in found]
        if max(codes) >= len(classes):
            raise InputError(f"{source}: a label is {max(codes)}, but there are {len(classes)} classes")
    else:
        classes = classes or tuple(sorted(found, key=lambda label: (int(label), label) if numbers else (0, label)))
        if missing := set(found) - set(classes):
            raise InputError(f"{source}: the label {min(missing)!r} is none of the manifest's classes")
        place = {label: code for code, label in enumerate(classes)}
        codes = [place[label] for label in found]
    return np.array(codes, dtype=np.int64)[np.array(index.labels, dtype=np.int64)], classes
