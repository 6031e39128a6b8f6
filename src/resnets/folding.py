"""Batch norms folded into their convolutions: the same network, faster, for evaluation alone."""

import copy

import torch
from torch import nn

from resnets.layers import FrozenBatchNorm
from resnets.network import ResNet


def folded(network: ResNet) -> ResNet:
    """A copy with each batch norm's scale and shift in the convolution before it, which thereby has a bias.

    It is for evaluation only, and faster at it. Its outputs are the network's but for rounding: weights are multiplied
    in double precision and rounded once. A norm that no convolution comes before, as in pre-activation, stays. So does
    one behind a max pool, unless it keeps the order of all values.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        there = [(name, child) for name, child in module.named_children() if not isinstance(child, nn.Identity)]
        for (_, child), (_, between), (name, norm) in zip([("", None), *there], there, there[1:], strict=False):
            if not isinstance(norm, nn.BatchNorm2d | FrozenBatchNorm):
                continue
            keeps_order = isinstance(between, nn.MaxPool2d) and bool((norm.weight > 0).all())
            before = child if keeps_order else between
            convolution = before[-1] if isinstance(before, nn.Sequential) and len(before) else before
            if isinstance(convolution, nn.Conv2d):
                _fold(convolution, norm)
                module.register_module(name, nn.Identity())
    return network


@torch.no_grad()
def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d | FrozenBatchNorm) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # On the CPU, as not every accelerator has double precision.
    parts = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    weight, bias, mean, variance = (one.cpu().double() for one in parts)
    scale = weight / torch.sqrt(variance + norm.eps)
    before = 0 if convolution.bias is None else convolution.bias.cpu().double()
    convolution.weight.copy_(convolution.weight.cpu().double() * scale.view(-1, 1, 1, 1))
    convolution.bias = nn.Parameter((bias + (before - mean) * scale).to(convolution.weight))
