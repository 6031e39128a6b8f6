"""A network whose gradients several processes average: torch's DistributedDataParallel around one forward pass."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.training.world import World

Forward = Callable[[Tensor], Tensor]


class Pass(nn.Module):
    """A forward pass in training, in which all but the last layer may be frozen."""

    def __init__(self, network: ResNet, forward: Forward) -> None:
        super().__init__()
        self.network = network
        self._forward = (forward,)  # in a tuple, since a compiled network would count as a second one

    def forward(self, images: Tensor, *, frozen: bool) -> Tensor:
        if not frozen:
            return self._forward[0](images)
        with torch.no_grad():
            features = self.network.features(images)
        return self.network.classify(features)


def synchronized(one: Pass) -> DistributedDataParallel:
    """The pass, whose gradients are averaged over all processes while they are computed.

    Begins with the first process's weights. Statistics of batch norms stay each process's own. What learns must not
    change afterwards.
    """
    known = inspect.signature(DistributedDataParallel).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # before torch 2.13
    settings: dict[str, Any] = {name: False}
    return DistributedDataParallel(one, **settings)


def unsynchronized(one: nn.Module) -> AbstractContextManager[Any]:
    """Within, gradients are summed up in each process, and not yet averaged."""
    return one.no_sync() if isinstance(one, DistributedDataParallel) else nullcontext()


def with_shared_norms(network: ResNet, world: World) -> None:
    """Let batch norms measure the images of all processes, in place. Raises InputError where torch can't: on a CPU."""
    if world.is_alone:
        return
    if network.fc.weight.device.type != "cuda":
        raise InputError("sync_norms: batch norms are shared between GPUs only; leave it out on a CPU")
    nn.SyncBatchNorm.convert_sync_batchnorm(network)
