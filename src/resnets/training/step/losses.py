"""What a step minimizes, as pure functions of logits and soft targets, and what makes up for rare classes.

Soft targets are a row of probabilities for each image, so label smoothing, mixup and cutmix need no loss of their own.
Every loss is computed in at least float32, whatever precision autocast gave the logits.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

Logits = Float[Tensor, "batch classes"]
Targets = Float[Tensor, "batch classes"]
ENOUGH = 10.0  # times the rarest class's images: more of a class barely lower its weight

PerImage = Float[Tensor, " batch"]
PerClass = Float[Tensor, " classes"]
Loss = Float[Tensor, ""]


def one_hot(labels: Int64[Tensor, " batch"], classes: int) -> Targets:
    """Each label as probabilities: 1 on its class."""
    return torch.zeros(len(labels), classes, device=labels.device).scatter_(1, labels[:, None], 1)


def smoothed(labels: Targets, smoothing: float) -> Targets:
    """Labels as probabilities, mixed or not, with a part of each spread over all classes, its own too.

    So torch and timm smooth labels (Szegedy et al. 2015, section 7); mixed before or after, it comes to the same.
    """
    return labels * (1 - smoothing) + smoothing / labels.shape[1] if smoothing else labels


def cross_entropy(logits: Logits, targets: Targets, *, image_weights: PerImage | None = None) -> Loss:
    """The mean over images of weight x - sum over classes of target x log softmax.

    Divided by the number of images, not by the sum of their weights. A weight is an image's, never a term's: weighing
    the terms of a soft target teaches every image the rare classes' names, as the optimum is then weight x target.
    """
    return _mean(F.cross_entropy(_wide(logits), _wide(targets), reduction="none"), image_weights)


def binary_cross_entropy(
    logits: Logits, targets: Targets, *,
    sum_classes: bool = False, threshold: float | None = None, image_weights: PerImage | None = None,
) -> Loss:  # fmt: skip
    """Every class as a question of its own, answered yes or no ("ResNet strikes back", Wightman et al. 2021).

    sum_classes: sum over the classes and average over images only; else average over both.
    threshold: targets above it become 1, all others 0. Its recipes use 0.2, so both images of a mix count as there.
    image_weights: of all questions about an image. A weight for a class's question would weigh its yes and its no
    alike, and rebalance nothing.
    """
    targets = _wide(targets)
    if threshold is not None:
        targets = (targets > threshold).to(targets.dtype)
    losses = F.binary_cross_entropy_with_logits(_wide(logits), targets, reduction="none")
    return _mean(losses.sum(1) if sum_classes else losses.mean(1), image_weights)


def distillation(student: Logits, teacher: Logits, *, temperature: float) -> Loss:
    """How far the student's softened probabilities are from the teacher's: T² KL(teacher / T || student / T), a mean.

    Its gradient is that of the second term of He et al. 2018, section 5.3; T² keeps the gradient's size when T changes
    (Hinton et al. 2015, section 2.1). The teacher gets no gradient.
    """
    guess = F.log_softmax(_wide(student) / temperature, dim=1)
    truth = F.log_softmax(_wide(teacher).detach() / temperature, dim=1)
    return temperature**2 * F.kl_div(guess, truth, reduction="batchmean", log_target=True)


def class_weights(counts: Sequence[int]) -> PerClass:
    """The weight of each class's images, in inverse proportion to its effective number of images.

    That number is (1 - beta^count) / (1 - beta), which counts the first images in full and ends at 1 / (1 - beta) (Cui
    et al. 2019, eq. 2); here it ends at ENOUGH times the images of the rarest class. So the weights of close classes
    are scikit-learn's "balanced", and no image of a rare class outweighs a whole batch: three images weighed 40 times
    cost more accuracy than they brought (benchmarks/imbalance.py).

    counts: images of each class. The mean weight of an image is 1, so that the learning rate keeps its meaning. A class
    with no image weighs nothing.
    """
    images = torch.tensor(counts, dtype=torch.float64)
    beta = 1 - 1 / (ENOUGH * images[images > 0].min())
    effective = (1 - beta**images) / (1 - beta)
    weights = torch.where(images > 0, 1 / effective.clamp(min=1), 0.0)
    return (weights * images.sum() / (weights * images).sum()).float()


def logit_adjustment(counts: Sequence[int], tau: float) -> PerClass:
    """What to add to the logits in training, and only there: tau x log of its share (Menon et al. 2021, eq. 10).

    The network then learns what the share does not already say. tau 1 is their choice and makes balanced error the aim.
    A class with no image counts as one, so that every offset is finite.
    """
    images = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return (tau * torch.log(images / images.sum())).float()


def _mean(losses: PerImage, weights: PerImage | None) -> Loss:
    return losses.mean() if weights is None else (losses * weights).mean()


def _wide(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """In float32, or float64 if they are: half precision loses what a sum of logarithms needs."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
