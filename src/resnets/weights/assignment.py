"""A file's layers under our names: the weights as the network has them, and a line for each layer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.spec import ResNetSpec
from resnets.weights import topology
from resnets.weights.layers import Layer
from resnets.weights.slots import Slot, Unit, followers

NEUTRAL = (1 + 1e-5) ** 0.5  # scale of a batch norm that changes nothing: what its epsilon takes away
Pairs = dict[str, Layer]  # our name -> their layer


@dataclass(frozen=True)
class Match:
    """Their layers under our names."""

    spec: ResNetSpec
    units: tuple[Unit, ...]
    pairs: Pairs
    head: Layer | None
    left: tuple[Layer, ...]  # what the network has no place for: other heads, counters, queues

    def explained(self) -> tuple[str, ...]:
        """A line for each layer: theirs, ours, its shape."""
        widest = max(len(layer.name) for layer in self.pairs.values())
        lines = [
            f"{self.pairs[slot.name].name:{widest}}  ->  {slot.name}  {' x '.join(map(str, slot.shape))}"
            for unit in self.units
            for slot in unit.slots
            if slot.name in self.pairs
        ]
        if self.head is not None:
            lines.append(f"{self.head.name:{widest}}  ->  fc  {' x '.join(map(str, self.head.shape))}")
        lines += [f"{layer.name:{widest}}  is left out  {' x '.join(map(str, layer.shape))}" for layer in self.left]
        return tuple(lines)

    def check_topology(self) -> None:
        """Raise OtherTopology where the file records strides, padding or dilation that are not the network's."""
        slots = (slot for unit in self.units for slot in unit.slots if slot.name in self.pairs)
        theirs = ((slot, self.pairs[slot.name]) for slot in slots)
        topology.check((layer.name, layer.geometry, slot.name, slot.geometry) for slot, layer in theirs)

    def tensors(self) -> dict[str, Tensor]:
        """The weights by our names. The bias of a convolution goes into the mean of the batch norm behind it.

        Raises InputError where a convolution has a bias and neither it nor a batch norm behind it has a place for it.
        """
        ours: dict[str, Tensor] = {}
        for unit in self.units:
            behind = {convolution.name: norm for convolution, norm in followers(unit)}
            for slot in unit.slots:
                if slot.name in self.pairs:
                    ours |= _as_ours(slot, self.pairs[slot.name])
                elif slot.kind == "norm":  # their shortcut has none
                    ours |= idle_norm(slot.name, slot.shape[0])
            for slot in unit.of("convolution"):
                bias = self.pairs[slot.name].parts.get("bias")
                if bias is not None and not slot.biased:
                    _into_norm(ours, bias, behind.get(slot.name), self.pairs[slot.name])
        if self.head is not None:
            weight = self.head.parts["weight"].flatten(1)
            ours |= {"fc.weight": weight, "fc.bias": self.head.parts.get("bias", weight.new_zeros(len(weight)))}
        return ours


def _as_ours(slot: Slot, layer: Layer) -> dict[str, Tensor]:
    parts = layer.parts
    if slot.kind != "norm":
        weight = parts["weight"].reshape(slot.shape)
        bias = {f"{slot.name}.bias": parts.get("bias", weight.new_zeros(slot.shape[0]))} if slot.biased else {}
        return {f"{slot.name}.weight": weight, **bias}
    like = next(iter(parts.values()))
    found = {"weight": parts.get("weight", torch.ones_like(like)), "bias": parts.get("bias", torch.zeros_like(like))}
    if slot.counted:
        count = parts.get("num_batches_tracked", torch.zeros((), dtype=torch.long))
        found |= {part: parts[part] for part in ("running_mean", "running_var")} | {"num_batches_tracked": count}
    return {f"{slot.name}.{part}": tensor for part, tensor in found.items()}


def idle_norm(name: str, channels: int, bias: Tensor | None = None) -> dict[str, Tensor]:
    """A batch norm that adds `bias` alone: it divides by the root of 1 + 1e-5, and multiplies by it."""
    return {
        f"{name}.weight": torch.full((channels,), NEUTRAL),
        f"{name}.bias": torch.zeros(channels) if bias is None else bias,
        f"{name}.running_mean": torch.zeros(channels),
        f"{name}.running_var": torch.ones(channels),
        f"{name}.num_batches_tracked": torch.zeros((), dtype=torch.long),
    }


def _into_norm(ours: dict[str, Tensor], bias: Tensor, norm: Slot | None, layer: Layer) -> None:
    if norm is None or not norm.counted:
        raise InputError(f"{layer.name} has a bias, which this network has no place for")
    mean = ours[f"{norm.name}.running_mean"]
    ours[f"{norm.name}.running_mean"] = (mean.double() - bias.double()).to(mean.dtype)
