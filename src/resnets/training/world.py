"""The processes that train one network together, as `torchrun` begins them, and what they tell each other.

Each takes its part of every step's images. Only the first writes files and says how the run goes.
"""

import gc
import itertools
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, TCPStore  # pyright: ignore[reportPrivateImportUsage] # torch documents them

from resnets.base.errors import InputError, RunFailed
from resnets.base.launch import is_launched

log = logging.getLogger(__name__)

T = TypeVar("T")
PATIENCE = timedelta(hours=2)  # that processes wait for each other: the first may fit a probe or time ways to compute


@dataclass(frozen=True)
class World:
    """How many processes there are, and which of them this one is. By default it is alone."""

    rank: int = 0
    size: int = 1
    on_host: int = 1  # how many of them are on this machine
    restarts: int = 0  # how often all were begun again, since one had died

    @property
    def is_first(self) -> bool:
        """Whether this one writes and speaks for all."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        return self.size == 1

    def part(self, count: int) -> slice:
        """This process's part of `count` images that stand in order; the first parts may have an image more."""
        each, left = divmod(count, self.size)
        start = self.rank * each + min(self.rank, left)
        return slice(start, start + each + (self.rank < left))

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives the first process, given to all. Where it raises there, all raise."""
        if self.is_alone:
            return make()
        held: list[Any] = [None, None]
        if self.is_first:
            try:
                held = [make(), None]
                pickle.dumps(held)
            except BaseException as error:
                dist.broadcast_object_list([None, f"{type(error).__name__}: {error}"])
                raise
        dist.broadcast_object_list(held)
        if held[1] is not None:
            raise RunFailed(f"process {self.rank}: the first process failed ({held[1]})")
        return held[0]

    def first_then(self, first: Callable[[], T], others: Callable[[], T]) -> T:
        """What `first` gives the first process, and afterwards `others` the other ones. Where it raises, all raise."""
        found: list[T] = []
        self.from_first(lambda: found.append(first()))
        return found[0] if found else others()

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if not self.is_alone:
            dist.all_reduce(values)
        return values

    def gathered(self, value: T) -> list[T]:
        """Every process's value, in the order of their ranks."""
        if self.is_alone:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found

    def as_first(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors the values that they have in the first process."""
        if not self.is_alone:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)


ALONE = World()


@contextmanager
def joined(device: torch.device) -> Generator[tuple[World, torch.device]]:
    """The world this process was begun in, and the device to compute on: of several GPUs, its own.

    Outside `torchrun` it is alone. Raises InputError where a machine has fewer GPUs than processes.
    """
    if not is_launched():
        yield ALONE, device
        return
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    on_host, restarts = (int(os.environ.get(name, default)) for name, default in _OPTIONAL)
    world = World(rank, size, on_host, restarts)
    if device.type == "cuda":
        if local >= torch.cuda.device_count():
            raise InputError(
                f"torchrun: {on_host} processes on this machine, which has {torch.cuda.device_count()} GPUs; give "
                f"--nproc-per-node {torch.cuda.device_count()}, or --device cpu"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    elif device.type != "cpu":
        raise InputError(f"device {device.type}: several processes train on CPUs or CUDA GPUs; --device cpu")
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE, **_meeting(world, next(_meetings)))
    try:
        if world.is_first and size > 1:
            log.info("%d processes train together, %d on this machine", size, on_host)
        yield world, device
    except RuntimeError as error:
        if size > 1 and _is_loss(error):
            raise RunFailed(
                f"process {rank}: another process ended, whose message says why; torchrun --max-restarts begins all "
                "again, and they go on from the last checkpoint"
            ) from error
        raise
    finally:
        _free_reducers(sys.exception())
        dist.destroy_process_group()


def _free_reducers(error: BaseException | None) -> None:
    """Free what may still hold the process group, also in the frames that the error came through.

    Whoever is the last to hold it waits for its thread, which needs the interpreter's lock to end. `dist` gives up the
    lock meanwhile; a reducer of DistributedDataParallel does not, and would wait forever (torch 2.13).
    """
    if error is not None:
        traceback.clear_frames(error.__traceback__)
    gc.collect()


_meetings = itertools.count()


def _meeting(world: World, number: int) -> dict[str, Any]:
    """Where the processes find each other, if not where torch looks by itself.

    torchrun's store still holds the addresses of processes that have died, and of an earlier meeting (torch 2.13). So
    names begin with the number of the attempt and of the meeting.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, is_master=False, timeout=PATIENCE)
    own = PrefixStore(f"resnets/{world.restarts}/{number}", store)
    return {"store": own, "rank": world.rank, "world_size": world.size}


def _is_loss(error: RuntimeError) -> bool:
    """Whether the others cannot be reached, as torch says it."""
    if isinstance(error, dist.DistError):
        return True
    said = str(error)
    return any(words in said for words in ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL"))


_OPTIONAL = (("LOCAL_WORLD_SIZE", "1"), ("TORCHELASTIC_RESTART_COUNT", "0"))
