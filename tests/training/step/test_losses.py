"""Losses against torch's, timm's and scikit-learn's, and against the papers where no peer has them."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from resnets.training.recipes.recipe import Recipe
from resnets.training.step import losses
from resnets.training.step.step import Objective
from tests import peers

CLASSES = 7
COUNTS = [40, 3, 12, 1, 9, 20, 15]
ONCE_ROUNDED: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6}  # sums of float32 in another order


def logits(seed: int = 0, batch: int = 24) -> Tensor:
    return 3 * torch.randn(batch, CLASSES, generator=torch.Generator().manual_seed(seed))


def labels(seed: int = 1, batch: int = 24) -> Tensor:
    return torch.randint(CLASSES, (batch,), generator=torch.Generator().manual_seed(seed))


def mixed(smoothing: float = 0.1) -> Tensor:
    hot = losses.one_hot(labels(), CLASSES)
    return losses.smoothed(0.7 * hot + 0.3 * hot.flip(0), smoothing)


def smoothed(smoothing: float = 0.1) -> Tensor:
    return losses.smoothed(losses.one_hot(labels(), CLASSES), smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_targets_are_timms(smoothing: float) -> None:
    theirs = peers.mixup_target(labels(), CLASSES, lam=1.0, smoothing=smoothing)
    torch.testing.assert_close(smoothed(smoothing), theirs, **ONCE_ROUNDED)
    both = peers.mixup_target(labels(), CLASSES, lam=0.7, smoothing=smoothing)
    torch.testing.assert_close(mixed(smoothing), both, **ONCE_ROUNDED)


def test_cross_entropy_of_smoothed_targets_is_torchs_label_smoothing() -> None:
    ours = losses.cross_entropy(logits(), smoothed())
    torch.testing.assert_close(ours, F.cross_entropy(logits(), labels(), label_smoothing=0.1), **ONCE_ROUNDED)


def learnt(labels: Tensor, counts: list[int], **settings: Any) -> Tensor:
    """The probabilities that a recipe's loss is lowest at, for one image that was given these labels."""
    objective = Objective(Recipe(**settings), np.array(counts), torch.device("cpu"))
    logits = torch.zeros(1, len(counts), requires_grad=True)
    rule = torch.optim.LBFGS([logits], max_iter=500, line_search_fn="strong_wolfe", tolerance_change=1e-12)

    def loss() -> Tensor:
        rule.zero_grad()
        value = objective(logits.expand(len(labels), -1), labels)
        value.backward()
        return value

    rule.step(loss)
    sure = torch.sigmoid(logits) if settings.get("loss") == "bce" else torch.softmax(logits, 1)
    return sure.detach()[0]


UNEVEN = [5000, *[50] * 9]


@pytest.mark.parametrize("loss", ["cross-entropy", "bce"])
@pytest.mark.parametrize("label", [0, 4])
def test_an_image_of_any_class_is_taught_its_own_label_however_uneven_the_classes(label: int, loss: str) -> None:
    hot = losses.one_hot(torch.tensor([label]), 10)
    found = learnt(hot, UNEVEN, class_weights="balanced", label_smoothing=0.1, loss=loss)
    torch.testing.assert_close(found, losses.smoothed(hot, 0.1)[0], rtol=1e-2, atol=1e-3)  # 0.91, not 0.092


def test_a_mixed_image_is_taught_its_mixed_label_however_uneven_the_classes() -> None:
    mix = 0.7 * losses.one_hot(torch.tensor([0]), 10) + 0.3 * losses.one_hot(torch.tensor([4]), 10)
    found = learnt(mix, UNEVEN, class_weights="balanced", label_smoothing=0.0)
    torch.testing.assert_close(found, mix[0], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("loss", ["cross-entropy", "bce"])
def test_balanced_weights_raise_what_an_image_that_could_be_either_is_taught_of_the_rare_class(loss: str) -> None:
    """It is given the common label as often as the class is common. Without weights its share is learnt: 0.0099."""
    labels = losses.one_hot(torch.tensor([0] * 100 + [1]), 2)
    settings: dict[str, Any] = {"loss": loss, "label_smoothing": 0.0}
    assert learnt(labels, [100, 1], **settings)[1].item() == pytest.approx(1 / 101, rel=0.02)
    found = learnt(labels, [100, 1], class_weights="balanced", **settings)[1].item()
    assert found == pytest.approx(1 / 11, rel=0.1)  # and ten times that with them, as far as weights go


@pytest.mark.parametrize("sum_classes", [False, True])
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_binary_cross_entropy_is_timms(sum_classes: bool, threshold: float | None) -> None:
    theirs: Any = peers.BinaryCrossEntropy(smoothing=0.1, target_threshold=threshold, sum_classes=sum_classes)
    settings: dict[str, Any] = {"sum_classes": sum_classes, "threshold": threshold}
    ours = losses.binary_cross_entropy(logits(), mixed(), **settings)
    torch.testing.assert_close(ours, theirs(logits(), mixed()), **ONCE_ROUNDED)
    hard = losses.binary_cross_entropy(logits(), smoothed(), **settings)
    torch.testing.assert_close(hard, theirs(logits(), labels()), **ONCE_ROUNDED)  # timm smooths labels itself


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.binary_cross_entropy])
def test_an_image_weighs_as_much_as_so_many_of_it(loss: Any) -> None:
    twice = torch.cat([logits()[:3], logits()[2:3]]), torch.cat([mixed()[:3], mixed()[2:3]])
    ours = loss(logits()[:3], mixed()[:3], image_weights=torch.tensor([0.75, 0.75, 1.5]))
    torch.testing.assert_close(ours, loss(*twice), **ONCE_ROUNDED)


def test_a_threshold_counts_both_images_of_a_mix() -> None:
    hot = losses.one_hot(labels(), CLASSES)
    both = torch.maximum(hot, hot.flip(0))
    ours = losses.binary_cross_entropy(logits(), mixed(smoothing=0.1), threshold=0.2)
    torch.testing.assert_close(ours, F.binary_cross_entropy_with_logits(logits(), both), **ONCE_ROUNDED)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_distillation_has_the_gradient_of_bag_of_tricks(temperature: float) -> None:
    """T² l(softmax(r / T), softmax(z / T)), l the cross-entropy: only a constant, the teacher's entropy, is missing."""
    student, teacher = logits(0).requires_grad_(), logits(2).requires_grad_()
    losses.distillation(student, teacher, temperature=temperature).backward()
    again = logits(0).requires_grad_()
    theirs = F.cross_entropy(again / temperature, torch.softmax(teacher.detach() / temperature, 1))
    (temperature**2 * theirs).backward()
    assert student.grad is not None
    assert again.grad is not None
    torch.testing.assert_close(student.grad, again.grad, rtol=1e-4, atol=1e-6)  # T² multiplies what float32 rounds
    assert teacher.grad is None


def test_distillation_is_zero_for_the_teacher_itself_and_matches_logits_when_hot() -> None:
    assert losses.distillation(logits(), logits(), temperature=3.0).item() == pytest.approx(0, abs=1e-6)
    student, teacher = logits(0).double(), logits(2).double()
    centred = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    limit = 0.5 * centred.square().mean(1).mean()  # Hinton et al. 2015, section 2.1
    torch.testing.assert_close(losses.distillation(student, teacher, temperature=1e4), limit, rtol=1e-3, atol=0)


def test_class_weights_of_close_classes_are_scikit_learns() -> None:
    close = [300, 310, 290, 305, 300, 295, 300]
    y = np.repeat(np.arange(CLASSES), close)
    theirs = compute_class_weight("balanced", classes=np.arange(CLASSES), y=y)
    np.testing.assert_allclose(losses.class_weights(close).numpy(), theirs, rtol=0.01)


@pytest.mark.parametrize("counts", [COUNTS, [120] * 9 + [3], [5000, 50], [1_000_000, 1]])
def test_class_weights_are_those_of_effective_numbers_and_no_image_outweighs_a_batch(counts: list[int]) -> None:
    weights = losses.class_weights(counts)
    beta = 1 - 1 / (10 * min(counts))
    effective = (1 - beta ** np.array(counts, dtype=np.float64)) / (1 - beta)  # Cui et al. 2019, equation 2
    np.testing.assert_allclose(weights / weights.min(), effective.max() / effective, rtol=1e-4)
    assert weights.max() <= 11 * weights.min()
    assert float((weights * torch.tensor(counts)).sum() / sum(counts)) == pytest.approx(1, rel=1e-5)


def test_a_class_without_images_weighs_nothing_and_changes_no_other() -> None:
    assert losses.class_weights([*COUNTS, 0]).tolist() == [*losses.class_weights(COUNTS).tolist(), 0.0]


def test_logit_adjustment_is_the_pairwise_margin_of_the_paper() -> None:
    """Menon et al. 2021, equation 11: log(1 + sum over y' != y of (pi_y' / pi_y)^tau exp(f_y' - f_y))."""
    tau, f, prior = 0.7, logits().double(), torch.tensor(COUNTS).double() / sum(COUNTS)
    ours = losses.cross_entropy(f + losses.logit_adjustment(COUNTS, tau), losses.one_hot(labels(), CLASSES).double())
    rows = torch.arange(len(f))
    margins = (prior / prior[labels()][:, None]) ** tau * torch.exp(f - f[rows, labels()][:, None])
    margins[rows, labels()] = 0
    torch.testing.assert_close(ours, torch.log1p(margins.sum(1)).mean(), rtol=1e-6, atol=1e-6)  # offsets are float32


def test_balanced_classes_need_no_adjustment_and_an_empty_one_stays_finite() -> None:
    targets = smoothed()
    moved = losses.cross_entropy(logits() + losses.logit_adjustment([5] * CLASSES, 1.0), targets)
    torch.testing.assert_close(moved, losses.cross_entropy(logits(), targets), **ONCE_ROUNDED)
    assert losses.logit_adjustment([4, 0, 2], 1.0).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_are_float32_whatever_autocast_gave(dtype: torch.dtype) -> None:
    half = logits().to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        for loss in (losses.cross_entropy, losses.binary_cross_entropy):
            assert loss(half, mixed()).dtype == torch.float32
            assert torch.equal(loss(half, mixed()), loss(half.float(), mixed()))
        distilled = losses.distillation(half, logits(2).to(dtype), temperature=2.0)
        assert torch.equal(distilled, losses.distillation(half.float(), logits(2).to(dtype).float(), temperature=2.0))
