"""Whether the batch norms of a network agree with what their convolutions make of photographs.

A batch norm keeps the mean and the variance that each of its channels had in training. In the right place it sees
about those again, whatever the photographs. Behind another convolution, or in another block, it does not. Every batch
norm normalizes by its batch here, so that a layer is judged by what stands right before it and errors do not add up.

The measure is the Kullback-Leibler divergence from the normal distribution that a norm remembers to the one that it
sees, averaged over channels and norms. The stem's is left out: it depends on how the images were normalized.
"""

import copy
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.catalog import usual_size
from resnets.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from resnets.network import ResNet
from resnets.weights.assignment import NEUTRAL
from resnets.weights.slots import Unit, followers, units

MOST = 0.2  # divergence a norm. Published weights have 0.01 to 0.03, with other kernels 0.7 to 1.2
BETTER = 0.98  # of the divergence around two layers: if they agree so much better exchanged, they are
NEXT = 2  # blocks behind those exchanged that are looked at as well
_COUNTS = {32: 48, 64: 32}  # photographs, by their size
_LARGE = 128, 24  # pixels, photographs, for networks of larger images
ALONE = 0.3  # divergence of one norm, if it is so many
TIMES = 15  # times the others'. Published weights have up to 0.1 and 7 times; with one layer transposed 0.3 and 30
FEW = 12  # photographs, where networks are compared with each other
KEPT = "kept_mean", "kept_variance"
_CAP = 10.0  # of one channel, so that a dead one does not decide alone


def check(network: ResNet) -> tuple[str, ...]:
    """Notes on whether the statistics of a network's batch norms are those of its layers in this order.

    Raises InputError in a line that names the layers, where they are not: numbers that no variance can be, kernels that
    the statistics are not of, or two equal blocks or layers that agree better with each other exchanged.
    """
    if not any(True for _ in _norms(network)):
        return ("no batch norm has statistics, so that the order of equal layers could not be checked",)
    _check_numbers(network)
    if not is_trained(network):
        return ("its batch norms were never trained, so that the order of equal layers could not be checked",)
    _check_trained(network)
    network = copy.deepcopy(network)
    with _listening(network) as heard:
        inputs = _inputs(network, photographs(network))
        divergence = _average(network, heard)
        if divergence > MOST:
            raise InputError(
                f"the statistics of its batch norms are not those of these layers (a divergence of {divergence:.2g} "
                f"on photographs; at most {MOST:g} is usual): it is of a network that connects them otherwise, or was "
                "cut together"
            )
        _check_each(network, heard)
        if exchanged := _exchanged(network, inputs, heard):
            raise InputError(
                f"{exchanged[0]} and {exchanged[1]} stand in the wrong order: the statistics of its batch norms agree "
                "better with the two exchanged"
            )
    return (f"its batch norms agree with its layers in this order (a divergence of {divergence:.2g})",)


def is_trained(network: ResNet) -> bool:
    """Whether any batch norm has other statistics than it began with."""
    return any(not _fresh(norm) for _, norm in _norms(network))


def measured(network: ResNet) -> float:
    """How far the batch norms of a network are from what they see of some photographs. It is of no use afterwards."""
    with _listening(network) as heard:
        _inputs(network, photographs(network)[:FEW])
    return _average(network, heard)


def _average(network: ResNet, heard: Mapping[str, float]) -> float:
    behind = list(heard.values())[len(network.spec.stem.widths) :]
    return sum(behind) / max(1, len(behind))


def _inputs(network: ResNet, images: Tensor) -> list[Tensor]:
    """What each block reads of images. The last one runs, too."""
    inputs = [network.stem(images)]
    for _, block in _blocks(network):
        inputs.append(block(inputs[-1]))
    return inputs[:-1]


def _blocks(network: ResNet) -> Iterator[tuple[str, nn.Module]]:
    for stage, depth in enumerate(network.spec.depths, 1):
        for index in range(depth):
            yield (name := f"layer{stage}.{index}"), network.get_submodule(name)


def _norms(network: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            yield name, module


def _stands_in(norm: nn.BatchNorm2d) -> bool:
    """Whether a norm changes nothing, as `assignment` makes one where a file's shortcut has none."""
    assert norm.running_var is not None
    return bool((norm.running_var == 1).all() and (norm.weight == norm.weight.new_tensor(NEUTRAL)).all())


def _fresh(norm: nn.BatchNorm2d) -> bool:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return bool((norm.running_mean == 0).all() and (norm.running_var == 1).all())


def _check_numbers(network: ResNet) -> None:
    for name, norm in _norms(network):
        assert norm.running_var is not None
        if (norm.running_var < 0).any():
            raise InputError(f"what would be the variance of {name} has negative values")


def _check_trained(network: ResNet) -> None:
    """Raise InputError where some norms were trained, and others neither that nor made for a shortcut without one."""
    for name, norm in _norms(network):
        if _fresh(norm) and not _stands_in(norm):
            raise InputError(f"the statistics of {name} are those of a norm that was never trained; others' are not")


def _check_each(network: ResNet, heard: Mapping[str, float]) -> None:
    """Raise InputError where one norm is far from what it sees, and the others are not."""
    behind = list(heard.items())[len(network.spec.stem.widths) :]
    usual = median(one for _, one in behind)
    name, worst = max(behind, key=lambda one: one[1])
    if worst > max(ALONE, TIMES * usual):
        raise InputError(
            f"the statistics of {name} are not those of the convolution before it (a divergence of {worst:.2g} on "
            f"photographs; of the others {usual:.2g}): one of the two is another layer's, or its kernels are transposed"
        )


@contextmanager
def _listening(network: nn.Module) -> Iterator[dict[str, float]]:
    """The divergence of each norm from what went through it last. Norms normalize by their batch meanwhile.

    A norm of momentum 1 leaves the mean and the variance of its batch where it would remember them, so what it
    remembers is kept beside them. The network is no longer of use afterwards.
    """
    heard: dict[str, float] = {}

    def listen(name: str, norm: nn.BatchNorm2d) -> None:
        def hook(norm: nn.Module, *_: Any) -> None:
            assert isinstance(norm, nn.BatchNorm2d)
            heard[name] = _divergence(norm)

        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.register_buffer(KEPT[0], norm.running_mean.clone())
        norm.register_buffer(KEPT[1], norm.running_var.clone())
        norm.momentum = 1.0
        norm.train()
        norm.register_forward_hook(hook)

    network.eval()
    for name, norm in list(_norms(network)):
        if not _stands_in(norm):
            listen(name, norm)
    with torch.inference_mode():
        yield heard


def _divergence(norm: nn.BatchNorm2d) -> float:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.get_buffer(KEPT[0]), norm.get_buffer(KEPT[1])
    seen, kept = norm.running_var + norm.eps, variance + norm.eps
    divergence = 0.5 * ((kept / seen).log() + (seen + (norm.running_mean - mean) ** 2) / kept - 1)
    return float(divergence.clamp(max=_CAP).mean())


def _wholes() -> list[NDArray[np.uint8]]:
    """scikit-learn's photographs, out of its folder: importing it takes longer than all else here."""
    found = importlib.util.find_spec("sklearn")
    assert found is not None
    folder = Path((found.submodule_search_locations or [""])[0]) / "datasets" / "images"
    return [np.array(Image.open(folder / f"{name}.jpg").convert("RGB")) for name in ("china", "flower")]


@lru_cache(maxsize=4)
def _photographs(channels: int, size: int, count: int) -> Tensor:
    """Parts of scikit-learn's two photographs, in other light and colours, normalized as usual."""
    random = np.random.default_rng(0)
    wholes = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 255 for one in _wholes()]
    parts: list[Tensor] = []
    for number in range(count):
        whole = wholes[number % len(wholes)]
        height, width = whole.shape[2:]
        side = int(random.integers(min(height, 128), height + 1))
        top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
        part = whole[:, :, top : top + side, left : left + side]
        part = F.interpolate(part, (size, size), mode="bilinear", antialias=True)
        part = part.flip(3) if random.random() < 0.5 else part
        tint = torch.from_numpy(random.normal(0, 0.12, (1, 3, 1, 1))).float()
        parts.append(((part - 0.5) * random.uniform(0.6, 1.2) + 0.5 + tint).clamp(0, 1))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    images = (torch.cat(parts) - mean) / std
    if channels == 3:
        return images
    grey = images.mean(1, keepdim=True)
    return grey.expand(-1, channels, -1, -1).contiguous()


def photographs(network: ResNet) -> Tensor:
    """What `network` is judged by: photographs of its channels, of a usual size."""
    size = usual_size(network.spec.stem)
    size, count = (size, _COUNTS[size]) if size in _COUNTS else _LARGE
    return _photographs(network.spec.in_channels, size, count)


def _exchanged(network: ResNet, inputs: list[Tensor], heard: dict[str, float]) -> tuple[str, str] | None:
    """Two blocks, or two layers of a block, of equal shapes that agree better exchanged. None: each agrees best.

    inputs: what each block reads. heard: the divergence of each norm, as they stand.
    """
    names, blocks = map(list, zip(*_blocks(network), strict=True))
    usual = {name: sum(one for norm, one in heard.items() if norm.startswith(f"{name}.")) for name in names}

    def agreement(start: int, order: list[nn.Module]) -> float:
        heard.clear()
        x = inputs[start]
        for block in order:
            x = block(x)
        return sum(heard.values())

    for number, (one, two) in enumerate(pairwise(blocks)):
        if _shapes(one) == _shapes(two):
            end = number + 2 + NEXT
            now = sum(usual[name] for name in names[number:end])
            if agreement(number, [two, one, *blocks[number + 2 : end]]) < BETTER * now:
                return names[number], names[number + 1]
    for number, unit in enumerate(units(network.spec)[1:-1]):
        end = number + 1 + NEXT
        now = sum(usual[name] for name in names[number:end])
        for first, second in _alike(network, unit):
            _exchange(network, first, second)
            other = agreement(number, blocks[number:end])
            _exchange(network, first, second)
            if other < BETTER * now:
                return first[0], second[0]
    return None


Pair = tuple[str, str]  # a convolution and the norm behind it


def _alike(network: ResNet, unit: Unit) -> Iterator[tuple[Pair, Pair]]:
    """Convolutions of a block that could stand in each other's place, with their norms."""
    for (one, norm), (two, other) in combinations(followers(unit), 2):
        strides = {network.get_submodule(slot.name).stride for slot in (one, two)}
        if one.shape == two.shape and len(strides) == 1:
            yield (one.name, norm.name), (two.name, other.name)


def _exchange(network: ResNet, first: Pair, second: Pair) -> None:
    for one, two in zip(first, second, strict=True):
        a, b = network.get_submodule(one), network.get_submodule(two)
        for part in ("weight", "bias", *KEPT):
            if getattr(a, part, None) is not None:
                ours, theirs = getattr(a, part), getattr(b, part)
                setattr(a, part, theirs)
                setattr(b, part, ours)


def _shapes(block: nn.Module) -> tuple[tuple[str, torch.Size], ...]:
    return tuple((name, value.shape) for name, value in block.state_dict().items())
