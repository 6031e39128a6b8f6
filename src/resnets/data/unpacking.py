"""Compressed tar archives, unpacked once; never more than they may sensibly hold."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import IO

from resnets.base.errors import InputError
from resnets.data.members import MAX_EXPANSION, UNPACKED_FREELY

_COMPRESSED: Mapping[bytes, Callable[[IO[bytes]], io.BufferedIOBase]] = {  # by a file's first bytes
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


def is_compressed(file: IO[bytes]) -> bool:
    """Whether `file` begins as gzip, bzip2 or xz do, whatever it is called. It is left at its beginning."""
    return _opener(file) is not None


def unpack(archive: str, size: int, packed: IO[bytes], target: IO[bytes]) -> None:
    """Write to `target` what is compressed in `packed`, a file of `size` bytes.

    Raises InputError when it is damaged or expands like a bomb, and OSError when `target` cannot be written.
    """
    limit = max(UNPACKED_FREELY, MAX_EXPANSION * size)
    opener = _opener(packed)
    assert opener is not None  # the caller has asked is_compressed
    with opener(packed) as unpacked:
        while chunk := _next_chunk(archive, unpacked):
            _check_expansion(archive, target.tell() + len(chunk), limit)
            target.write(chunk)


def _opener(file: IO[bytes]) -> Callable[[IO[bytes]], io.BufferedIOBase] | None:
    first = file.read(6)
    file.seek(0)
    return next((opener for magic, opener in _COMPRESSED.items() if first.startswith(magic)), None)


def _check_expansion(archive: str, size: int, limit: int) -> None:
    if size > limit:
        raise InputError(
            f"{archive}: expands to more than {limit / 2**30:.0f} GiB, over {MAX_EXPANSION} times its own size; "
            "if that is right, unpack it and give the folder"
        )


def _next_chunk(archive: str, packed: io.BufferedIOBase) -> bytes:
    try:
        return packed.read(2**20)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"{archive}: damaged or cut short ({error}); copy or make it again") from error
