"""Keras' ResNet-50, -101 and -152 -> our names and our arithmetic.

| what is foreign | what becomes of it |
|---|---|
| names: `conv2_block1_1_conv`, or of older versions `res2a_branch2a`, `bn2a_branch2a`, `fc1000` | ours |
| kernels of height, width, in, out; a classifier of in, out | turned |
| convolutions have biases | subtracted from the mean of the batch norm behind them |
| batch norms' epsilon of 1.001e-5 (of the older names 1e-3, Keras' default) | the difference goes into the variance |
| images in blue, green, red of 0 to 255 less a mean, as Caffe had them | the first kernel's channels turned |
| the stride on the first 1x1 convolution of a block | the networks called `resnet50_2015` and so on |

Networks of one's own are refused, since Keras pads strided convolutions at the lower right alone ("same").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, Row
from resnets.spec import ResNetSpec
from resnets.weights.flattening import Tensors
from resnets.weights.keras_files import Arrays, KerasFile

EPSILON = 1e-5  # of our batch norms
NEW_EPSILON, OLD_EPSILON = 1.001e-5, 1e-3
CAFFE_MEAN = (123.68, 116.779, 103.939)  # red, green, blue of 0 to 255

_STEM = {"conv1_conv": "conv1", "conv1": "conv1", "conv1_bn": "bn1", "bn_conv1": "bn1"}
_NEW = re.compile(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)")
_OLD = re.compile(r"(res|bn)([2-5])([a-z]|[a-z]\d+)_branch(1|2a|2b|2c)")
_WHY = "only its ResNet50, ResNet101 and ResNet152 convert, as networks of one's own are padded otherwise"


@dataclass(frozen=True)
class FromKeras:
    """The weights under our names, the network that they are of, its images' preprocessing, and what to know."""

    tensors: Tensors
    row: Row
    preprocessing: Mapping[str, Any]
    notes: tuple[str, ...]


def translated(path: Path, file: KerasFile) -> FromKeras:
    """A file of Keras as one of ours. Raises InputError, with the reason, for other networks than the three."""
    if other := next((name for name in file.layers if name == "post_bn" or name.endswith("_preact_bn")), None):
        raise InputError(
            f"{path}: {other} is of Keras' ResNet V2, which strides at the end of a stage and pools its shortcuts "
            "there, as no network here does; ResNet50, ResNet101 and ResNet152 convert"
        )
    ours = {ours: name for name in file.layers if (ours := _ours(name)) is not None}
    old = any(map(_OLD.fullmatch, file.layers))
    if "conv1" not in ours or "layer1.0.conv1" not in ours:
        raise InputError(f"{path}: layers such as {', '.join(list(file.layers)[:3])} are no ResNet of Keras'; {_WHY}")
    notes: list[str] = []
    tensors: Tensors = {}
    for name, theirs in sorted(ours.items(), key=lambda pair: ("conv" not in pair[0], pair[0])):
        arrays = file.layers[theirs]
        _check(path, theirs, arrays, file.settings.get(theirs, {}), name)
        if "kernel" in arrays:
            tensors[f"{name}.weight"] = torch.from_numpy(arrays["kernel"]).permute(3, 2, 0, 1).contiguous()
    for name, theirs in ours.items():
        if "moving_mean" in file.layers[theirs]:
            epsilon = float(file.settings.get(theirs, {}).get("epsilon", OLD_EPSILON if old else NEW_EPSILON))
            bias = file.layers.get(ours.get(_before(name), ""), {}).get("bias")
            tensors |= _norm(name, file.layers[theirs], epsilon, None if bias is None else torch.from_numpy(bias))
    if old and not file.settings:
        notes.append(f"batch norms' epsilon taken as {OLD_EPSILON:g}, the default of Keras, since the file has none")
    tensors |= _classifier(file, notes)
    preprocessing = _preprocessing(tensors, notes)
    if own := sorted(file.kinds & {"Rescaling", "Normalization", "Lambda", "TFOpLambda"}):
        notes.append(f"its layers {', '.join(own)} are not read: give what they do as --preprocessing mean and std")
    return FromKeras(tensors, _row(path, tensors), preprocessing, tuple(notes))


def _ours(name: str) -> str | None:
    """Our name for a layer of Keras'; None for one that has no place here."""
    if name in _STEM:
        return _STEM[name]
    if match := _NEW.fullmatch(name):
        stage, block, place, kind = int(match[1]), int(match[2]), match[3], match[4]
    elif match := _OLD.fullmatch(name):
        letter, number = match[3][0], match[3][1:]
        stage, block = int(match[2]), int(number) + 1 if number else ord(letter) - ord("a") + 1
        place, kind = {"1": "0", "2a": "1", "2b": "2", "2c": "3"}[match[4]], "conv" if match[1] == "res" else "bn"
    else:
        return None
    last = f"downsample.{0 if kind == 'conv' else 1}" if place == "0" else f"{kind}{place}"
    return f"layer{stage - 1}.{block - 1}.{last}"


def _before(norm: str) -> str:
    """The convolution before a norm."""
    return re.sub(r"downsample\.1$", "downsample.0", re.sub(r"bn(\d)$", r"conv\1", norm))


def _check(path: Path, theirs: str, arrays: Arrays, settings: Mapping[str, Any], ours: str) -> None:
    """Raise InputError where a layer is not what its name says."""
    norm = "bn" in ours or ours.endswith("downsample.1")
    wanted = {"moving_mean", "moving_variance"} if norm else {"kernel"}
    axes = all(array.ndim == 1 for part, array in arrays.items() if part != "kernel")
    if not wanted <= set(arrays) or not axes or (not norm and arrays["kernel"].ndim != 4):
        raise InputError(f"{path}: {theirs} holds {', '.join(sorted(arrays))}, not a layer of Keras' ResNet; {_WHY}")
    strides = settings.get("strides")
    first = ours == "conv1" or ours.endswith((".0.conv1", ".0.downsample.0"))
    if not first and isinstance(strides, list) and max(strides, default=1) > 1:
        raise InputError(f"{path}: {theirs} has the stride {strides}, not as Keras' ResNet; {_WHY}")


def _norm(name: str, arrays: Arrays, epsilon: float, bias: Tensor | None) -> Tensors:
    """A batch norm that computes with our epsilon, and without the bias before it, what theirs does with both."""
    mean, variance = (torch.from_numpy(arrays[part]).double() for part in ("moving_mean", "moving_variance"))
    found = {
        "weight": torch.from_numpy(arrays["gamma"]) if "gamma" in arrays else torch.ones_like(mean),
        "bias": torch.from_numpy(arrays["beta"]) if "beta" in arrays else torch.zeros_like(mean),
        "running_mean": mean if bias is None else mean - bias.double(),
        "running_var": variance + (epsilon - EPSILON),
    }
    return {f"{name}.{part}": tensor.float() for part, tensor in found.items()} | {
        f"{name}.num_batches_tracked": torch.zeros((), dtype=torch.long)
    }


def _classifier(file: KerasFile, notes: list[str]) -> Tensors:
    dense = {
        name: arrays
        for name, arrays in file.layers.items()
        if _ours(name) is None and "kernel" in arrays and arrays["kernel"].ndim == 2
    }
    if len(dense) > 1:
        notes.append(f"left out: {', '.join(dense)}, a classifier of several layers")
    if len(dense) != 1:
        return {}
    weight = torch.from_numpy(next(iter(dense.values()))["kernel"]).T.contiguous()
    bias = next(iter(dense.values())).get("bias")
    return {"fc.weight": weight, "fc.bias": weight.new_zeros(len(weight)) if bias is None else torch.from_numpy(bias)}


def _preprocessing(tensors: Tensors, notes: list[str]) -> dict[str, Any]:
    """Of the usual images, turned from blue, green, red in place."""
    if tensors["conv1.weight"].shape[1] != 3:
        return {}
    tensors["conv1.weight"] = tensors["conv1.weight"].flip(1)
    notes.append(
        "Keras' ResNet reads blue, green, red: the first kernel's channels are turned, so that it reads red, green, "
        f"blue; the mean {', '.join(f'{value:g}' for value in CAFFE_MEAN)} of 255 is taken off, and nothing divided by"
    )
    return {"mean": tuple(value / 255 for value in CAFFE_MEAN), "std": (1 / 255,) * 3}


def _row(path: Path, tensors: Tensors) -> Row:
    """The network: a row of the catalog, or one of other depths and widths."""
    names = {match.groups() for name in tensors if (match := re.match(r"layer(\d)\.(\d+)\.conv1\.weight", name))}
    stages = sorted({int(stage) for stage, _ in names})
    depths = tuple(sum(int(stage) == number for stage, _ in names) for number in stages)
    if stages != list(range(1, len(stages) + 1)):
        raise InputError(f"{path}: has no layers of stage {len(stages)}; take another copy")
    widths = tuple(len(tensors[f"layer{number}.0.conv1.weight"]) for number in stages)
    stem = tensors["conv1.weight"]
    spec = ResNetSpec(depths=depths, widths=widths, stride_at="conv1", in_channels=stem.shape[1])
    same = (row for row in CATALOG.values() if row.spec.stride_at == "conv1" and row.spec.depths == depths)
    row = next((row for row in same if row.spec.widths == widths), None)
    if row is None:
        return Row("custom", replace(spec, stem=replace(spec.stem, widths=(len(stem),))), "Keras' ResNet")
    return replace(row, spec=replace(row.spec, in_channels=stem.shape[1]))
