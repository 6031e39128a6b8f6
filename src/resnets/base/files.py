"""Files are written whole or not at all: a temporary file, fsync, rename.

Only regular files are replaced: no FIFO, no device, no standard stream.
"""

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from resnets.base.errors import InputError, RunFailed
from resnets.base.locks import held
from resnets.base.reading import special

_SUFFIX = ".part"  # of what is still being written; its name begins with a dot


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write `content` to `path` so that a reader, a crash or a full disk never sees half of it.

    Parent folders are made; a link is followed. Raises InputError for what is there and no regular file, RunFailed,
    leaving any earlier file as it was, when the system refuses.
    """
    # A file name that is not UTF-8 can be in a text; it is written as an escape.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with written_whole(path) as file:
        file.write(data)
    return Path(path)


@contextmanager
def written_whole(
    path: str | Path,
    *,
    within: Path | None = None,
    earlier: Path | None = None,
    instead: str = "choose another place",
) -> Generator[BinaryIO]:
    """A file to write to, which is at `path` once the block has ended well, and is gone when it has not.

    Until then it lies beside `path`, and what killed writers of `path` left there is removed; or it lies in the folder
    `within`, of the same file system, whose leftovers its owner removes. Behind a link it is beside the link's target.
    earlier: where the file that is replaced goes, in the same folder. instead: what the user can do where `path` cannot
    be written. Raises as `write_whole`.
    """
    target = _target(path)
    temporary: Path | None = None
    try:
        if within is None or target != Path(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(target.parent, of=target.name)
            within = target.parent
        file, temporary = _temporary(within, target.name)
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            if earlier is not None:
                _keep(target, earlier)
            temporary.replace(target)
            temporary = None
    except OSError as error:
        raise RunFailed(
            f"{path}: could not be written ({error.strerror or error}), and what was there is unchanged; "
            f"make room, or {instead}"
        ) from error
    finally:
        if temporary is not None:  # a second Ctrl-C comes here too
            temporary.unlink(missing_ok=True)


def write_folder_whole(path: str | Path, files: Mapping[str, bytes | str]) -> Path:
    """Make the folder `path` with these files, by their paths in it, so that nobody ever sees a part of it.

    Parent folders are made. Raises InputError when something is there already, RunFailed when the system refuses.
    """
    import shutil
    import tempfile

    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: already exists; remove it, or choose another place")
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, of=path.name)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent))
        with _opened(temporary) as descriptor:
            held(descriptor)
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


def remove_leftovers(folder: Path, *, of: str = "") -> None:
    """Remove what writers that were killed have left in `folder`, or those of the file called `of`.

    What a writer that lives is writing is locked, and stays.
    """
    import shutil

    begins, left = f".{of}." if of else ".", list[Path]()
    with suppress(OSError), os.scandir(folder) as entries:
        left = [Path(entry) for entry in entries if entry.name.startswith(begins) and entry.name.endswith(_SUFFIX)]
    for path in left:
        with suppress(OSError), _opened(path) as descriptor:
            if held(descriptor) is False:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


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


def _keep(path: Path, earlier: Path) -> None:
    """Let the file at `path`, if there is one, be at `earlier` too, where the file system can; else only there."""
    beside = earlier.with_name(f".{earlier.name}.kept{_SUFFIX}")
    try:
        os.link(path, beside)
        beside.replace(earlier)
    except FileNotFoundError:
        return
    except OSError:  # a file system without links
        path.replace(earlier)


def _temporary(folder: Path, name: str) -> tuple[BinaryIO, Path]:
    """A new file in `folder` to write `name` into, locked as long as it is open."""
    import tempfile

    while True:
        descriptor, made = tempfile.mkstemp(prefix=f".{name}.", suffix=_SUFFIX, dir=folder)
        file, path = os.fdopen(descriptor, "wb"), Path(made)
        with suppress(FileNotFoundError):
            if held(descriptor) is not False and os.path.samestat(os.fstat(descriptor), path.stat()):
                return file, path
        file.close()  # someone took it for a leftover between its making and its locking


@contextmanager
def _opened(path: Path) -> Generator[int]:
    """A file or folder, opened to be locked; never what a link leads to, and no pipe is waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _target(path: str | Path) -> Path:
    """The regular file that is to be at `path`, behind any links. Raises InputError when something else is there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as below
        target = Path(os.path.realpath(path, strict=True)) if os.path.islink(path) else Path(path)  # noqa: PTH114
    except (FileNotFoundError, NotADirectoryError):
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
