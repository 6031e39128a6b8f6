"""A tiny network of each kind that a spec can be: what every part of the package must get right for all of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.network import ResNet
from resnets.spec import ResNetSpec

CLASSES = ("a", "b", "c")
SIZE = 16

_STEM: Mapping[str, Any] = {"widths": [8], "kernel": 3, "stride": 1, "pool": "none"}
_TINY: Mapping[str, Any] = {"depths": [1, 2], "widths": [8, 16], "block": "basic", "stem": _STEM, "num_classes": 3}

KINDS: Mapping[str, Mapping[str, Any]] = {
    "squeeze-and-excitation": {"attention": "se", "attention_reduction": 4},
    "efficient channel attention": {"attention": "eca"},
    "average": {"antialias": "average", "stem": {**_STEM, "pool": "max"}},
    "max pools": {"antialias": "max", "shortcut": "pooled-projection", "first_stride": 2},
    "blur": {"antialias": "blur", "stem": {**_STEM, "pool": "max"}},
    "group norm": {"norm": "group", "widths": [32, 64], "stem": {**_STEM, "widths": [32]}},
    "frozen norm": {"norm": "frozen", "zero_last_norm": True},
    "pre-activation": {"preactivation": True},
    "silu": {"activation": "silu"},
    "mish": {"activation": "mish"},
    "leaky relu": {"activation": "leaky-relu"},
    "gelu": {"activation": "gelu"},
    "convolutions with bias": {"conv_bias": True, "block": "bottleneck", "expansion": 2},
    "deep stem and convolution for a pool": {"stem": {**_STEM, "widths": [8, 12, 8], "pool": "conv"}},
    "dilation": {"output_stride": 8, "depths": [1, 1, 1], "widths": [8, 16, 16], "stem": {**_STEM, "stride": 4}},
    "max": {"pool": "max"},
    "average and max": {"pool": "both"},
    "generalized mean": {"pool": "gem"},
    "dropout": {"dropout": 0.2},
    "plain": {"shortcut": "none"},
}


def network(kind: str, **fields: Any) -> ResNet:
    """An untrained one, drawn from a seed."""
    torch.manual_seed(0)
    return resnets.resnet("cifar_resnet20", **{**_TINY, **KINDS[kind], **fields})


def classifier(kind: str, **fields: Any) -> Classifier:
    """The same, of three classes, for images of SIZE pixels."""
    return Classifier(
        network=network(kind, **fields), classes=CLASSES, preprocessing=Preprocessing(size=SIZE, resize=SIZE)
    )


def cut_short(spec: ResNetSpec) -> ResNetSpec:
    """The network with at most two blocks a stage: all behind the first are alike."""
    return replace(spec, depths=tuple(min(2, depth) for depth in spec.depths))
