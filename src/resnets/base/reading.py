"""Only regular files are read, and never past a bound: images as OSError has it, what the user named as InputError."""

import errno
import os
import stat
from pathlib import Path
from typing import IO

from resnets.base.errors import InputError
from resnets.base.turns import take

MAX_FILE = 512 * 2**20  # bytes of an image file; far beyond any photograph

TEXT_LIMIT = 64 << 20  # bytes of a recipe, a list of names or a JSON document

_SPECIAL = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def read_whole(path: str | Path, *, limit: int = TEXT_LIMIT) -> bytes:
    """The bytes of a file that the user named.

    Raises InputError for what is no regular file, and for a file of more than `limit` bytes, before it is read; OSError
    when the system refuses.
    """
    check_regular(path)
    with open_regular(path) as file:
        data = file.read(limit + 1) if os.fstat(file.fileno()).st_size <= limit else None
    if data is None or len(data) > limit:
        raise InputError(f"{path}: has more than {amount(limit)}, the most that is read of such a file; check the name")
    return data


def read_text(path: str | Path, *, limit: int = TEXT_LIMIT) -> str:
    """The text of a UTF-8 file, without a byte order mark. Raises as `read_whole`, and UnicodeDecodeError."""
    return read_whole(path, limit=limit).decode("utf-8-sig").replace("\r\n", "\n")


def check_regular(path: str | Path) -> None:
    """Raise InputError where a pipe, a socket or a device is at `path`, which no reader should open."""
    try:
        kind = special(os.stat(path))  # noqa: PTH116 - of names that no Path can have, too
    except (OSError, ValueError):  # nothing there, which whoever opens it will say
        return
    if kind is not None:
        raise InputError(f"{path}: is {kind}, not a file; only regular files are read, so save it to one first")


def special(status: os.stat_result) -> str | None:
    """What a pipe, a socket or a device is called; None of a file and a folder."""
    return _SPECIAL.get(stat.S_IFMT(status.st_mode))


def amount(size: int) -> str:
    """A number of bytes, in words."""
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size >> 20} MiB" if size >= 1 << 20 else f"{size:,} bytes"


def read_regular(path: str | Path, *, limit: int = MAX_FILE) -> bytes:
    """A file's bytes. Raises OSError for a pipe, a device and the like, and for more than `limit` bytes.

    A file of the kernel's says that it has no bytes, or more than any disk; neither is waited for.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            why = f"{size / 2**20:,.0f} MiB; an image file may have {limit // 2**20} MiB"
            raise OSError(errno.EFBIG, why, str(path))
        take(size)
        return file.read(size)


def head(path: str | Path, count: int) -> bytes:
    """A regular file's first bytes; none of what cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(min(count, os.fstat(file.fileno()).st_size))
    except (OSError, ValueError):
        return b""


def open_regular(path: str | Path) -> IO[bytes]:
    """A regular file, open for reading. Raises OSError for everything else, which is not even opened."""
    _check(Path(path).stat(), path)
    # NONBLOCK: what has become a pipe since then is not waited for either.
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    try:
        _check(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check(status: os.stat_result, path: str | Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        kind = special(status) or "no file"
        raise OSError(errno.EINVAL, f"{kind}, not a regular file", str(path))
