"""Stochastic depth: in training, the residual branches of single images are left out (Huang et al. 2016).

A block then passes on its shortcut. It is no part of the network: hooks do it, while a context manager is open, so
parameter names, evaluation and export know nothing of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.data import augmentation
from resnets.network import ResNet


def drop_rates(blocks: int, rate: float) -> tuple[float, ...]:
    """How likely each block's residual branch is left out: from 0 at the first, in a line, to `rate` at the last."""
    return tuple(rate * block / max(1, blocks - 1) for block in range(blocks))


def uniform(images: int, blocks: int, *, seed: int, epoch: int, step: int) -> Float32[np.ndarray, "images blocks"]:
    """The random numbers of one batch, in [0, 1), as a function of its place in the run.

    step: which batch of the epoch; processes that train together must each count batches of their own.
    """
    return augmentation.generator(seed, epoch, augmentation.DEPTH, step).random((images, blocks), dtype=np.float32)


def branch_scales(
    numbers: Float32[np.ndarray, "images blocks"], rates: Sequence[float]
) -> Float[Tensor, "images blocks"]:
    """What each residual branch is multiplied by: 0 where it is left out, 1 / (1 - rate) elsewhere, 1 on average."""
    keep = (1 - np.asarray(rates)).astype(np.float32)
    scales = np.divide(1, keep, out=np.zeros_like(keep), where=keep > 0)
    return torch.from_numpy(np.where(numbers < keep, scales, np.float32(0)))


class StochasticDepth:
    """What the residual branches of the batch in training are multiplied by."""

    def __init__(self, blocks: int, rate: float) -> None:
        self.rates = drop_rates(blocks, rate)
        self.scales: Float[Tensor, "images blocks"] | None = None

    def draw(self, images: int, *, seed: int, epoch: int, step: int, device: torch.device | None = None) -> None:
        """Choose the branches of the next batch, of `images` images; see `uniform`."""
        numbers = uniform(images, len(self.rates), seed=seed, epoch=epoch, step=step)
        self.scales = branch_scales(numbers, self.rates).to(device, non_blocking=True)


@contextmanager
def stochastic_depth(network: ResNet, rate: float) -> Iterator[StochasticDepth]:
    """Within, a network in training mode leaves out what was drawn for the batch; `draw` before each forward pass.

    rate: of the last block, as in timm's `drop_path_rate`; 0 changes nothing.
    Raises InputError for a plain network, where an image that loses a branch would be lost.
    """
    if rate > 0 and network.spec.shortcut == "none":
        raise InputError(
            'drop_path with shortcut = "none": a plain network has no shortcut to pass on when a branch is left '
            "out; use drop_path = 0"
        )
    blocks = list(network.blocks())
    depth = StochasticDepth(len(blocks), rate)
    hooks = [
        block.se.register_forward_hook(_scaled_by(depth, place, block))
        for place, block in enumerate(blocks)
        if depth.rates[place] > 0
    ]
    try:
        yield depth
    finally:
        for hook in hooks:
            hook.remove()


def _scaled_by(depth: StochasticDepth, place: int, block: nn.Module) -> Any:
    """A hook for the end of a residual branch. It asks the block, since layers may be frozen in training."""

    def hook(_end: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not block.training:
            return output
        if depth.scales is None:
            raise RuntimeError("no branches drawn for this batch: StochasticDepth.draw comes before each forward pass")
        return output * depth.scales[:, place].to(output.dtype).view(-1, 1, 1, 1)

    return hook
