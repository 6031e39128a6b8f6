"""One image through a network, written down: what each block adds to what, and what follows from it for the answer.

One pass with hooks, a gradient for each of the first answers, and the network once more without each of its blocks.
Afterwards the network is as it was: hooks live in a context manager, and no parameter gets a gradient.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from resnets.classifier.file import Classifier, in_float32
from resnets.explain.ablation import shortcut_alone
from resnets.explain.cam import is_exact
from resnets.explain.listening import Heard, array, first_convolution, listening, modules
from resnets.explain.record import Filters, ImageRecord, Last, Maps, NetworkRecord, Sum
from resnets.network import ResidualBlock, ResNet

CELLS = 4_000_000  # of maps that are kept of an image, at most
ANSWERS = 5  # first answers, for which each channel's strength is found


def network_record(network: ResNet) -> NetworkRecord:
    """What the page shows of a network whatever the image."""
    name, first = first_convolution(network)
    biases = torch.zeros(len(first.weight)) if first.bias is None else first.bias
    return NetworkRecord(
        filters=Filters(name, array(first.weight), array(biases)),
        biases=array(network.fc.bias),
        last=_last(network),
        pool=network.spec.pool,
    )


def image_record(
    classifier: Classifier, pixels: UInt8[np.ndarray, "height width channels"], *, cells: int = CELLS
) -> ImageRecord:
    """What a classifier's network did with an image, as `preprocessing.pixels` gives it.

    cells: how many cells of feature maps are kept. Where there are more, each block keeps the same number of channels,
    those of most strength for any of the first answers.
    """
    network = classifier.network
    image = classifier.preprocessing.normalize(torch.as_tensor(pixels[None]).to(classifier.device))
    with in_float32(classifier.device):
        with torch.enable_grad(), listening(network) as heard:
            logits = network(image.requires_grad_())[0]
        answers = tuple(int(one) for one in torch.argsort(-logits, stable=True)[:ANSWERS])
        strengths = _strengths(logits, answers, heard.outputs)
        without = _without_each(network, heard.inputs)
    return ImageRecord(
        pixels=pixels,
        logits=array(logits),
        answers=answers,
        class_maps=_class_maps(network, heard.last_maps) if is_exact(network) else None,
        **_sums(network, heard, strengths, cells),
        strongest=heard.strongest,
        responses=heard.responses,
        without=without,
    )


def _last(network: ResNet) -> Last:
    if network.spec.preactivation:
        return "none"
    return "relu" if network.spec.activation == "relu" else "other"


def _strengths(
    logits: Float[Tensor, " classes"], answers: Sequence[int], outputs: Sequence[Tensor]
) -> list[Float32[np.ndarray, "answers channels"]]:
    """For each output: what each class's logit would lose, to first order, if a channel were zero."""
    rows: list[list[NDArray[np.float32]]] = [[] for _ in outputs]
    for answer in answers:
        gradients = torch.autograd.grad(logits[answer], list(outputs), retain_graph=True)
        for row, output, gradient in zip(rows, outputs, gradients, strict=True):
            row.append(array((output.detach() * gradient).sum(dim=(2, 3))[0]))
    return [np.stack(row) for row in rows]


@torch.inference_mode()
def _without_each(network: ResNet, inputs: Sequence[Tensor]) -> Float32[np.ndarray, "blocks classes"]:
    """The logits if one block's residual branch gave zeros, block by block; what comes before it is as it was."""
    if network.spec.shortcut == "none":  # a plain network has nothing to replace a block by
        return np.empty((0, network.spec.num_classes), dtype=np.float32)
    every = list(network.blocks())
    found: list[NDArray[np.float32]] = []
    for place, (block, entering) in enumerate(zip(every, inputs, strict=True)):
        x = shortcut_alone(block)(entering.detach())
        for later in every[place + 1 :]:
            x = later(x)
        features = torch.flatten(network.pool(network.act(network.norm(x))), 1)
        found.append(array(network.classify(features)[0]))
    return np.stack(found)


@torch.inference_mode()
def _class_maps(
    network: ResNet, maps: Float[Tensor, "1 channels rows columns"]
) -> Float32[np.ndarray, "classes rows columns"]:
    """What each cell of the last maps adds to each logit."""
    cells = maps.shape[2] * maps.shape[3]
    return array(torch.einsum("khw,ck->chw", maps[0].float(), network.fc.weight.float()) / cells)


def _sums(network: ResNet, heard: Heard, strengths: Sequence[Float32[np.ndarray, "_ _"]], cells: int) -> dict[str, Any]:
    """The record's stem and sums."""
    kinds = 3 if _last(network) != "other" else 4  # of maps that a block has
    sizes = [(kinds if place else 1, *_shape(output)) for place, output in enumerate(heard.outputs)]
    keep = kept_channels(sizes, cells)
    names = ["stem", *(name for name, module in modules(network) if isinstance(module, ResidualBlock))]
    maps = [
        _maps(name, output.detach()[0], strength, keep)
        for name, output, strength in zip(names, heard.outputs, strengths, strict=True)
    ]
    pairs = zip(maps[1:], heard.shortcuts, heard.residuals, strict=True)
    return {
        "stem": maps[0],
        "sums": tuple(_sum(output, s.detach().expand_as(f)[0], f.detach()[0]) for output, s, f in pairs),
    }


def kept_channels(sizes: Sequence[tuple[int, int, int, int]], cells: int) -> int:
    """How many channels each volume may keep, so that all of them together have at most `cells`; at least one.

    sizes: of each volume, how many maps a channel has there, its channels, rows and columns.
    """
    most = max(channels for _, channels, _, _ in sizes)
    fits = (
        keep
        for keep in range(most, 0, -1)
        if sum(maps * min(keep, channels) * rows * columns for maps, channels, rows, columns in sizes) <= cells
    )
    return next(fits, 1)


def _maps(
    name: str, output: Float[Tensor, "_ _ _"], strength: Float32[np.ndarray, "answers channels"], keep: int
) -> Maps:
    values = array(output)
    order = np.argsort(-np.abs(strength).max(axis=0), kind="stable")[:keep]
    channels: Int64[np.ndarray, " kept"] = np.sort(order)
    return Maps(
        name=name, channels=channels, values=values[channels], strength=strength[:, channels],
        mean=values.mean(axis=(1, 2)), peak=np.abs(values).max(axis=(1, 2)),
    )  # fmt: skip


def _sum(output: Maps, shortcut: Float[Tensor, "_ _ _"], residual: Float[Tensor, "_ _ _"]) -> Sum:
    return Sum(
        output=output,
        shortcut=array(shortcut)[output.channels],
        residual=array(residual)[output.channels],
        shortcut_norm=_norm(shortcut),
        residual_norm=_norm(residual),
    )


def _norm(maps: Float[Tensor, "_ _ _"]) -> float:
    return float(np.linalg.norm(array(maps).astype(np.float64)))


def _shape(maps: Tensor) -> tuple[int, int, int]:
    _, channels, rows, columns = maps.shape
    return channels, rows, columns
