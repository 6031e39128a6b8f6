"""Ctrl-C and SIGTERM: a run stops at its next safe place, or at once with a word on what is kept."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from resnets.base.errors import Interrupted

SAVE_EVERY = 60.0  # seconds between saves within an epoch: what a kill can cost


class StopRequest:
    """Which signal asked to stop, or None."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_requests() -> Generator[StopRequest]:
    """Catch SIGINT and SIGTERM while the block runs; a second one acts as it would have without us.

    Outside the main thread, where Python delivers no signals, nothing is caught. Handlers are put back at the end.
    """
    request = StopRequest()

    def ask(number: int) -> None:
        request.signal = number

    with _first_signal(ask):
        yield request


@contextmanager
def interrupted_with(message: str) -> Generator[None]:
    """SIGINT and SIGTERM end the block at once, as Interrupted with this message."""

    def stop(number: int) -> None:
        raise Interrupted(message, signal=number)

    with _first_signal(stop):
        yield


@contextmanager
def _first_signal(act: Callable[[int], None]) -> Generator[None]:
    """The first SIGINT or SIGTERM while the block runs goes to `act`, and puts the handlers back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def handle(number: int, _frame: FrameType | None) -> None:
        restore()
        act(number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
