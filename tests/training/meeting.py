"""Processes that meet, fail in the middle of their work, and part: what a test begins in processes of its own."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import nn

from resnets.training.step.synchronized import DistributedDataParallel
from resnets.training.world import World, joined


def part_in_an_error(rank: int, ports: Sequence[int]) -> None:
    """Meet another process at each port in turn. Each meeting ends with an error right after a last exchange.

    Nobody is given the interpreter's lock unless it is given up: a thread that needs it to end has to wait.
    """
    sys.setswitchinterval(60)
    for port in ports:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": str(port),
                       "MASTER_ADDR": "127.0.0.1"}  # fmt: skip
        with suppress(ValueError), joined(torch.device("cpu")) as (world, _):
            _fail(world)


def _fail(world: World) -> None:
    network = DistributedDataParallel(nn.Linear(2, 2))
    network(torch.ones(1, 2)).sum().backward()
    world.gathered(world.rank)
    raise ValueError("asked to stop")
