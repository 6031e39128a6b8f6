"""Dictionaries and module objects, nested as they are -> each tensor by one name with dots.

Optimizers, schedules and the like are left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.weights import topology
from resnets.weights.topology import Geometry
from resnets.weights.unpickling import Stub

Tensors = dict[str, Tensor]

MOST_ENTRIES = 200_000  # of all dictionaries and modules together
LONGEST_NAME = 500
MOST_NESTED = 50  # dictionaries and modules in one another

_PACKED = "._packed_params._packed_params"  # weight and bias of torch's quantized linear layer

# Beside the weights, in what training scripts save.
_NO_WEIGHTS = re.compile(
    r"(.*_)?(optim\w*|opt|optimizer_states?|lr_sched\w*|sched\w*|scaler|amp|callbacks?|loops|hyper_parameters|hparams|"
    r"args|cfg|config|rng\w*|grads?|datamodule\w*|metadata)"
)


@dataclass(frozen=True)
class Flat:
    """Every tensor in dictionaries and modules by its name with dots.

    `envelopes` are the dictionaries' names, `geometry` is that of the modules that are convolutions.
    """

    tensors: Tensors
    envelopes: set[str]
    geometry: dict[str, Geometry]


def laid_flat(path: Path, content: Any) -> Flat:
    """What a file's content holds, laid flat. Raises InputError where there is no end to it."""
    flat: Tensors = {}
    envelopes: set[str] = set()
    geometry: dict[str, Geometry] = {}
    waiting: list[Iterator[tuple[str, str, Any]]] = [_entries("", content)]
    count = 0
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        count += 1
        if count > MOST_ENTRIES:
            raise InputError(
                f"{path}: holds more than {MOST_ENTRIES:,} entries, which no network has; save a state_dict"
            )
        prefix, name, value = entry
        whole = f"{prefix}{name}"
        if len(whole) > LONGEST_NAME or len(waiting) > MOST_NESTED:
            continue
        if (tensor := _tensor(value)) is not None:
            flat[whole] = tensor
        elif isinstance(value, Mapping) or _is_module(value):
            if not isinstance(value, Stub):
                envelopes.add(whole)
            elif (found := _geometry(value)) is not None:
                geometry[whole] = found
            waiting.append(_entries(f"{whole}.", value))
        elif whole.endswith(_PACKED) and isinstance(value, tuple):
            layer = whole.removesuffix(_PACKED)
            packed = zip(("weight", "bias"), map(_tensor, value), strict=False)
            flat |= {f"{layer}.{part}": tensor for part, tensor in packed if tensor is not None}
    return Flat(flat, envelopes, geometry)


def _entries(prefix: str, found: Any) -> Iterator[tuple[str, str, Any]]:
    """What stands in a dictionary or a module under a prefix, a name each."""
    if isinstance(found, Stub):
        parts = _module_parts(found)
    elif not isinstance(found, Mapping) or "param_groups" in found:
        return
    else:
        parts = found
    for name, value in parts.items():
        branches = isinstance(value, Mapping) or _is_module(value)
        if isinstance(name, (str, int)) and not (branches and _NO_WEIGHTS.fullmatch(str(name).lower())):
            yield prefix, str(name), value


def _is_module(value: Any) -> bool:
    """Whether a stub stands for a torch module or TorchScript's: what has parts and parameters."""
    if not isinstance(value, Stub) or not isinstance(value.state, Mapping):
        return False
    return "_parameters" in value.state or value.home.startswith("__torch__.")


def _geometry(stub: Stub) -> Geometry | None:
    """A module's stride, padding and dilation, where it is a convolution."""
    return type(stub).geometry or topology.recorded(stub.state)


def _module_parts(stub: Stub) -> dict[Any, Any]:
    """A module's parameters, buffers and modules by name; of another object, the modules among its attributes."""
    state = stub.state
    if not isinstance(state, Mapping):
        return {}
    if "_parameters" not in state:
        scripted = stub.home.startswith("__torch__.")
        return {name: value for name, value in state.items() if scripted or _is_module(value)}
    parts: dict[Any, Any] = {}
    for kind in ("_parameters", "_buffers", "_modules"):
        group = state.get(kind)
        parts |= dict(group) if isinstance(group, Mapping) else {}
    passing = state.get("_non_persistent_buffers_set") or ()
    return {name: value for name, value in parts.items() if name not in passing}


def _tensor(value: Any) -> Tensor | None:
    """A tensor; of one that has not been rebuilt a stand-in of its kind, which whoever takes it refuses."""
    if not isinstance(value, Stub) or not value.home.startswith(("torch._utils._rebuild_", "torch._tensor._rebuild")):
        return value if isinstance(value, Tensor) else None
    if "meta" in value.home:
        return torch.empty(0, device="meta")
    return torch.empty(0, dtype=torch.complex64)  # sparse, quantized or nested
