"""A lock that the system releases when its process ends, however it ends."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from resnets.base.errors import InputError, RunFailed

_descriptors = set[int]()  # of the locks that this process holds


@contextmanager
def locked(path: Path, *, busy: str) -> Generator[None]:
    """Hold the lock file `path` while the block runs; it is gone afterwards. Its folder is made.

    Raises InputError with the message `busy` while someone else holds it, RunFailed when it cannot be written.
    """
    try:
        file = _opened(path)
    except OSError as error:
        raise RunFailed(f"{path.parent}: cannot be written ({error.strerror or error})") from error
    if file is None:
        raise InputError(busy)
    with file:
        _descriptors.add(file.fileno())
        try:
            yield
        finally:
            _descriptors.remove(file.fileno())
            with suppress(OSError):
                path.unlink()


def _opened(path: Path) -> BinaryIO | None:
    """The lock file, locked; None where someone else has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        if held(file.fileno()) is False:
            file.close()
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # whoever had it has removed it between our opening and our locking


def held(descriptor: int) -> bool | None:
    """Lock an open file until it is closed or its process ends; whether that went, None where there are no such locks.

    False: someone else has locked it.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks
        return None
    return True


def _let_go() -> None:
    """In a process that was forked: locks are its parent's alone, which else would outlive a parent that is killed."""
    for descriptor in _descriptors:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
    _descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
