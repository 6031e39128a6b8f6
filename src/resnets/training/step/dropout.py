"""Dropout before the classifier: in training, single features of single images are left out (Hinton et al. 2012).

torch's own dropout draws from a generator whose state no run can be given back. So while a context manager is open, a
hook on `network.dropout` multiplies by numbers that are a function of the place in the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from resnets.data import augmentation
from resnets.network import ResNet


def feature_scales(
    images: int, features: int, rate: float, *, seed: int, epoch: int, step: int
) -> Float32[np.ndarray, "images features"]:
    """What the features of one batch are multiplied by: 0 where one is left out, 1 / (1 - rate) elsewhere.

    step: which batch of the epoch; processes that train together must each count batches of their own.
    """
    numbers = augmentation.generator(seed, epoch, augmentation.DROPOUT, step).random(
        (images, features), dtype=np.float32
    )
    return np.where(numbers < rate, np.float32(0), np.float32(1 / (1 - rate)))


class FeatureDropout:
    """What the features of the batch in training are multiplied by."""

    def __init__(self, features: int, rate: float) -> None:
        self.features, self.rate = features, rate
        self.scales: Float[Tensor, "images features"] | None = None

    def draw(self, images: int, *, seed: int, epoch: int, step: int, device: torch.device | None = None) -> None:
        """Choose what is left out of the next batch, of `images` images; see `feature_scales`."""
        if self.rate:
            scales = feature_scales(images, self.features, self.rate, seed=seed, epoch=epoch, step=step)
            self.scales = torch.from_numpy(scales).to(device, non_blocking=True)


@contextmanager
def drawn_dropout(network: ResNet) -> Iterator[FeatureDropout]:
    """Within, a network in training leaves out the features that were drawn; `draw` before each forward pass.

    The rate is the spec's; 0 changes nothing.
    """
    spec = network.spec
    dropout = FeatureDropout(spec.features, spec.dropout)
    if not spec.dropout:
        yield dropout
        return

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        (features,) = inputs
        if not layer.training:
            return features
        if dropout.scales is None:
            raise RuntimeError("nothing drawn for this batch: FeatureDropout.draw comes before each forward pass")
        return features * dropout.scales.to(features.dtype)

    network.dropout.p = 0.0  # torch's own would draw as well
    handle = network.dropout.register_forward_hook(hook)
    try:
        yield dropout
    finally:
        handle.remove()
        network.dropout.p = spec.dropout
