"""Long computations, one at a time, in a thread beside the crew's."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from resnets.serve.limits import busy

Result = TypeVar("Result")


class Lone:
    """A thread that has one computation or none: who comes meanwhile is sent away. Used by one event loop."""

    def __init__(self, meanwhile: str) -> None:
        """meanwhile: the sentence for whoever comes while the thread computes."""
        self.meanwhile = meanwhile
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="resnets-lone")
        self._running: Future[Any] | None = None

    def check_free(self) -> None:
        """Raise Refused (503) while the thread computes, also for someone who no longer waits."""
        if self._running is not None and not self._running.done():
            raise busy(self.meanwhile)

    async def call(self, function: Callable[[], Result]) -> Result:
        """The result of `function`, which the thread calls. Raises Refused (503) while it computes."""
        self.check_free()
        self._running = future = self._thread.submit(function)
        try:
            return await asyncio.wrap_future(future)
        finally:
            if future.done():
                self._running = None  # with the result, which can be large

    def close(self) -> None:
        """End the thread after what it is doing."""
        self._thread.shutdown()
