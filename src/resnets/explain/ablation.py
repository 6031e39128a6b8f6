"""What each residual block contributes: the accuracy of the network with the block replaced by its shortcut.

A residual network reads like an ensemble of paths (Veit et al. 2016): without one block half of the paths are left, and
a deep network loses little. What costs most is the first block, or one that changes the shape.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.classifier.file import Classifier, in_float32
from resnets.classifier.predictor import Predictor
from resnets.data import loading
from resnets.evaluation.judged_images import Scored
from resnets.folding import folded
from resnets.network import ResNet
from resnets.spec import BranchKind, blocks


@dataclass(frozen=True)
class Ablated:
    """The answers of a network for labelled images: its own, and those without each of its blocks."""

    scored: Scored
    names: tuple[str, ...]  # of the blocks: `layer2.0`
    shortcuts: tuple[BranchKind, ...]
    answers: Int64[np.ndarray, "images blocks"]  # by the network without each block


def ablated(classifier: Classifier, data: Any, **options: Any) -> Ablated:
    """Score a classifier with each of its blocks replaced by its shortcut.

    data, options: as `Scoring.scored` has them, but for test-time augmentation. Raises InputError for a plain network,
    and as `scored` does. The classifier is as before.
    """
    spec = classifier.network.spec
    if spec.shortcut == "none":
        raise InputError(
            f'{classifier.path or "the classifier"}: shortcut = "none": a plain network has no shortcuts to replace '
            "blocks by; take a residual one"
        )
    judge = _WithoutBlocks(
        classifier=classifier, classes=classifier.classes, preprocessing=classifier.preprocessing,
        temperature=classifier.temperature, origin=classifier.origin, path=classifier.path,
    )  # fmt: skip
    scored = judge.scored(data, **options)
    made = list(blocks(spec))
    return Ablated(
        scored,
        tuple(f"layer{block.stage}.{block.index}" for block in made),
        tuple(block.shortcut for block in made),
        np.concatenate(judge.kept),
    )


@dataclass(kw_only=True)
class _WithoutBlocks(Predictor):
    """A classifier whose every output is computed without each block too, those answers being kept."""

    classifier: Classifier
    kept: list[NDArray[np.int64]] = field(default_factory=list)
    faster: ResNet = field(init=False)  # its norms folded into the convolutions; rounding apart the same network

    def __post_init__(self) -> None:
        super().__post_init__()
        self.faster = folded(self.classifier.network)

    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        images = self.classifier.preprocessing.normalize(torch.from_numpy(pixels).to(self.classifier.device))
        if self.classifier.concurrent:
            with self.on_one_core():
                answers = list(loading.in_order(self._answers, self._passed(images), ahead=2))
        else:
            answers = [self._answers(one) for one in self._passed(images)]
        self.kept.append(np.stack(answers, axis=1))
        return self.classifier.outputs(pixels)

    def _passed(self, images: Tensor) -> Iterator[tuple[int, Tensor]]:
        """For each block the place of the next one, and what that is given when the block is its shortcut.

        What comes before a block is computed once for all that follow.
        """
        with torch.inference_mode(), in_float32(self.classifier.device):
            entering = self.faster.stem(images)
            for place, block in enumerate(self.faster.blocks(), 1):
                yield place, shortcut_alone(block)(entering)
                entering = block(entering)

    def _answers(self, passed: tuple[int, Tensor]) -> Int64[np.ndarray, " batch"]:
        """The network's answers, from the block at a place on."""
        place, x = passed
        network = self.faster
        with torch.inference_mode(), in_float32(self.classifier.device):
            for block in islice(network.blocks(), place, None):
                x = block(x)
            features = torch.flatten(network.pool(network.act(network.norm(x))), 1)
            return network.classify(features).argmax(dim=1).cpu().numpy()


def shortcut_alone(block: nn.Module) -> nn.Module:
    """The block with a residual branch that gives zero: its shortcut, with whatever follows the sum.

    It shares the block's layers, and the block, which other threads may be running, stays as it is.
    """
    alone: Any = copy.copy(block)
    zero = torch.zeros((), device=next(block.parameters()).device)
    alone.residual = lambda *_: zero
    return alone
