"""Whether the batch norms of a network agree with what their convolutions make of photographs.

A batch norm keeps the mean and the variance that each of its channels had in training. In the right place it sees
about those again, whatever the photographs. Behind another convolution, or in another block, it does not. Every batch
norm normalizes by its batch here, so that a layer is judged by what stands right before it and errors do not add up.

The measure is the Kullback-Leibler divergence from the normal distribution that a norm remembers to the one that it
sees, averaged over channels and norms. The stem's is left out: it depends on how the images were normalized.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.catalog import usual_size
from resnets.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from resnets.network import ResNet
from resnets.weights.slots import Unit, followers, units

MOST = 0.5  # divergence a norm. Published weights have 0.01 to 0.03, with other kernels 0.7 to 1.2
BETTER = 0.98  # of the divergence around two layers: if they agree so much better exchanged, they are
NEXT = 2  # blocks behind those exchanged that are looked at as well
_COUNTS = {32: 48, 64: 32}  # photographs, by their size
_LARGE = 128, 24  # pixels, photographs, for networks of larger images
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
    divergence = measured(network)
    if divergence > MOST:
        raise InputError(
            f"the statistics of its batch norms are not those of these layers (a divergence of {divergence:.2g} "
            f"on photographs; at most {MOST:g} is usual): it is of a network that connects them otherwise, or was cut "
            "together"
        )
    if exchanged := _exchanged(copy.deepcopy(network).eval()):
        raise InputError(
            f"{exchanged[0]} and {exchanged[1]} stand in the wrong order: the statistics of its batch norms agree "
            "better with the two exchanged"
        )
    return (f"its batch norms agree with its layers in this order (a divergence of {divergence:.2g})",)


def is_trained(network: ResNet) -> bool:
    """Whether any batch norm has other statistics than it began with."""
    return any(not _fresh(norm) for _, norm in _norms(network))


def measured(network: ResNet) -> float:
    """How far the batch norms of a network are from what they see of photographs."""
    network = copy.deepcopy(network).eval()
    with _listening(network) as heard:
        network(photographs(network))
    behind = list(heard.values())[len(network.spec.stem.widths) :]
    return sum(behind) / max(1, len(behind))


def _norms(network: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            yield name, module


def _fresh(norm: nn.BatchNorm2d) -> bool:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return bool((norm.running_mean == 0).all() and (norm.running_var == 1).all())


def _check_numbers(network: ResNet) -> None:
    for name, norm in _norms(network):
        assert norm.running_var is not None
        if (norm.running_var < 0).any():
            raise InputError(f"what would be the variance of {name} has negative values")


@contextmanager
def _listening(network: nn.Module) -> Iterator[dict[str, float]]:
    """The divergence of each norm from what went through it last. Norms normalize by their batch meanwhile."""
    heard: dict[str, float] = {}

    def hook(name: str, norm: nn.BatchNorm2d) -> None:
        def listen(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            heard[name] = _divergence(given[0], norm)

        handles.append(norm.register_forward_pre_hook(listen))
        norm.momentum = 0.0  # what they remember stays
        norm.train()

    handles: list[torch.utils.hooks.RemovableHandle] = []
    for name, norm in _norms(network):
        hook(name, norm)
    try:
        with torch.inference_mode():
            yield heard
    finally:
        for handle in handles:
            handle.remove()
        network.eval()


def _divergence(x: Tensor, norm: nn.BatchNorm2d) -> float:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    seen, mean = x.var((0, 2, 3)) + norm.eps, x.mean((0, 2, 3))
    kept = norm.running_var + norm.eps
    divergence = 0.5 * ((kept / seen).log() + (seen + (mean - norm.running_mean) ** 2) / kept - 1)
    return float(divergence.clamp(max=_CAP).mean())


@lru_cache(maxsize=4)
def _photographs(channels: int, size: int, count: int) -> Tensor:
    """Parts of scikit-learn's two photographs, in other light and colours, normalized as usual."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    wholes = [torch.from_numpy(one.copy()).permute(2, 0, 1)[None].float() / 255 for one in load_sample_images().images]
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


def _exchanged(network: ResNet) -> tuple[str, str] | None:
    """Two blocks, or two layers of a block, of equal shapes that agree better exchanged. None: each agrees best."""
    names = [f"layer{stage}.{index}" for stage, depth in enumerate(network.spec.depths, 1) for index in range(depth)]
    blocks = [network.get_submodule(name) for name in names]
    with _listening(network) as heard:
        inputs = [network.stem(photographs(network))]
        for block in blocks[:-1]:
            inputs.append(block(inputs[-1]))

        def agreement(start: int, order: list[nn.Module]) -> float:
            heard.clear()
            x = inputs[start]
            for block in order:
                x = block(x)
            return sum(heard.values())

        for number, (one, two) in enumerate(pairwise(blocks)):
            if _shapes(one) == _shapes(two):
                following = blocks[number + 2 : number + 2 + NEXT]
                now = agreement(number, [one, two, *following])
                if agreement(number, [two, one, *following]) < BETTER * now:
                    return names[number], names[number + 1]
        for number, unit in enumerate(units(network.spec)[1:-1]):
            order = blocks[number : number + 1 + NEXT]
            for first, second in _alike(network, unit):
                now = agreement(number, order)
                _exchange(network, first, second)
                other = agreement(number, order)
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
        for part in ("weight", "bias", "running_mean", "running_var"):
            if getattr(a, part, None) is not None:
                ours, theirs = getattr(a, part), getattr(b, part)
                setattr(a, part, theirs)
                setattr(b, part, ours)


def _shapes(block: nn.Module) -> tuple[tuple[str, torch.Size], ...]:
    return tuple((name, value.shape) for name, value in block.state_dict().items())
