"""A file -> whatever Python object it holds, known by its content and not by its name. Nothing in it runs."""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from resnets.base.errors import InputError
from resnets.base.reading import read_whole
from resnets.weights import file_kinds, keras_files, torch_formats
from resnets.weights.unpickling import Unreadable

LIMIT = 16 << 30  # bytes of a file of weights
UNPACKED = 100  # times a file's size that it may unpack to: weights hardly compress
ALWAYS = 64 << 20  # bytes that a file of any size may unpack to

WHAT_WORKS = "a checkpoint is a .pth, .pt, .th or .safetensors file of weights by name"


class NoCheckpoint(InputError):  # noqa: N818 - it says what the file is
    """The file is damaged, or something else than a checkpoint. As InputError: one line for the user."""


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """What a file holds, how many bytes it has, and what the user should know of it."""

    content: Any
    size: int
    notes: tuple[str, ...] = ()


def read(path: Path) -> CheckpointFile:
    """What a file of weights holds: safetensors, any format of torch.save, torch.jit.save or Keras, or one as .xz, .gz.

    Raises InputError when the file is missing, and NoCheckpoint, which is one, when it is damaged or something else.
    """
    data = _unpacked(path, _bytes(path))
    content, code = _parsed(path, data)
    shown = ", ".join(code[:3]) + (f" and {len(code) - 3} more" if len(code) > 3 else "")
    notes = (f"the file names {shown}, which is no part of weights; nothing in it was run",) if code else ()
    return CheckpointFile(content, len(data), notes)


def _bytes(path: Path) -> bytes:
    try:
        return read_whole(path, limit=LIMIT)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {WHAT_WORKS}") from None
    except OSError as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({why}); {WHAT_WORKS}, or one as .xz") from error


def _unpacked(path: Path, data: bytes) -> bytes:
    """The bytes of a file that is compressed as a whole, and otherwise `data` itself."""
    limit = may_unpack_to(len(data))
    try:
        if data.startswith(b"\xfd7zXZ\0"):
            with lzma.open(io.BytesIO(data)) as archive:
                unpacked = archive.read(limit + 1)
        elif data.startswith(b"\x1f\x8b"):
            unpacker = zlib.decompressobj(wbits=31)
            unpacked = unpacker.decompress(data, limit + 1)
            if not unpacker.eof and len(unpacked) <= limit:
                raise EOFError("it ends too early")  # noqa: TRY301 - as lzma says it
        elif path.suffix in (".xz", ".gz"):
            raise lzma.LZMAError(f"it is no {path.suffix}")  # noqa: TRY301 - as a damaged one
        else:
            return data
    except (lzma.LZMAError, zlib.error, EOFError) as error:
        what = f"; it is {kind}" if (kind := file_kinds.kind(data)) else ""
        raise NoCheckpoint(f"{path}: cannot be read ({error}){what}; {WHAT_WORKS}, or one as .xz") from error
    _check_unpacked(path, len(data), len(unpacked))
    return unpacked


def may_unpack_to(size: int) -> int:
    """Bytes that a file of `size` bytes may unpack to."""
    return min(max(ALWAYS, UNPACKED * size), LIMIT)


def _check_unpacked(path: Path, size: int, unpacked: int) -> None:
    if unpacked > (limit := may_unpack_to(size)):
        raise NoCheckpoint(
            f"{path}: unpacks to more than {limit:,} bytes from {size:,}, which weights do not; take another copy, "
            "or unpack it yourself"
        )


def _parsed(path: Path, data: bytes) -> torch_formats.Content:
    """What the file holds, by the first format that its content is of."""
    for is_one, parse in _FORMATS:
        if is_one(data):
            try:
                return parse(path, data)
            except Unreadable as error:
                raise NoCheckpoint(
                    f"{path}: refused, since {error}; take another copy, or save a state_dict"
                ) from error
            except MemoryError as error:
                raise NoCheckpoint(f"{path}: asks for more memory than there is; {WHAT_WORKS}") from error
            except (zipfile.BadZipFile, tarfile.TarError, zlib.error, NotImplementedError, EOFError) as error:
                raise NoCheckpoint(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error
            except (RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError, OSError) as error:
                if isinstance(error, InputError):
                    raise
                raise NoCheckpoint(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error
    if what := file_kinds.kind(data):
        raise NoCheckpoint(f"{path}: is {what}, not a checkpoint; {file_kinds.remedy(what)}{WHAT_WORKS}")
    if path.suffix == ".safetensors":
        raise NoCheckpoint(f"{path}: damaged, or not a safetensors file; take another copy")
    raise NoCheckpoint(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}")


def _is_safetensors(data: bytes) -> bool:
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8


def _from_safetensors(path: Path, data: bytes) -> torch_formats.Content:
    try:
        return safetensors.torch.load(data), ()
    except (safetensors.SafetensorError, KeyError) as error:  # a type that torch has no name for
        raise NoCheckpoint(f"{path}: damaged, or not a safetensors file ({error}); take another copy") from error


def _is_zip(data: bytes) -> bool:
    return zipfile.is_zipfile(io.BytesIO(data))


def _from_zip(path: Path, data: bytes) -> torch_formats.Content:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_unpacked(path, len(data), sum(member.file_size for member in archive.infolist()))
        if torch_formats.is_torch(archive):
            return torch_formats.from_zip(data, archive, limit=may_unpack_to(len(data)))
        if "model.weights.h5" in archive.namelist():
            return _from_keras(path, archive, limit=may_unpack_to(len(data)))
        what = file_kinds.zip_kind(archive.namelist())
    raise NoCheckpoint(f"{path}: is {what}, not a checkpoint; {file_kinds.remedy(what)}{WHAT_WORKS}")


def _from_keras(path: Path, archive: zipfile.ZipFile, *, limit: int) -> torch_formats.Content:
    config = archive.read("config.json") if "config.json" in archive.namelist() else None
    return keras_files.from_hdf5(path, archive.read("model.weights.h5"), limit=limit, config=config), ()


def _is_hdf5(data: bytes) -> bool:
    return data.startswith(b"\x89HDF\r\n\x1a\n")


def _from_hdf5(path: Path, data: bytes) -> torch_formats.Content:
    return keras_files.from_hdf5(path, data, limit=may_unpack_to(len(data))), ()


def _is_tar(data: bytes) -> bool:
    return data[257:262] == b"ustar" or data.startswith((b"storages\0", b"tensors\0", b"pickle\0"))


def _from_tar(path: Path, data: bytes) -> torch_formats.Content:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        if torch_formats.is_torch_tar(archive):
            return torch_formats.from_tar(archive, limit=may_unpack_to(len(data)))
    raise NoCheckpoint(f"{path}: is a tar archive, not a checkpoint; unpack it; {WHAT_WORKS}")


def _is_pickle(data: bytes) -> bool:
    """Whether it begins as a pickle does: with a protocol from 2 on, or with what protocols 0 and 1 begin with."""
    if data[:1] == b"\x80":
        return data[1:2] <= b"\x05"
    return data[:1] in (b"(", b"c", b"}", b"]", b"I", b"L") and file_kinds.kind(data) is None


def _from_pickles(_: Path, data: bytes) -> torch_formats.Content:
    return torch_formats.from_pickles(data, limit=may_unpack_to(len(data)))


# A format to add is a line here: how its content begins, and what it holds as tensors by name.
_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[Path, bytes], torch_formats.Content]], ...] = (
    (_is_safetensors, _from_safetensors),
    (_is_tar, _from_tar),
    (_is_pickle, _from_pickles),
    (_is_zip, _from_zip),
    (_is_hdf5, _from_hdf5),
)
