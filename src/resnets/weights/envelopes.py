"""What a checkpoint's file holds -> the tensors in it by name, out of what training scripts wrap around them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.weights.checkpoint_file import may_unpack_to

Tensors = dict[str, Tensor]

# Where training scripts put the weights inside what they save, in the order in which we look.
_ENVELOPES = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model", "net", "network")
_WRAPPERS = ("module.", "_orig_mod.", "model.")

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def unwrapped(path: Path, raw: Any) -> tuple[Tensors, str]:
    """The tensors by name, without envelopes and wrappers' prefixes, and a word on what was taken off."""
    for envelope in _ENVELOPES:
        if isinstance(raw, Mapping) and isinstance(raw.get(envelope), Mapping):
            raw = raw[envelope]
    if not isinstance(raw, Mapping):
        raise InputError(f"{path}: holds a {type(raw).__name__}, not weights by name; save a state_dict")
    tensors = {str(name): value for name, value in raw.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if what := _strange(tensor):
            raise InputError(f"{path}: {name} is {what}; save plain floating-point weights, 16 to 64 bits each")
    if not tensors:
        raise InputError(f"{path}: holds no weights; its entries are {', '.join(map(str, list(raw)[:5])) or 'none'}")
    taken: list[str] = []
    while prefix := next((p for p in _WRAPPERS if all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
        taken.append(prefix)
    return tensors, "".join(f", without the prefix {prefix}" for prefix in taken)


def _strange(tensor: Tensor) -> str:
    """Why a tensor is no plain weights, if it is not."""
    if tensor.is_meta:
        return "on the device meta, without its numbers"
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        return "sparse, quantized or complex"
    if (tensor.is_floating_point() and tensor.dtype not in _FLOATS) or tensor.element_size() == 0:
        return str(tensor.dtype).removeprefix("torch.")
    return ""


def check_sizes(path: Path, tensors: Tensors, size: int) -> None:
    """Raise InputError where tensors repeat the file's bytes, by strides of 0, to more than a file unpacks to."""
    left = may_unpack_to(size)
    for name, tensor in tensors.items():
        left -= tensor.numel() * tensor.element_size()
        if left < 0:
            raise InputError(
                f"{path}: {name} of shape {tuple(tensor.shape)} stands for far more numbers than the file of {size:,} "
                "bytes holds; take another copy"
            )
