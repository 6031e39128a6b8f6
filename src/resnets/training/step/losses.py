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
PerClass = Float[Tensor, " classes"]
Loss = Float[Tensor, ""]


def one_hot(labels: Int64[Tensor, " batch"], classes: int, smoothing: float = 0.0) -> Targets:
    """Each label as probabilities: 1 - smoothing on its class, and smoothing / classes on every class, its own too.

    So torch and timm smooth labels; Szegedy et al. 2015, section 7.
    """
    off = smoothing / classes
    targets = torch.full((len(labels), classes), off, dtype=torch.float32, device=labels.device)
    return targets.scatter_(1, labels[:, None], 1 - smoothing + off)


def cross_entropy(logits: Logits, targets: Targets, *, class_weights: PerClass | None = None) -> Loss:
    """The mean over images of - sum over classes of weight x target x log softmax.

    Divided by the number of images, not by the sum of their weights: as torch does for probabilities. `class_weights`
    of this module are 1 on average over the training images, so that the learning rate keeps its meaning.
    """
    return F.cross_entropy(_wide(logits), _wide(targets), weight=class_weights)


def binary_cross_entropy(
    logits: Logits, targets: Targets, *,
    sum_classes: bool = False, threshold: float | None = None, class_weights: PerClass | None = None,
) -> Loss:  # fmt: skip
    """Every class as a question of its own, answered yes or no ("ResNet strikes back", Wightman et al. 2021).

    sum_classes: sum over the classes and average over images only; else average over both.
    threshold: targets above it become 1, all others 0. Its recipes use 0.2, so both images of a mix count as there.
    class_weights: of each class's question.
    """
    targets = _wide(targets)
    if threshold is not None:
        targets = (targets > threshold).to(targets.dtype)
    losses = F.binary_cross_entropy_with_logits(_wide(logits), targets, weight=class_weights, reduction="none")
    return losses.sum(1).mean() if sum_classes else losses.mean()


def distillation(student: Logits, teacher: Logits, *, temperature: float) -> Loss:
    """How far the student's softened probabilities are from the teacher's: T² KL(teacher / T || student / T), a mean.

    Its gradient is that of the second term of He et al. 2018, section 5.3; T² keeps the gradient's size when T changes
    (Hinton et al. 2015, section 2.1). The teacher gets no gradient.
    """
    guess = F.log_softmax(_wide(student) / temperature, dim=1)
    truth = F.log_softmax(_wide(teacher).detach() / temperature, dim=1)
    return temperature**2 * F.kl_div(guess, truth, reduction="batchmean", log_target=True)


def class_weights(counts: Sequence[int]) -> PerClass:
    """The weight of each class, in inverse proportion to its images: scikit-learn's "balanced".

    counts: images of each class. The mean weight of an image is 1. A class with no image weighs nothing.
    """
    images = torch.tensor(counts, dtype=torch.float64)
    present = images > 0
    weights = images.sum() / (present.sum() * images.clamp(min=1))
    return torch.where(present, weights, 0.0).float()


def logit_adjustment(counts: Sequence[int], tau: float) -> PerClass:
    """What to add to the logits in training, and only there: tau x log of its share (Menon et al. 2021, eq. 10).

    The network then learns what the share does not already say. tau 1 is their choice and makes balanced error the aim.
    A class with no image counts as one, so that every offset is finite.
    """
    images = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return (tau * torch.log(images / images.sum())).float()


def _wide(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """In float32, or float64 if they are: half precision loses what a sum of logarithms needs."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
