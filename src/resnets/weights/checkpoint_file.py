"""A file -> whatever Python object it holds, with nothing in it run."""

import io
import lzma
import zipfile
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from resnets.base.errors import InputError
from resnets.base.reading import read_whole
from resnets.weights.unpickling import WHAT_WORKS, unpickled

LIMIT = 16 << 30  # bytes of a file of weights
UNPACKED = 100  # times a file's size that it may unpack to: weights hardly compress
ALWAYS = 64 << 20  # bytes that a file of any size may unpack to


def read(path: Path) -> tuple[Any, int]:
    """What a .pth, .pt, .th or .safetensors file holds (or one of them as .xz), and how many bytes it has.

    Raises InputError when the file is missing, damaged, or no checkpoint.
    """
    data = _bytes(path)
    return _parsed(path, data), len(data)


def _bytes(path: Path) -> bytes:
    """The file's bytes, unpacked where it is an .xz."""
    try:
        data = read_whole(path, limit=LIMIT)
        if path.suffix != ".xz":
            return data
        limit = may_unpack_to(len(data))
        with lzma.open(io.BytesIO(data)) as archive:
            unpacked = archive.read(limit + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {WHAT_WORKS}") from None
    except (OSError, lzma.LZMAError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({why}); {WHAT_WORKS}, or one as .xz") from error
    _check_unpacked(path, len(data), len(unpacked))
    return unpacked


def may_unpack_to(size: int) -> int:
    """Bytes that a file of `size` bytes may unpack to."""
    return min(max(ALWAYS, UNPACKED * size), LIMIT)


def _check_unpacked(path: Path, size: int, unpacked: int) -> None:
    if unpacked > (limit := may_unpack_to(size)):
        raise InputError(
            f"{path}: unpacks to more than {limit:,} bytes from {size:,}, which weights do not; take another copy, "
            "or unpack it yourself"
        )


def _parsed(path: Path, data: bytes) -> Any:
    """What the file holds, with nothing in it run."""
    if path.suffix == ".xz":
        path = path.with_suffix("")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load(data)
        except (safetensors.SafetensorError, KeyError) as error:  # a type that torch has no name for
            raise InputError(f"{path}: damaged, or not a safetensors file ({error}); take another copy") from error
    if zipfile.is_zipfile(io.BytesIO(data)):  # as torch.save writes since 1.6
        _check_unpacked(path, len(data), _members(path, data))
    return unpickled(path, data)


def _members(path: Path, data: bytes) -> int:
    """Bytes that the members of a zip archive say they unpack to."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error
