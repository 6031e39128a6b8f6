"""The average of the weights along the way, which often judges better than the last ones."""

# pyright: reportPrivateImportUsage=false
# torch documents its _foreach functions; only their names are private.

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def decay_at(update: int, decay: float) -> float:
    """How much of the average stays at update `update` (from 0): min(decay, 1 - (1 + update)^(-2/3)).

    The rise is timm's `use_warmup`. Without it a short run's average would still hold the weights of its beginning:
    0.9999 keeps 90% of them over 1000 steps. The first update takes the weights as they are.
    """
    return min(decay, 1 - (1 + update) ** (-2 / 3))


class Average:
    """An exponential moving average of a network's weights and batch-norm statistics (Polyak and Juditsky 1992).

    Statistics are averaged with the weights they were measured at, as timm averages them. Whole numbers, such as the
    batches a norm has seen, are taken as they are.
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self._tensors = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the network as it is after step `step` (from 0) of the run."""
        current = network.state_dict()
        smooth = [name for name, tensor in self._tensors.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [self._tensors[name] for name in smooth],
            [current[name] for name in smooth],
            1 - decay_at(step, self.decay),
        )
        for name in self._tensors.keys() - smooth:
            self._tensors[name].copy_(current[name])

    def state_dict(self) -> dict[str, Tensor]:
        """The average under the network's own names: what to save, and what `network.load_state_dict` takes."""
        return dict(self._tensors)

    @torch.no_grad()
    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a saved average. Raises KeyError when one is missing, RuntimeError when a shape does not fit."""
        for name, tensor in self._tensors.items():
            if tensors[name].shape != tensor.shape:
                raise RuntimeError(f"{name}: {tuple(tensors[name].shape)}, and the network's is {tuple(tensor.shape)}")
            tensor.copy_(tensors[name])

    @contextmanager
    def in_place_of(self, network: nn.Module) -> Iterator[None]:
        """Within, the network has the average's weights and statistics; afterwards, bit for bit its own again."""
        own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict(self._tensors)
        try:
            yield
        finally:
            network.load_state_dict(own)
