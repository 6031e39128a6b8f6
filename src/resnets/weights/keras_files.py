"""Keras' files -> each layer's tensors by its name: `.h5` of any version, `.weights.h5`, and `.keras` around one."""

import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.weights.unpickling import Unreadable

MOST_OBJECTS = 50_000
_PARTS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel")
_NUMBERED = {1: _PARTS[2:6], 4: _PARTS[:2], 2: _PARTS[:2]}  # of Keras 3: a norm's vectors, or a kernel and a bias

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class KerasFile:
    """What a file of Keras holds: tensors as Keras shapes them, and what it says of each layer's settings."""

    layers: Mapping[str, Arrays]  # name -> kernel, bias, gamma, beta, moving_mean, moving_variance
    settings: Mapping[str, Mapping[str, Any]]  # name -> epsilon, strides, ...; empty in a file of weights alone
    kinds: frozenset[str]  # classes of its layers, where it says them


def from_hdf5(path: Path, data: bytes, *, limit: int, config: bytes | None = None) -> KerasFile:
    """What Keras wrote as HDF5. config: the model's, where it stands in another file.

    Raises InputError where h5py is missing, Unreadable where the file is damaged or points out of itself.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f"{path}: reading files of Keras needs h5py: pip install 'resnets[keras]'") from None
    layers: dict[str, Arrays] = {}
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            for layer, part, dataset in _datasets(h5py, file):
                limit -= math.prod(dataset.shape) * dataset.dtype.itemsize
                if limit < 0:
                    raise Unreadable("it unpacks to far more than its own size")
                layers.setdefault(layer, {})[part] = np.asarray(dataset[()])
            config = config or _bytes(file.attrs.get("model_config"))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise Unreadable("it is damaged, or no HDF5 file of Keras") from error
    settings, kinds = _settings(config)
    return KerasFile(layers, settings, kinds)


def _datasets(h5py: Any, file: Any) -> Iterator[tuple[str, str, Any]]:
    """Each tensor of a layer: the layer's name, the part, and where its numbers are. Links out of the file are none."""
    found: list[tuple[str, Any]] = []

    def visit(name: str, one: Any) -> bool | None:
        found.append((name, one))
        return True if len(found) > MOST_OBJECTS else None

    if file.visititems(visit):
        raise Unreadable(f"it holds more than {MOST_OBJECTS:,} objects, which no network has")
    for path, one in found:
        *groups, last = path.split("/")
        if not isinstance(one, h5py.Dataset) or not groups or groups[0].startswith("optimizer"):
            continue
        if one.external is not None or one.is_virtual:
            raise Unreadable("it has numbers in other files")
        part, layer = last.partition(":")[0], groups[-1]
        if layer == "vars" and part.isdigit():  # Keras 3
            layer = str(one.parent.attrs.get("name", groups[-2] if len(groups) > 1 else ""))
            names = _NUMBERED.get(one.parent["0"].ndim, ()) if "0" in one.parent else ()
            part = names[int(part)] if int(part) < len(names) else ""
        if part in _PARTS and one.dtype.kind == "f":
            yield layer, part, one


def _bytes(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytes | np.bytes_) else None


def _settings(config: bytes | None) -> tuple[dict[str, Mapping[str, Any]], frozenset[str]]:
    """The settings of each layer in a model's configuration, models in models among them, and the layers' classes."""
    found: dict[str, Mapping[str, Any]] = {}
    kinds: set[str] = set()
    waiting: list[Any] = [json.loads(config)] if config else []
    while waiting and len(found) < MOST_OBJECTS:
        one = waiting.pop()
        of_layer = one.get("config") if isinstance(one, Mapping) else None
        if isinstance(of_layer, Mapping):
            kinds.add(str(one.get("class_name")))
            found[str(of_layer.get("name"))] = of_layer
            layers = of_layer.get("layers")
            waiting.extend(layers if isinstance(layers, list) else [])
    return found, frozenset(kinds)
