"""Maps of what in an image speaks for a class, or against it, by four methods; all of them signed.

- cam: Zhou et al. 2016. Exact where the logit is a mean over positions: the cells and the bias sum to the logit.
- gradcam: Selvaraju et al. 2017, before the ReLU. What cam is where cam is exact, and an estimate for other pools.
- occlusion: Zeiler & Fergus 2014. How much the logit falls when a patch is covered by the mean colour.
- integrated-gradients: Sundararajan et al. 2017. The pixels sum to the logit's rise from an image of the mean colour.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from resnets.base.errors import InputError
from resnets.classifier.file import Classifier, in_float32
from resnets.explain.cam import class_activation_map, is_exact

Method = Literal["cam", "gradcam", "occlusion", "integrated-gradients"]
PATCHES = 7  # along a side that occlusion covers one after the other, each overlapping the next by half
STEPS, MOST_STEPS = 64, 1024  # of integrated gradients: as many as completeness takes, doubled from the fewest
COMPLETE = 0.01  # of the logit's rise, that the pixels' sum may miss it by
TOGETHER = 16  # images in a step of the network


@dataclass(frozen=True, slots=True)
class Completeness:
    """How near the sum of integrated gradients comes to what it is the sum of."""

    total: float  # of all pixels
    rise: float  # of the logit, from the image of the mean colour
    steps: int

    @property
    def error(self) -> float:
        """The difference, as a part of the rise."""
        return abs(self.total - self.rise) / max(abs(self.rise), 1e-12)

    @property
    def is_met(self) -> bool:
        """Whether the sum is within 1% of the rise."""
        return self.error <= COMPLETE


@dataclass(frozen=True, slots=True)
class Map:
    """What each place of an image adds to one class's logit."""

    values: Float32[np.ndarray, "rows columns"]
    completeness: Completeness | None = None  # of integrated gradients alone


def usual_method(classifier: Classifier) -> Method:
    """cam where it is exact, else gradcam."""
    return "cam" if is_exact(classifier.network) else "gradcam"


def map_of(
    classifier: Classifier,
    pixels: UInt8[np.ndarray, "height width channels"],
    place: int,
    method: Method,
    *,
    most_steps: int = MOST_STEPS,
) -> Map:
    """What speaks for one class in one image, and what against it.

    pixels: as `preprocessing.pixels` gives them. place: of the class among the outputs. most_steps: of integrated
    gradients. Raises InputError where cam is not exact, or where captum, which occlusion and integrated gradients
    need, is not installed. The classifier is as before.
    """
    batch = torch.from_numpy(pixels)[None]
    if method == "cam":
        found = class_activation_map(classifier, batch, torch.tensor([place]))[0]
        return Map((found / found.numel()).numpy())
    images = classifier.preprocessing.normalize(batch.to(classifier.device))
    with in_float32(classifier.device):
        match method:
            case "gradcam":
                return Map(_gradcam(classifier, images, place))
            case "occlusion":
                return Map(_occlusion(classifier, images, place))
            case "integrated-gradients":
                return _integrated_gradients(classifier, images, place, most_steps)


def _gradcam(classifier: Classifier, images: Tensor, place: int) -> Float32[np.ndarray, "rows columns"]:
    network = classifier.network
    with torch.no_grad():
        maps = network.feature_maps(images)[-1]
    with torch.enable_grad():
        maps.requires_grad_()
        logits = network.classify(torch.flatten(network.pool(maps), 1))
        (gradients,) = torch.autograd.grad(logits[0, place], maps)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return _as_map((weights * maps.detach()).sum(dim=1)[0])


def _occlusion(classifier: Classifier, images: Tensor, place: int) -> Float32[np.ndarray, "rows columns"]:
    channels, height, width = images.shape[1:]
    patch = max(1, round(height / PATCHES)), max(1, round(width / PATCHES))
    found = _captum().Occlusion(classifier.network).attribute(
        images, (channels, *patch), strides=(channels, *(max(1, side // 2) for side in patch)), baselines=0,
        target=place, perturbations_per_eval=TOGETHER,
    )  # fmt: skip
    return _as_map(found[0].mean(dim=0))  # all channels of a pixel are covered together, and so have one value


def _integrated_gradients(classifier: Classifier, images: Tensor, place: int, most_steps: int) -> Map:
    network = classifier.network
    method = _captum().IntegratedGradients(network)
    with torch.no_grad():
        after, before = network(torch.cat([images, torch.zeros_like(images)]))[:, place].tolist()
    steps = min(STEPS, most_steps)
    while True:
        found = method.attribute(images, baselines=0, target=place, n_steps=steps, internal_batch_size=TOGETHER)
        reached = Completeness(found.sum().item(), after - before, steps)
        if reached.is_met or steps >= most_steps:
            return Map(_as_map(found[0].sum(dim=0)), reached)
        steps = min(2 * steps, most_steps)


def _as_map(values: Tensor) -> Float32[np.ndarray, "rows columns"]:
    return values.detach().float().cpu().numpy()


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError:
        raise InputError(
            "occlusion and integrated-gradients need the package captum, which is not installed: "
            'pip install "resnets[explain]"; cam and gradcam work without it'
        ) from None
    return captum.attr
