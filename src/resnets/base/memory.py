"""How much memory this process may use, which in a container is less than the machine has; and giving some back."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from resnets.base.cpus import control_groups, text
from resnets.base.errors import InputError
from resnets.base.reading import amount

TRIM_ABOVE, MAP_ABOVE = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
HIGHEST = 2**31 - 1  # bytes, all that mallopt takes
MOST_MAPPED = 32 * 2**20  # bytes: where glibc's own threshold ends that grows with what is freed


def check_fits(path: str | Path, size: int) -> None:
    """Raise InputError for what unpacks or reads to more bytes than there is memory."""
    most = usable_memory()
    if size > most:
        raise InputError(
            f"{path}: its arrays need {amount(size)} of memory, and there are {amount(most)}; "
            "save its images as files in a folder for each class, which are read one by one"
        )


def usable_memory() -> int:
    """Bytes of memory that the machine has, at most as many as the control groups of this process may use."""
    return min(_installed(), *_limits())


def _installed() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such question on this system
        return 2**63 - 1


def _limits() -> Iterator[int]:
    yield 2**63 - 1
    for folder in control_groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if (limit := text(folder / name).strip()).isdecimal():
                yield int(limit)


def give_back() -> None:
    """Return freed memory to the system, where the C library keeps it for later (glibc); elsewhere do nothing."""
    with suppress(AttributeError, OSError, TypeError):  # as in _set_limits
        ctypes.CDLL(None).malloc_trim(0)


class _Keeping:
    """How many want freed memory to stay with this process; as long as there is one, it does."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0

    def change(self, by: int) -> None:
        with self.lock:
            before, self.users = self.users, self.users + by
            if not before:
                _set_limits(HIGHEST, HIGHEST)
            elif not self.users:
                _set_limits(MOST_MAPPED, 2 * MOST_MAPPED)
                give_back()


_keeping = _Keeping()


@contextmanager
def kept() -> Iterator[None]:
    """Within, freed memory stays with this process for the next tensor, where the C library can do that (glibc).

    By itself, glibc returns a tensor of more than 32 MiB at once, and the next one gets its memory from the system page
    by page, cleared. That took a fifth of a training step, and a third of a forward pass of resnet50. When the last of
    those that are within leaves, what is free goes back to the system.
    """
    _keeping.change(+1)
    try:
        yield
    finally:
        _keeping.change(-1)


def _set_limits(mapped: int, trimmed: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # another C library, or none that has no name (Windows)
        allocator = ctypes.CDLL(None)
        allocator.mallopt(MAP_ABOVE, mapped)
        allocator.mallopt(TRIM_ABOVE, trimmed)
