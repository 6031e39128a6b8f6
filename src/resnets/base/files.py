"""Files are written whole or not at all: a temporary file, fsync, rename.

Only regular files are replaced: no FIFO, no device, no standard stream.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from resnets.base.errors import InputError, RunFailed
from resnets.base.reading import special


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write `content` to `path` so that a reader, a crash or a full disk never sees half of it.

    Parent folders are made; a link is followed. Raises InputError for what is there and no regular file, RunFailed,
    leaving any earlier file as it was, when the system refuses.
    """
    path, target = Path(path), _target(path)
    # A file name that is not UTF-8 can be in a text; it is written as an escape.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise RunFailed(
            f"{path}: could not be written ({error.strerror or error}), and what was there is unchanged; "
            "make room, or choose another place"
        ) from error
    finally:
        if temporary is not None:  # a second Ctrl-C comes here too
            temporary.unlink(missing_ok=True)
    return path


@contextmanager
def written_whole(path: Path, temporary: Path) -> Generator[BinaryIO]:
    """A file to write to, which is at `path` once the block has ended well, and until then at `temporary`.

    Both must be on one file system; behind a link, `temporary` is beside its target. What an earlier attempt left at
    `temporary` is lost. Raises as `write_whole`.
    """
    target = _target(path)
    if target != Path(path):  # behind a link, and perhaps on another file system
        temporary = target.with_name(f".{target.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise RunFailed(
            f"{path}: could not be written ({error.strerror or error}), and what was there is unchanged; "
            "make room, or choose another place"
        ) from error


def write_folder_whole(path: str | Path, files: Mapping[str, bytes | str]) -> Path:
    """Make the folder `path` with these files, by their paths in it, so that nobody ever sees a part of it.

    Parent folders are made. Raises InputError when something is there already, RunFailed when the system refuses.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: already exists; remove it, or choose another place")
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        for name, content in files.items():
            write_whole(temporary / name, content)
        for folder in (temporary, *(one for one in temporary.rglob("*") if one.is_dir())):
            folder.chmod(0o777 & ~_umask())
        temporary.rename(path)
        temporary = None
    except OSError as error:
        raise RunFailed(f"{path}: could not be created ({error.strerror or error}); choose another place") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove what writers that were killed have left in `folder`, in which nobody else may be writing."""
    for path in folder.glob(".*.part"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def check_place(path: str | Path) -> None:
    """Raise InputError when no file can be written at `path`, before the work whose result it is to hold."""
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    check_parents(Path(path))
    _target(path)


def check_parents(path: Path) -> None:
    """Raise InputError when nothing can be made at `path`: a folder above it is a file, or its name is not UTF-8."""
    if "\udc80" <= max(str(path)) <= "\udcff":  # what Python makes of such bytes; safetensors cannot open them
        raise InputError(f"{path}: the name is not UTF-8; choose another")
    blocking = next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), None)
    if blocking is not None:
        raise InputError(f"{path}: cannot be written because {blocking} is a file; choose another place")


def _target(path: str | Path) -> Path:
    """The regular file that is to be at `path`, behind any links. Raises InputError when something else is there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as below
        target = Path(os.path.realpath(path, strict=True)) if os.path.islink(path) else Path(path)  # noqa: PTH114
    except FileNotFoundError:
        return Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)  # noqa: PTH114 - names no Path has
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be written ({why}); choose another place") from error
    kind = special(found)
    if kind is None and _is_standard_stream(found):
        kind = "where standard output or standard error goes"
    if kind is not None:
        raise InputError(f"{path}: is {kind} and is not replaced; name a regular file, or leave the option out")
    return target


def _is_standard_stream(found: os.stat_result) -> bool:
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and os.path.samestat(found, os.fstat(stream.fileno())):
                return True
        except (OSError, ValueError):  # closed, or no file of the system's
            continue
    return False


def _umask() -> int:
    """The process's file-mode mask, read the only portable way there is: set and set back."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
