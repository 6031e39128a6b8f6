"""Processes that decode images into memory they share with this one, so that no decoding waits for its interpreter.

The images of a few batches are on their way at any time, in pieces: this process writes into a slot of the shared
memory which images a piece is of, with their random numbers, and sends the slot's number to a worker, which writes the
pixels there. A worker that dies, raises or hangs ends the run with the name of the file it was at.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from resnets.base import turns
from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError, RunFailed
from resnets.data.slots import PIECE, Shared, Slot

log = logging.getLogger(__name__)

AHEAD = 2  # batches that are decoded early
QUEUED = 2  # pieces for each worker beyond those: one that it is at, and one that it goes on with at once
FEWEST_CPUS = 4  # with fewer, threads that seldom wait for each other are as fast
HANGS = 25.0  # seconds that this process waits for one image before it gives a worker up
LONGEST_WAIT = 1.0  # seconds, between looks at all workers
ENDS = 2.0  # seconds that a worker has to end by itself
RESUME = "the same command with --resume goes on from where the run was saved"
LOOKS = 5.0  # seconds between a worker's looks at whether this process still lives

Drawn = tuple[NDArray[np.int64], NDArray[np.float32]]  # rows of a batch, and their random numbers


def usual_workers(*, share: int = 1) -> int:
    """How many processes pay on this machine; 0 where threads are as fast. share: trainings that share it."""
    cpus = usable_cpus() // share
    return cpus if cpus >= FEWEST_CPUS else 0


def can_be_sent(decoder: "Decoder") -> bool:
    """Whether new processes can be given it. Those that are forks of this one have it already."""
    if multiprocessing.get_start_method() == "fork":
        return True
    try:
        pickle.dumps(decoder)
    except (TypeError, AttributeError, pickle.PicklingError):
        log.info("this source of images cannot be shared among processes here; threads decode them")
        return False
    return True


@runtime_checkable
class Decoder(Protocol):
    """What a worker is given: it makes one image of a row, and its random numbers."""

    images: Any

    def pixels(self, row: int, numbers: NDArray[np.float32], size: int) -> UInt8[np.ndarray, "size size channels"]: ...


@dataclass
class Worker:
    """One process, the connection to it, and the slots that it has not given back yet."""

    number: int
    process: BaseProcess
    connection: Connection
    slots: deque[int] = field(default_factory=deque)
    seen: int = -1  # how many images it had begun when it was last looked at
    waited: float = 0.0  # seconds that this process has waited since it began the last one


class Workers:
    """Processes that decode what `batches` asks for. They begin with the first batch, and end with `close`."""

    def __init__(self, decoder: Decoder, count: int, *, channels: int = 3, context: BaseContext | None = None) -> None:
        """context: of `multiprocessing`, with the way to start a process; the platform's usual one if left out."""
        self.decoder, self.count, self.channels = decoder, count, channels
        self.context = context or multiprocessing.get_context()
        self._shared: Shared | None = None
        self._crew: list[Worker] = []
        self._free: list[int] = []
        self._done: set[int] = set()

    def batches(self, drawn: Iterable[Drawn], count: int, size: int) -> Iterator[Tensor]:
        """The images of each batch of `count`, at `size` pixels a side, in order.

        Raises InputError for an image that cannot be used, and RunFailed when a worker dies or hangs.
        """
        pieces = -(-count // PIECE)
        shared = self._begun(AHEAD * pieces + QUEUED * self.count, size)
        try:
            coming = (piece for rows, numbers in drawn for piece in _pieces(rows, numbers))
            sent = deque(self._sent(shared, coming, size))
            while sent:
                pixels = torch.empty((count, size, size, self.channels), dtype=torch.uint8)
                for start in range(0, count, PIECE):
                    number = sent.popleft()
                    self._wait_for(number)
                    pixels[start : start + PIECE] = torch.from_numpy(shared.slot(number).pixels)
                    self._done.remove(number)
                    self._free.append(number)
                    sent.extend(self._sent(shared, coming, size))
                yield pixels
        except GeneratorExit:
            raise
        except BaseException:
            self.close(at_once=True)
            raise

    def close(self, *, at_once: bool = False) -> None:
        """End the workers; at once, or when each has done what it was sent."""
        for worker in self._crew:
            with suppress(OSError):
                worker.connection.send(None)
            if at_once:
                worker.process.terminate()
        patience = time.monotonic() + ENDS
        for worker in self._crew:
            worker.process.join(max(0.0, patience - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._crew, self._shared = [], None

    def _begun(self, slots: int, size: int) -> Shared:
        """The shared memory, with all slots free and workers that wait."""
        shared = self._shared
        if shared is not None and (shared.slots < slots or shared.size < size):
            self.close()
        if self._shared is None:
            shared = self._shared = Shared.of(self.context, slots, size, self.channels, self.count)
            self._crew = [self._worker(number, shared) for number in range(self.count)]
        assert shared is not None
        for worker in self._crew:  # what an epoch that was left early still had coming
            while worker.slots:
                self._look()
        self._free, self._done = list(range(shared.slots)), set()
        return shared

    def _worker(self, number: int, shared: Shared) -> Worker:
        shared.array("at", np.int64)[number] = -1
        ours, theirs = self.context.Pipe()
        arguments = (self.decoder, shared, number, theirs, os.getpid())
        process: BaseProcess = self.context.Process(  # pyright: ignore[reportAttributeAccessIssue] # each context has one
            target=_work, args=arguments, name=f"resnets-decoding-{number}", daemon=True
        )
        process.start()
        theirs.close()
        return Worker(number, process, ours)

    def _sent(self, shared: Shared, coming: Iterator[Drawn], size: int) -> Iterator[int]:
        """Send pieces while there are free slots, each to the worker that has least to do."""
        while self._free and (piece := next(coming, None)) is not None:
            number = self._free.pop()
            shared.write(number, *piece, size)
            worker = min(self._crew, key=lambda one: len(one.slots))
            worker.slots.append(number)
            with suppress(OSError):  # a worker that is dead, which whoever waits for it will say
                worker.connection.send(number)
            yield number

    def _wait_for(self, number: int) -> None:
        while number not in self._done:
            self._look()

    def _look(self) -> None:
        """Take what workers have done; wait for something to be done, for a little while."""
        waiting: list[Any] = [one.connection for one in self._crew] + [one.process.sentinel for one in self._crew]
        began = time.monotonic()
        ready = wait(waiting, timeout=LONGEST_WAIT)
        waited = min(time.monotonic() - began, LONGEST_WAIT)  # longer: all processes were stopped for a while
        for worker in self._crew:
            is_dead = not worker.process.is_alive()  # asked first, so that what it said before it ended is heard
            if worker.connection in ready:
                self._take(worker)
            if worker.slots and is_dead:
                raise RunFailed(f"{self._reader(worker)} was killed or crashed, perhaps for lack of memory; {RESUME}")
            self._check_time(worker, waited)

    def _take(self, worker: Worker) -> None:
        """Take all that a worker has said, and raise its error if that is among it."""
        with suppress(EOFError, OSError):  # it has ended, which whoever looks will see
            while worker.connection.poll():
                answer = worker.connection.recv()
                if isinstance(answer, BaseException):
                    raise answer
                worker.slots.remove(answer)
                self._done.add(answer)

    def _check_time(self, worker: Worker, waited: float) -> None:
        assert self._shared is not None
        at, begun = self._row(worker), int(self._shared.array("begun", np.int64)[worker.number])
        worker.waited = worker.waited + waited if at >= 0 and begun == worker.seen else 0.0
        worker.seen = begun
        if worker.waited > HANGS:
            name = self.decoder.images.image_name(at)
            raise RunFailed(
                f"{name}: still being read after {HANGS:.0f} seconds; check that its disk or network answers; {RESUME}"
            )

    def _reader(self, worker: Worker) -> str:
        row = self._row(worker)
        if row < 0:
            return "a process that decodes images"
        return f"{self.decoder.images.image_name(row)}: the process that read it"

    def _row(self, worker: Worker) -> int:
        """What the worker is at; -1: nothing."""
        assert self._shared is not None
        return int(self._shared.array("at", np.int64)[worker.number])


def _pieces(rows: NDArray[np.int64], numbers: NDArray[np.float32]) -> Iterator[Drawn]:
    for start in range(0, len(rows), PIECE):
        yield rows[start : start + PIECE], numbers[start : start + PIECE]


def _work(decoder: Decoder, shared: Shared, number: int, connection: Connection, parent: int) -> None:
    """What a worker does until it is told to end, or until whoever began it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    turns.AT_ONCE //= shared.workers  # what all of them hold together stays as it was
    at, begun = shared.array("at", np.int64)[number:], shared.array("begun", np.int64)[number:]
    try:
        while (slot := _next(connection, parent)) is not None:
            try:
                _fill(decoder, shared.slot(slot), at, begun)
            except Exception as error:  # whatever it is, the first process says it
                connection.send(_portable(error, decoder, int(at[0])))
                return
            at[0] = -1
            connection.send(slot)
    except (EOFError, OSError):  # the first process is gone
        return


def _next(connection: Connection, parent: int) -> int | None:
    while not connection.poll(LOOKS):
        if os.getppid() != parent:
            return None
    return connection.recv()


def _fill(decoder: Decoder, slot: Slot, at: NDArray[np.int64], begun: NDArray[np.int64]) -> None:
    for index, row in enumerate(slot.rows.tolist()):
        at[0], begun[0] = row, begun[0] + 1
        slot.pixels[index] = decoder.pixels(row, slot.numbers[index], slot.size)


def _portable(error: Exception, decoder: Decoder, row: int) -> Exception:
    """The error, if it is ours; else one of ours that says what it was, since not every error can be sent."""
    if isinstance(error, InputError | RunFailed):
        with suppress(Exception):
            pickle.dumps(error)
            return error
    return RunFailed(f"{decoder.images.image_name(row)}: {type(error).__name__}: {error}")
