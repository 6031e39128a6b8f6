"""The layers that a network has places for, in the order in which data meets them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, Literal

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from resnets.base.errors import InputError
from resnets.catalog import usual_size
from resnets.network import ResNet
from resnets.spec import ResNetSpec
from resnets.structure import structure
from resnets.weights import topology
from resnets.weights.topology import Geometry

SlotKind = Literal["convolution", "norm", "linear"]
TRUNK = "trunk"


@dataclass(frozen=True)
class Slot:
    """A layer of a network: its name there, the shape of its weight, and where it stands."""

    name: str
    kind: SlotKind
    shape: tuple[int, ...]
    branch: str  # trunk, residual or shortcut
    group: str  # what the network's own modules have in one: "trunk" is what stands in none of them
    biased: bool
    counted: bool = False  # a batch norm, which has running statistics
    geometry: Geometry | None = None  # of a convolution


@dataclass(frozen=True)
class Unit:
    """The stem, a block or the head, and its layers in the order in which they run."""

    name: str
    slots: tuple[Slot, ...]

    def of(self, kind: SlotKind) -> tuple[Slot, ...]:
        """The layers of one kind."""
        return tuple(slot for slot in self.slots if slot.kind == kind)


@lru_cache(maxsize=64)
def units(spec: ResNetSpec) -> tuple[Unit, ...]:
    """The stem, the blocks and the head of a network, each with its layers."""
    with torch.device("meta"), Undrawn():
        network = ResNet(spec)
    modules = {name: module for name, module in network.named_modules() if list(module.parameters(recurse=False))}
    operations = [one for one in structure(spec, usual_size(spec.stem)).operations if one.name in modules]
    if left := set(modules) - {one.name for one in operations}:
        raise InputError(f"{sorted(left)[0]} has no place in the network's order; name the weights as ours")
    found: list[Unit] = []
    for (stage, block), members in groupby(operations, key=lambda one: (one.stage, one.block)):
        name = stage if block is None else f"{stage}, block {block}"
        slots = (_slot(one.name, one.branch, block, modules[one.name]) for one in members)
        found.append(Unit(name, tuple(slots)))
    return tuple(found)


def _slot(name: str, branch: str, block: int | None, module: nn.Module) -> Slot:
    weight = module.get_parameter("weight")
    kind: SlotKind = "norm" if weight.ndim == 1 else "linear" if weight.ndim == 2 else "convolution"
    counted = getattr(module, "running_var", None) is not None
    biased = kind != "norm" and getattr(module, "bias", None) is not None
    geometry = topology.recorded(vars(module)) if isinstance(module, nn.Conv2d) else None
    return Slot(name, kind, tuple(weight.shape), branch, _group(name, branch, block), biased, counted, geometry)


def _group(name: str, branch: str, block: int | None) -> str:
    if branch == "shortcut":
        return branch
    inside = name.split(".")[0 if block is None else 2 :]  # behind layer1.0
    return TRUNK if len(inside) < 2 else inside[0]


def followers(unit: Unit) -> Iterator[tuple[Slot, Slot]]:
    """Each convolution and the norm that reads its output."""
    for one, two in pairwise(unit.slots):
        if (one.kind, two.kind, one.shape[0], one.branch) == ("convolution", "norm", two.shape[0], two.branch):
            yield one, two


class Undrawn(TorchFunctionMode):
    """Random numbers for weights are not drawn, as others take their place or only their shapes are wanted."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        drawn = getattr(func, "__name__", "") in ("normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_")
        return (args or tuple(kwargs.values()))[0] if drawn else func(*args, **(kwargs or {}))
