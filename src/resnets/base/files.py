"""Files are written whole or not at all: a temporary file beside the target, fsync, rename."""

import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from resnets.base.errors import InputError, RunFailed


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write `content` to `path` so that a reader, a crash or a full disk never sees half of it.

    Parent folders are made. Raises RunFailed, leaving any earlier file as it was, when the system refuses.
    """
    path = Path(path)
    # A file name that is not UTF-8 can be in a text; it is written as an escape.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise RunFailed(
            f"{path}: could not be written ({error.strerror or error}), and nothing that was there has changed; "
            "make room, or choose another place"
        ) from error
    finally:
        if temporary is not None:  # a second Ctrl-C comes here too
            temporary.unlink(missing_ok=True)
    return path


@contextmanager
def written_whole(path: Path, temporary: Path) -> Generator[BinaryIO]:
    """A file to write to, which is at `path` once the block has ended well, and until then at `temporary`.

    Both must be on one file system. What an earlier attempt left at `temporary` is lost. Raises RunFailed, leaving any
    earlier file as it was, when the system refuses.
    """
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RunFailed(
            f"{path}: could not be written ({error.strerror or error}), and nothing that was there has changed; "
            "make room, or choose another place"
        ) from error


def write_folder_whole(path: str | Path, files: Mapping[str, bytes | str]) -> Path:
    """Make the folder `path` with these files, by their paths in it, so that nobody ever sees a part of it.

    Parent folders are made. Raises InputError when something is there already, RunFailed when the system refuses.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: is already here; remove it, or choose another place")
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
        raise RunFailed(f"{path}: could not be made ({error.strerror or error}); choose another place") from error
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
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    check_parents(path)


def check_parents(path: Path) -> None:
    """Raise InputError when nothing can be made at `path`: a folder above it is a file, or its name is not UTF-8."""
    if "\udc80" <= max(str(path)) <= "\udcff":  # what Python makes of such bytes; safetensors cannot open them
        raise InputError(f"{path}: a name that is not UTF-8; choose another")
    blocking = next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), None)
    if blocking is not None:
        raise InputError(f"{path}: cannot be written, since {blocking} is a file; choose another place")


def _umask() -> int:
    """The process's file-mode mask, read the only portable way there is: set and set back."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
