"""Weights of a layout that has no table of names: found by order and shape, and held against their own statistics."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from resnets.base.errors import InputError
from resnets.catalog import Row
from resnets.spec import ResNetSpec
from resnets.weights.assignment import Match
from resnets.weights.guessing import first_convolution, guess
from resnets.weights.layers import NONE, Ordered, grouped, ordered
from resnets.weights.matching import match
from resnets.weights.topology import Geometry


def in_order(path: Path, tensors: Mapping[str, Tensor], geometry: Mapping[str, Geometry] = NONE) -> Ordered:
    """The layers of a file's tensors in the order of the network. A safetensors file keeps none but that of names."""
    return ordered(grouped(tensors, geometry), kept=".safetensors" not in path.suffixes)


def network_of(
    path: Path, tensors: Mapping[str, Tensor], geometry: Mapping[str, Geometry] = NONE
) -> tuple[Row, tuple[str, ...]]:
    """The network that tensors are of, by their shapes and what the file records of their strides, and notes on it.

    Raises InputError if there is none.
    """
    try:
        found = guess(in_order(path, tensors, geometry))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return found.row, found.notes


def matched(
    path: Path, tensors: Mapping[str, Tensor], spec: ResNetSpec, geometry: Mapping[str, Geometry] = NONE
) -> Match:
    """The tensors as the layers of this network. Raises InputError, with what does not fit, where they are not."""
    return match(in_order(path, tensors, geometry), replace(spec, in_channels=channels_of(tensors) or spec.in_channels))


def channels_of(tensors: Mapping[str, Tensor]) -> int | None:
    """Channels of the images that the first convolution reads, if there is one."""
    first = first_convolution([layer for layer in grouped(tensors) if layer.kind == "convolution"])
    return first.shape[1] if first is not None else None
