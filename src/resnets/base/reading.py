"""Files that others gave are read only if they are regular ones, and never past a bound."""

import errno
import os
import stat
from pathlib import Path
from typing import IO

MAX_FILE = 512 * 2**20  # bytes of an image file; far beyond any photograph

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_regular(path: str | Path, *, limit: int = MAX_FILE) -> bytes:
    """A file's bytes. Raises OSError for a pipe, a device and the like, and for more than `limit` bytes.

    A file of the kernel's says that it has no bytes, or more than any disk; neither is waited for.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            why = f"{size / 2**20:,.0f} MiB; an image file may have {limit // 2**20} MiB"
            raise OSError(errno.EFBIG, why, str(path))
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
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "no file")
        raise OSError(errno.EINVAL, f"{kind}, not a regular file", str(path))
