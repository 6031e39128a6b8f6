"""How much memory this process may use, which in a container is less than the machine has; and giving some back."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from resnets.base.cpus import control_groups, text
from resnets.base.errors import InputError
from resnets.base.reading import amount


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
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
