"""Who computes: as many threads as cores, which decode images and run networks, whatever is waiting.

A batch is what has gathered while all threads were busy, up to the number that its network gains from. Where none is,
an image is computed at once, by all cores.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@runtime_checkable
class Computes(Protocol):
    """A network as a crew runs it. batch: how many images it takes at once, at most."""

    batch: int

    def compute(self, pixels: NDArray[np.uint8], *, alone: bool) -> NDArray[np.float32]:
        """The outputs for images x height x width x channels. alone: whether nobody else needs the cores."""
        ...


@dataclass(eq=False)
class _Waiting:
    """Work whose result somebody awaits."""

    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"

    def resolve(self, result: Any, error: BaseException | None = None) -> None:
        """Tell the result, from any thread."""
        try:
            self.loop.call_soon_threadsafe(self._set, result, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.debug("a result came after the end")

    def _set(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


Told = tuple[_Waiting, Any, BaseException | None]  # who, and a result or an error


@dataclass(eq=False)
class _Call(_Waiting):
    function: Callable[[], Any]

    def run(self) -> list[Told]:
        """What is to be told, and to whom."""
        try:
            return [(self, self.function(), None)]
        except Exception as error:  # goes to whoever waits
            return [(self, None, error)]


@dataclass(eq=False)
class _Pixels(_Waiting):
    network: Computes
    pixels: NDArray[np.uint8]


@dataclass
class _Batch:
    jobs: list[_Pixels]
    alone: bool
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(len(one.pixels) for one in self.jobs)

    def run(self) -> list[Told]:
        """What is to be told, and to whom."""
        try:
            joined = self.jobs[0].pixels if len(self.jobs) == 1 else np.concatenate([one.pixels for one in self.jobs])
            outputs = self.jobs[0].network.compute(joined, alone=self.alone)
        except Exception as error:  # goes to everyone of the batch
            return [(job, None, error) for job in self.jobs]
        ends = list(accumulate(len(job.pixels) for job in self.jobs))
        return [(job, outputs[end - len(job.pixels) : end], None) for job, end in zip(self.jobs, ends, strict=True)]


class Crew:
    """Threads that share all the work of a server.

    Images are decoded until a batch is full or no image waits, and then computed. `watch` is told each batch's size.
    """

    def __init__(self, threads: int, *, watch: Callable[[int], None] | None = None) -> None:
        self.watch = watch
        self._work = threading.Condition()
        self._calls: deque[_Call] = deque()
        self._ready: deque[_Pixels] = deque()
        self._busy = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"resnets-crew-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def call(self, function: Callable[[], Result]) -> Result:
        """The result of `function`, which a thread of the crew calls."""
        loop = asyncio.get_running_loop()
        waiting = _Call(loop, loop.create_future(), function)
        with self._work:
            self._calls.append(waiting)
            self._work.notify()
        return await waiting.future

    async def compute(self, network: Computes, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's outputs for some images, which may share a batch with others' images."""
        loop = asyncio.get_running_loop()
        waiting = _Pixels(loop, loop.create_future(), network, pixels)
        with self._work:
            self._ready.append(waiting)
            self._work.notify()
        return await waiting.future

    def close(self) -> None:
        """End the threads after what they are doing; what still waits is left."""
        with self._work:
            self._closing = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while True:
            with self._work:
                task = self._next()
                while task is None:
                    if self._closing:
                        return
                    self._work.wait()
                    task = self._next()
                self._busy += 1
            if isinstance(task, _Batch) and self.watch is not None:
                self.watch(task.size)
            told = task.run()
            with self._work:  # first, so that whoever is told finds this thread idle
                self._busy -= 1
            for waiting, result, error in told:
                waiting.resolve(result, error)
            del task, told  # with their pixels, while this thread waits

    def _next(self) -> _Call | _Batch | None:
        """What to do now; None where nothing waits. Called with the lock held."""
        self._drop_cancelled()
        if not self._ready:
            return self._calls.popleft() if self._calls else None
        network = self._ready[0].network
        ready = sum(len(one.pixels) for one in self._ready if one.network is network)
        if self._calls and ready < network.batch:
            return self._calls.popleft()
        idle = len(self._threads) - self._busy  # this thread is among them
        share = min(network.batch, -(-ready // max(1, idle)))
        jobs = [self._ready.popleft()]
        size = len(jobs[0].pixels)
        others: deque[_Pixels] = deque()
        while self._ready:
            one = self._ready.popleft()
            if one.network is network and size + len(one.pixels) <= share:
                jobs.append(one)
                size += len(one.pixels)
            else:
                others.append(one)
        self._ready = others
        alone = not self._busy and not others and not self._calls
        return _Batch(jobs, alone)

    def _drop_cancelled(self) -> None:
        """Forget what nobody waits for any more."""
        if any(one.future.done() for one in self._ready):
            self._ready = deque(one for one in self._ready if not one.future.done())
        while self._calls and self._calls[0].future.done():
            self._calls.popleft()
