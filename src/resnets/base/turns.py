"""Large files take turns: what all threads together hold of encoded images stays within a bound."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

AT_ONCE = 512 * 2**20  # bytes, as much as a single image file may have
SMALL = 2**20  # bytes of a file that waits for nobody


class _Mine(threading.local):
    """What this thread has taken; None outside a turn."""

    size: int | None = None


_free, _mine = threading.Condition(), _Mine()
_taken = 0  # by all threads


@contextmanager
def turn() -> Generator[None]:
    """While it lasts, this thread holds what it reads; readers call `take` first."""
    if _mine.size is not None:  # within another, which lasts longer
        yield
        return
    _mine.size = 0
    try:
        yield
    finally:
        _give_back()
        _mine.size = None


def take(size: int) -> None:
    """Wait until so many more bytes may be held. Outside a turn, nothing is counted and nobody waits."""
    global _taken
    if _mine.size is None or size <= SMALL:
        return
    wanted = min(_mine.size + size, AT_ONCE)
    _give_back()  # nobody waits with anything in hand
    with _free:
        _free.wait_for(lambda: _taken + wanted <= AT_ONCE)
        _mine.size, _taken = wanted, _taken + wanted


def _give_back() -> None:
    global _taken
    if _mine.size:
        with _free:
            _mine.size, _taken = 0, _taken - _mine.size
            _free.notify_all()
