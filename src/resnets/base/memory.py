"""How much memory this process may use, which in a container is less than the machine has; and giving some back."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resnets.base.cpus import control_groups, text
from resnets.base.errors import InputError
from resnets.base.reading import amount

TRIM_ABOVE, MAP_ABOVE = -1, -3  # glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
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
    with suppress(AttributeError, OSError, TypeError):  # TypeError: Windows has no library without a name
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def kept() -> Iterator[None]:
    """Within, freed memory stays with this process for the next tensor, where the C library can do that (glibc).

    By itself, glibc returns a tensor of more than 32 MiB at once, and the next step gets its memory from the system
    page by page, cleared. That took a fifth of a training step. At the end, what is free goes back to the system.
    """
    try:
        allocate = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none that has a name
        yield
        return
    allocate(MAP_ABOVE, HIGHEST)
    allocate(TRIM_ABOVE, HIGHEST)
    try:
        yield
    finally:
        allocate(MAP_ABOVE, MOST_MAPPED)
        allocate(TRIM_ABOVE, 2 * MOST_MAPPED)
        give_back()
