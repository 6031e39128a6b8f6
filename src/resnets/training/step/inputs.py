"""What one step computes from, as tensors: images, labels, learning rates, and every random number there is in a step.

Nothing else differs from one step to the next. So a step can be recorded once, and replayed with other inputs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from resnets.data.training_batches import Batch
from resnets.training.step.mixing import Mix


@dataclass(frozen=True)
class Piece:
    """A batch of a step: as many images as go through the network at once."""

    images: UInt8[Tensor, "batch height width channels"]
    labels: Int64[Tensor, " batch"]
    boxes: Int64[Tensor, "batch 4"] | None = None  # what is erased
    mix: Mix | None = None
    depth: Float[Tensor, "batch blocks"] | None = None  # what residual branches are multiplied by
    dropout: Float[Tensor, "batch features"] | None = None  # what features are multiplied by


@dataclass(frozen=True)
class StepInputs:
    """The pieces of a step, and the learning rate of each group of the optimizer."""

    pieces: tuple[Piece, ...]
    rates: Float[Tensor, " groups"]

    def tensors(self) -> list[Tensor]:
        """All tensors, always in the same order."""
        return [tensor for tensor in _leaves(self) if tensor is not None]

    def shapes(self) -> tuple[tuple[int, ...] | None, ...]:
        """What two steps must share to be computed alike: which inputs there are, and their shapes."""
        return tuple(None if tensor is None else tuple(tensor.shape) for tensor in _leaves(self))

    def on(self, device: torch.device) -> "StepInputs":
        """The same on a device."""
        return _mapped(self, lambda tensor: tensor.to(device, non_blocking=True))

    def copy(self) -> "StepInputs":
        """The same in memory of its own."""
        return _mapped(self, torch.clone)

    def take(self, other: "StepInputs") -> None:
        """Take over the values of inputs of the same shapes."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs, non_blocking=True)


def pieces_of(batch: Batch, size: int) -> Iterator[Batch]:
    """The batch in as few pieces of at most `size` images as it takes, all nearly the same in size.

    A set smaller than a step has fewer pieces, not smaller ones, over which batch norms could not average.
    """
    pieces = -(-len(batch.labels) // size)
    boxes = batch.boxes.tensor_split(pieces) if batch.boxes is not None else (None,) * pieces
    images, labels = batch.images.tensor_split(pieces), batch.labels.tensor_split(pieces)
    yield from (Batch(*piece) for piece in zip(images, labels, boxes, strict=True))


def _leaves(value: Any) -> Iterator[Tensor | None]:
    """The tensors in tuples and inputs, and None where there is none."""
    if value is None or isinstance(value, Tensor):
        yield value
    else:
        for part in value if isinstance(value, tuple) else (getattr(value, field.name) for field in fields(value)):  # pyright: ignore[reportUnknownVariableType] # of inputs
            yield from _leaves(part)


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same tuples and inputs, with every tensor changed."""
    if value is None or isinstance(value, Tensor):
        return value if value is None else change(value)
    if isinstance(value, tuple):
        return tuple(_mapped(one, change) for one in value)  # pyright: ignore[reportUnknownVariableType] # of inputs
    return type(value)(*(_mapped(getattr(value, field.name), change) for field in fields(value)))
