"""How strong a network's signal is after each block: of its activations on the way in, of gradients on the way back."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from resnets.network import ResNet


@dataclass(frozen=True, slots=True)
class BlockNorms:
    """What one block gives, and what comes back to it."""

    name: str  # `layer2.0`
    activation: float  # the root mean square of the numbers that leave the block
    gradient: float  # the length of the loss's gradient with respect to them, of one image, averaged over the images


def block_norms(
    network: ResNet, images: Float[Tensor, "batch channels height width"], labels: Int64[Tensor, " batch"]
) -> tuple[BlockNorms, ...]:
    """The norms after each block, the network normalizing by the batch as it does in training.

    images: normalized, on the network's device. labels: their classes, for the cross-entropy. The network, its running
    statistics and its gradients are as before.
    """
    names = [f"layer{stage}.{index}" for stage, depth in enumerate(network.spec.depths, 1) for index in range(depth)]
    outputs: list[Tensor] = []
    with _in_training(network), _recorded(network, outputs), torch.enable_grad():
        loss = F.cross_entropy(network(images), labels, reduction="sum")  # so that an image's gradient is its own
        gradients = torch.autograd.grad(loss, outputs)
    return tuple(
        BlockNorms(name, output.detach().square().mean().sqrt().item(), gradient.flatten(1).norm(dim=1).mean().item())
        for name, output, gradient in zip(names, outputs, gradients, strict=True)
    )


@contextmanager
def _recorded(network: ResNet, outputs: list[Tensor]) -> Generator[None]:
    """Within, what leaves each block is appended to `outputs`."""

    def hook(_block: Any, _inputs: Any, output: Tensor) -> Tensor:
        outputs.append(output if output.requires_grad else output.requires_grad_())
        return output.clone()  # the next block may change what it is given, in place

    hooks = [block.register_forward_hook(hook) for block in network.blocks()]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


@contextmanager
def _in_training(network: ResNet) -> Generator[None]:
    """Within, the network is in training mode; its buffers and its mode are put back."""
    before, buffers = network.training, {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()
    try:
        yield
    finally:
        network.train(before)
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])
