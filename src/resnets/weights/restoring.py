"""Weights that a file keeps in another form, as float32 convolutions with norms behind them.

Halves and doubles become float32. Convolutions into which batch norms were folded get norms that add their biases
alone. Of a quantized network the scales of activations are left out, since activations stay floats here.
"""

import re
from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor

from resnets.weights.assignment import idle_norm
from resnets.weights.envelopes import Body
from resnets.weights.flattening import Tensors

# Convolutions as torchvision and timm name them.
_CONVOLUTION = re.compile(r"(?:layer\d+\.\d+\.)?(?:conv\d|downsample\.0)\.weight")
_NORM = re.compile(r".*(?:bn\d|downsample\.1|running_var)")


def restored(body: Body) -> Body:
    """The body in float32, with norms, and notes on what was changed."""
    notes: list[str] = []
    tensors, beside = _without_scales(body.tensors), _without_scales(body.beside)
    if len(tensors) + len(beside) < len(body.tensors) + len(body.beside):
        notes.append(
            "quantized to integers: its weights are taken as the floats that they stand for, and activations stay "
            "floats, so that answers differ a little from the quantized network's"
        )
    if other := _told(tensors):
        notes.append(f"{other} converted to float32")
    tensors, beside = ({name: _float(one) for name, one in part.items()} for part in (tensors, beside))
    biased = [name for name in tensors if _CONVOLUTION.fullmatch(name) and _bias(name) in tensors]
    if biased and "layer1.0.conv1.weight" in biased and not any(map(_NORM.match, tensors)):
        tensors = _with_norms(tensors)
        notes.append("its batch norms are folded into the convolutions: new ones add the convolutions' biases alone")
    return replace(body, tensors=tensors, beside=beside, notes=(*body.notes, *notes))


def _without_scales(tensors: Tensors) -> Tensors:
    """The tensors without scale and zero point of each quantized layer's outputs."""
    layers = [name.removesuffix("zero_point") for name in tensors if re.search(r"(^|\.)zero_point$", name)]
    layers = [layer for layer in layers if f"{layer}scale" in tensors]
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not any(name in (f"{layer}scale", f"{layer}zero_point") for layer in layers)
    }


def _told(tensors: Tensors) -> str:
    """How many tensors have which other type, if any have."""
    kinds = Counter(
        str(tensor.dtype).removeprefix("torch.")
        for tensor in tensors.values()
        if tensor.is_floating_point() and tensor.dtype != torch.float32
    )
    return " and ".join(f"{count} tensors of {kind}" for kind, count in kinds.items())


def _float(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _bias(name: str) -> str:
    return f"{name.removesuffix('.weight')}.bias"


def _with_norms(tensors: Tensors) -> Tensors:
    """A norm behind each convolution, which takes over its bias."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        if _CONVOLUTION.fullmatch(name):
            norm = re.sub(
                r"downsample\.0$", "downsample.1", re.sub(r"conv(\d)$", r"bn\1", name.removesuffix(".weight"))
            )
            found |= {name: tensor} | idle_norm(norm, len(tensor), tensors.get(_bias(name)))
        elif not _CONVOLUTION.fullmatch(re.sub(r"bias$", "weight", name)):
            found[name] = tensor
    return found
