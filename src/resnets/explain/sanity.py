"""Whether a map says anything of the network: what happens when its places are taken away, and a network of chance.

- Deletion and insertion (Petsiuk et al. 2018): the class's probability while the places with the largest values are
  covered by the mean colour, and while they come back into a blurred image. A good map makes the first fall early and
  the second rise early: a small area under the one curve, a large one under the other.
- A randomized network (Adebayo et al. 2018): a map that stays the same when all weights are drawn anew shows the image,
  not what the network has learnt.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from resnets.classifier.file import Classifier, in_float32
from resnets.explain.maps import TOGETHER, Method, map_of
from resnets.explain.overlay import resized
from resnets.network import ResNet

PARTS = 10  # steps in which all of an image is taken away
BLUR = 10  # of an image's side over the deviation of the filter that leaves nothing to recognize
STEPS = 16  # of integrated gradients for the network of chance, which is only looked at
SEED = 0  # of the random order and of the network of chance


@dataclass(frozen=True)
class Curve:
    """A class's probability at each part of the image that was taken away, or given back, from none to all of it."""

    probabilities: tuple[float, ...]

    @property
    def area(self) -> float:
        """Under the curve: the mean probability, 0 to 1."""
        return float(np.trapezoid(self.probabilities, dx=1 / (len(self.probabilities) - 1)))

    def as_dict(self) -> dict[str, Any]:
        """The curve as JSON values."""
        return {"area": self.area, "probabilities": list(self.probabilities)}


@dataclass(frozen=True)
class Sanity:
    """What the checks of one map found."""

    deletion: Curve
    insertion: Curve
    random_deletion: Curve  # with the map's values at random places: what a map must be better than
    random_insertion: Curve
    randomized: Float32[np.ndarray, "rows columns"]  # the map of the network of chance
    correlation: float | None  # of the two maps' ranks, -1 to 1; None where one of them is the same everywhere

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "deletion": self.deletion.as_dict(),
            "insertion": self.insertion.as_dict(),
            "random_deletion": self.random_deletion.as_dict(),
            "random_insertion": self.random_insertion.as_dict(),
            "randomized_correlation": self.correlation,
        }


def sanity_of(
    classifier: Classifier,
    pixels: UInt8[np.ndarray, "height width channels"],
    place: int,
    method: Method,
    values: Float32[np.ndarray, "rows columns"],
) -> Sanity:
    """The checks of a map that `map_of` gave for the same image, class and method."""
    images = classifier.preprocessing.normalize(torch.from_numpy(pixels)[None].to(classifier.device))
    shuffled = np.random.Generator(np.random.Philox(key=SEED)).permutation(values.ravel()).reshape(values.shape)
    curve = partial(_curve, classifier, place, images)
    covered, blurred = torch.zeros_like(images), _blurred(images)
    other = map_of(randomized(classifier, images), pixels, place, method, most_steps=STEPS).values
    return Sanity(
        deletion=curve(covered, values),
        insertion=_reversed(curve(blurred, -values)),
        random_deletion=curve(covered, shuffled),
        random_insertion=_reversed(curve(blurred, -shuffled)),
        randomized=other,
        correlation=_rank_correlation(values, other),
    )


def randomized(classifier: Classifier, images: Float[Tensor, "1 channels height width"]) -> Classifier:
    """The classifier with all its weights drawn anew, its norms by the statistics of this image and its mirror image.

    With norms as drawn, which change nothing, the signal of a deep network would grow beyond all numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        network = ResNet(classifier.network.spec)
    network.to(classifier.device)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # the last batch's statistics alone
    network.train()
    with torch.no_grad(), in_float32(classifier.device):
        network(torch.cat([images, images.flip(3)]))
    return replace(classifier, network=network)


def _curve(
    classifier: Classifier, place: int, images: Tensor, instead: Tensor, values: Float32[np.ndarray, "rows columns"]
) -> Curve:
    """While more and more of an image, the largest values first, is replaced by `instead`."""
    height, width = images.shape[2:]
    order = np.argsort(-resized(values, height, width, smooth=True), axis=None, kind="stable")
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    ranks = torch.from_numpy(rank.reshape(height, width)).to(images.device)
    cuts = torch.linspace(0, order.size, PARTS + 1, device=images.device).round()
    taken = (ranks < cuts[:, None, None])[:, None]
    found: list[Tensor] = []
    with torch.inference_mode(), in_float32(classifier.device):
        for some in taken.split(TOGETHER):
            logits = classifier.network(torch.where(some, instead, images)).float()
            found.append(torch.softmax(logits / classifier.temperature, dim=1)[:, place])
    return Curve(tuple(torch.cat(found).tolist()))


def _reversed(curve: Curve) -> Curve:
    """Taking away the smallest values first is, read backwards, giving back the largest first."""
    return Curve(curve.probabilities[::-1])


def _blurred(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    for dimension, side in ((2, height), (3, width)):
        deviation = side / BLUR
        reach = min(round(3 * deviation), side - 1)
        if reach < 1:
            continue
        steps = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
        weights = torch.exp(-0.5 * (steps / deviation) ** 2)
        shape = [1, 1, -1, 1] if dimension == 2 else [1, 1, 1, -1]
        kernel = (weights / weights.sum()).view(shape).expand(images.shape[1], *shape[1:])
        padding = (0, 0, reach, reach) if dimension == 2 else (reach, reach, 0, 0)
        images = F.conv2d(F.pad(images, padding, mode="reflect"), kernel, groups=images.shape[1])
    return images


def _rank_correlation(
    first: Float32[np.ndarray, "rows columns"], second: Float32[np.ndarray, "rows columns"]
) -> float | None:
    """Spearman's, of two maps' values."""
    from scipy.stats import rankdata

    if not np.isfinite(second).all() or not np.ptp(first) or not np.ptp(second):
        return None
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
