"""One step of training: what the recipe asks for is what happens to the weights."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import Batch
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step.step import Step
from resnets.training.step.teacher import Teacher
from tests.training.samples import TINY

CLASSES = ("a", "b", "c")
COUNTS = np.array([30, 20, 10])
BATCH = Batch(
    torch.randint(0, 256, (8, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]),
)


def classifier(seed: int = 0, mean: float = 0.5) -> Classifier:
    torch.manual_seed(seed)
    network = resnets.resnet("cifar_resnet20", num_classes=3, **TINY)
    preprocessing = Preprocessing(size=12, resize=12, mean=(mean,) * 3, std=(0.25,) * 3)
    return Classifier(network=network, classes=CLASSES, preprocessing=preprocessing)


def step_of(student: Classifier, teacher: Teacher | None = None, **settings: Any) -> Step:
    plain: dict[str, Any] = {"batch_size": 8, "label_smoothing": 0.0, "warmup": 0.0, "schedule": "constant"}
    recipe = Recipe(**{**plain, **settings})
    return Step(student, recipe, Execution(), class_counts=COUNTS, steps=10, images=8, teacher=teacher)


def make(step: Step, *, steps: int = 1, epoch: int = 0) -> list[float]:
    with step.epoch(epoch):
        return [float(step(BATCH, epoch, number)[0]) for number in range(steps)]


def test_a_plain_step_is_torchs_own() -> None:
    ours, theirs = classifier(), classifier()
    make(step_of(ours, lr=0.1, momentum=0.9, weight_decay=0.0))
    sgd = torch.optim.SGD(theirs.network.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    theirs.network.train()
    F.cross_entropy(theirs.network(theirs.preprocessing.normalize(BATCH.images)), BATCH.labels).backward()
    sgd.step()
    for (name, tensor), other in zip(
        ours.network.state_dict().items(), theirs.network.state_dict().values(), strict=True
    ):
        # soft targets sum in another order than labels do
        torch.testing.assert_close(tensor, other, rtol=1e-5, atol=1e-6, msg=name)


def test_accumulated_batches_make_the_step_of_one_large_batch() -> None:
    """With batch norms that keep their statistics, since those of a piece are not the batch's."""
    ours, theirs = classifier(), classifier()
    make(step_of(ours, freeze_norms=True, accumulate=3, batch_size=3))
    make(step_of(theirs, freeze_norms=True))
    for tensor, other in zip(ours.network.parameters(), theirs.network.parameters(), strict=True):
        torch.testing.assert_close(tensor, other, rtol=1e-4, atol=1e-6)  # sums of floats in another order


@pytest.mark.parametrize("part", [0.1, 0.4, 1.0])
def test_norms_keep_the_recipes_part_of_a_batch(part: float) -> None:
    ours = classifier()
    network = ours.network
    with torch.no_grad():
        maps = network.conv1(ours.preprocessing.normalize(BATCH.images))
    make(step_of(ours, norm_momentum=part))
    found = network.bn1.state_dict()  # which began with means of 0 and variances of 1
    torch.testing.assert_close(found["running_mean"], part * maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    expected = (1 - part) + part * maps.transpose(0, 1).flatten(1).var(1)
    torch.testing.assert_close(found["running_var"], expected, rtol=1e-4, atol=1e-6)


def seen(step: Step, *, epoch: int = 0, at: int = 0, batch: Batch = BATCH) -> list[torch.Tensor]:
    """What the network is shown in one step, a tensor for each batch of it."""
    shown: list[torch.Tensor] = []
    with step.epoch(epoch), step.network.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0].clone())):
        step(batch, epoch, at)
    return shown


def test_no_batch_of_a_step_is_larger_than_asked_nor_needlessly_small() -> None:
    """Of a set of 8 images, a step of 4 batches of 3 has three batches, and not four of two."""
    sizes = [[len(shown) for shown in seen(step_of(classifier(), batch_size=n, accumulate=4))] for n in (2, 3, 5, 8)]
    assert sizes == [[2, 2, 2, 2], [3, 3, 2], [4, 4], [8]]


@pytest.mark.parametrize("settings", [{"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 1.0, "mix_per": "image"}])
def test_each_batch_of_each_step_and_epoch_is_mixed_by_a_draw_of_its_own(settings: dict[str, Any]) -> None:
    alike = Batch(BATCH.images[:4].repeat(2, 1, 1, 1), BATCH.labels[:4].repeat(2))
    step = step_of(classifier(), accumulate=2, batch_size=4, **settings)
    places = [(epoch, at) for epoch in range(2) for at in range(2)]
    shown = [one for epoch, at in places for one in seen(step, epoch=epoch, at=at, batch=alike)]
    assert len(shown) == 8
    pairs = itertools.combinations(shown, 2)
    assert not any(torch.equal(one, other) for one, other in pairs)


def test_every_setting_of_the_loss_changes_it() -> None:
    plain = make(step_of(classifier()))[0]
    settings: list[dict[str, Any]] = [
        {"loss": "bce"}, {"label_smoothing": 0.2}, {"class_weights": "balanced"}, {"logit_adjustment": 1.0},
        {"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 1.0, "mix_per": "image"}, {"drop_path": 0.9},
    ]  # fmt: skip
    losses = [make(step_of(classifier(), **one))[0] for one in settings]
    assert len({round(loss, 6) for loss in [plain, *losses]}) == len(settings) + 1


def test_balanced_weights_are_those_of_the_counts() -> None:
    weights = step_of(classifier(), class_weights="balanced").loss.weights
    assert weights is not None
    assert weights.tolist() == pytest.approx((60 / (3 * COUNTS)).tolist(), rel=0.1)  # of their effective number


def test_a_clipped_step_is_no_longer_than_asked() -> None:
    ours, before = classifier(), classifier()
    make(step_of(ours, lr=1.0, momentum=0.0, weight_decay=0.0, clip_norm=0.01))
    moved = [a - b for a, b in zip(ours.network.parameters(), before.network.parameters(), strict=True)]
    assert torch.linalg.vector_norm(torch.cat([m.flatten() for m in moved])).item() == pytest.approx(0.01, rel=1e-3)


def test_layers_learn_more_slowly_the_further_they_are_from_the_classifier() -> None:
    step = step_of(classifier(), layer_decay=0.5)
    make(step)
    rates = {id(p): group["lr"] for group in step.optimizer.param_groups for p in group["params"]}
    named = {name: rates[id(p)] for name, p in step.network.named_parameters()}
    assert named["fc.weight"] == 0.1
    assert named["layer3.0.conv1.weight"] == pytest.approx(0.05)
    assert named["conv1.weight"] == pytest.approx(0.1 * 0.5**4)


def test_an_average_is_judged_and_the_weights_go_on() -> None:
    step = step_of(classifier(), ema=0.9)
    make(step, steps=5)
    before = step.network.conv1.weight.clone()  # pyright: ignore[reportCallIssue] # a plain convolution here
    with step.evaluation_weights():
        assert not torch.equal(step.network.conv1.weight, before)  # pyright: ignore[reportArgumentType] # as above
    assert torch.equal(step.network.conv1.weight, before)  # pyright: ignore[reportArgumentType] # as above


def test_a_teacher_sees_the_images_as_it_was_trained_to() -> None:
    student, teacher = classifier(0, mean=0.5), classifier(1, mean=0.3)
    images = student.preprocessing.normalize(BATCH.images)
    expected = teacher.network(teacher.preprocessing.normalize(BATCH.images))
    torch.testing.assert_close(Teacher(teacher, student.preprocessing)(images), expected, rtol=1e-4, atol=1e-5)


def test_a_student_of_weight_one_learns_the_teachers_answers() -> None:
    student, teacher = classifier(0), classifier(1)
    step = step_of(student, Teacher(teacher, student.preprocessing), distill_weight=1.0, lr=0.05)
    first, *_, last = make(step, steps=40)
    assert last < 0.2 * first


def test_the_same_place_in_a_run_gives_the_same_step() -> None:
    settings: dict[str, Any] = {"drop_path": 0.3, "mixup": 0.4, "cutmix": 1.0}
    assert make(step_of(classifier(), **settings), steps=3) == make(step_of(classifier(), **settings), steps=3)
    assert make(step_of(classifier(), **settings)) != make(step_of(classifier(), seed=1, **settings))


def test_a_contiguous_network_learns_the_same() -> None:
    ours = classifier()
    execution = Execution(memory_format="contiguous")
    step = Step(ours, Recipe(batch_size=8), execution, class_counts=COUNTS, steps=10, images=8)
    assert make(step)[0] == pytest.approx(make(step_of(classifier(), label_smoothing=0.1))[0], rel=1e-5)
