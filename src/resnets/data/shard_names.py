"""Which shards a name means, and what a manifest says of them."""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from resnets.base.errors import InputError
from resnets.base.reading import read_whole
from resnets.data.fetching import fetch
from resnets.data.imageset import SPLITS
from resnets.data.split_folders import split_of
from resnets.data.stores import is_uri

MANIFEST = "manifest.json"
FORMAT = 1
MOST = 100_000  # shards that one name means

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Shard:
    """One shard, and what a manifest says of it."""

    name: str  # a path or a URI
    split: int  # an index into SPLITS, or -1
    size: int | None = None  # in bytes
    digest: str = ""  # SHA-256

    @property
    def is_direct(self) -> bool:
        """Whether any place in it can be read where it is."""
        return not is_uri(self.name) and self.name.endswith(".tar")


@dataclass(frozen=True)
class Manifest:
    """What `resnets shard` says of what it wrote."""

    classes: tuple[str, ...]
    shards: tuple[Shard, ...]


def expanded(pattern: str) -> list[str]:
    """The names that braces mean, in order: shards/{000..099}.tar is a hundred, {train,val}.tar two.

    Raises InputError for more than MOST.
    """
    pieces = _BRACES.split(pattern)
    choices = [_choices(piece) if place % 2 else [piece] for place, piece in enumerate(pieces)]
    if np.prod([len(one) for one in choices], dtype=float) > MOST:
        raise InputError(f"{pattern}: means more than {MOST:,} shards; check the numbers")
    return ["".join(one) for one in product(*choices)]


def _choices(inside: str) -> list[str]:
    if found := _RANGE.fullmatch(inside):
        first, last = int(found[1]), int(found[2])
        if abs(last - first) >= MOST:
            raise InputError(f"{{{inside}}}: means more than {MOST:,} shards; check the numbers")
        step = 1 if last >= first else -1
        return [f"{number:0{len(found[1])}}" for number in range(first, last + step, step)]
    return inside.split(",")


def shards_named(names: Sequence[str]) -> list[Shard]:
    """Shards by their names, which also say the split: train-000.tar, data/validation-00000-of-00002.parquet."""
    stems = (name.rpartition("/")[2].rpartition(".")[0] for name in names)
    found = (split_of(re.sub(r"\d+", " ", stem)) for stem in stems)
    return [Shard(name, -1 if split is None else SPLITS.index(split)) for name, split in zip(names, found, strict=True)]


def read_manifest(folder: str) -> Manifest:
    """A folder's manifest. Raises InputError when it is not there, damaged, or of another format."""
    name = f"{folder}/{MANIFEST}"
    try:
        values: dict[str, Any] = json.loads(_content(name))
        if values["format"] != FORMAT:
            raise InputError(f"{name}: format {values['format']}; this version of resnets reads format {FORMAT}")
        shards = tuple(
            Shard(
                f"{folder}/{one['name']}",
                SPLITS.index(one["split"]) if one["split"] else -1,
                one["bytes"],
                one["sha256"],
            )
            for one in values["shards"]
        )
        return Manifest(tuple(map(str, values["classes"])), shards)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}); `resnets shard` writes it") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: damaged, or not written by `resnets shard` ({error})") from error


def _split(name: str) -> int:
    return SPLITS.index(name) if name in SPLITS else -1


def _content(name: str) -> bytes:
    if not is_uri(name):
        return read_whole(name)
    file = io.BytesIO()
    fetch(name, file)
    return file.getvalue()
