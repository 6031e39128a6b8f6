"""A network of every kind trains: the loss falls on a batch that it may learn by heart."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from resnets import resnet
from resnets.data.training_batches import Batch
from resnets.network import ResNet
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step.dropout import drawn_dropout, feature_scales
from resnets.training.step.optimization import freeze_norms, parameter_groups
from resnets.training.step.step import Step
from resnets.training.step.stochastic_depth import stochastic_depth
from resnets.training.step.whitening import whiten
from tests import peers
from tests.kinds import KINDS, SIZE, classifier, network
from tests.training.step.test_optimization import described

BATCH = Batch(
    torch.randint(0, 256, (12, SIZE, SIZE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    torch.arange(12) % 3,
)


def step_of(kind: str, *, execution: Execution | None = None, fields: Any = None, **settings: Any) -> Step:
    plain: dict[str, Any] = {"batch_size": 12, "warmup": 0.0, "schedule": "constant", "lr": 0.02, "ema": 0.9}
    return Step(
        classifier(kind, **(fields or {})), Recipe(**{**plain, **settings}), execution or Execution(),
        class_counts=np.array([4, 4, 4]), steps=20, images=12,
    )  # fmt: skip


def losses(step: Step, *, steps: int, epoch: int = 0) -> list[float]:
    with step.epoch(epoch):
        return [float(step(BATCH, epoch, number)[0]) for number in range(steps)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_of_every_kind_learns_a_batch_by_heart(kind: str) -> None:
    drop_path = 0.0 if kind == "plain" else 0.1  # a plain network has no shortcut to pass on
    found = losses(step_of(kind, drop_path=drop_path, layer_decay=0.9, clip_norm=10.0), steps=8)
    assert np.isfinite(found).all()
    assert np.mean(found[-2:]) < np.mean(found[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_of_every_kind_trains_in_bfloat16_with_its_blocks_computed_again(kind: str) -> None:
    step = step_of(kind, execution=Execution(precision="bfloat16"))
    step.network.gradient_checkpointing = True
    assert np.isfinite(losses(step, steps=2)).all()


def test_the_average_leaves_frozen_norms_as_they_are() -> None:
    step = step_of("frozen norm")
    bn1 = step.network.get_submodule("bn1")
    before = copy.deepcopy(bn1.state_dict())
    losses(step, steps=2)
    with step.evaluation_weights():
        assert all(torch.equal(value, before[name]) for name, value in bn1.state_dict().items())


def test_blocks_between_frozen_norms_do_not_start_at_zero_where_they_would_stay() -> None:
    step = step_of("frozen norm")
    assert step.network.spec.zero_last_norm
    before = step.network.state_dict()["layer2.1.conv1.weight"].clone()
    losses(step, steps=1)
    assert not torch.equal(step.network.state_dict()["layer2.1.conv1.weight"], before)


# Weight decay and rates


@pytest.mark.parametrize("name", ["seresnet50", "ecaresnet50t", "resnetblur50", "resnet50_gn", "resnetrs50"])
def test_layer_wise_rates_and_decays_are_timms(name: str) -> None:
    ours, theirs = resnet(name), peers.timm.create_model(name)
    groups = parameter_groups(ours, weight_decay=0.03, layer_decay=0.7)
    timms = peers.param_groups_layer_decay(theirs, weight_decay=0.03, layer_decay=0.7)
    assert described(groups, ours) == described(timms, theirs)


def test_what_stands_between_the_last_block_and_the_classifier_learns_at_its_rate_and_does_not_decay() -> None:
    made = network("pre-activation", pool="gem")
    found = described(parameter_groups(made, weight_decay=0.1, layer_decay=0.5), made)
    assert {found[name] for name in ("norm.weight", "norm.bias", "pool.p", "fc.bias")} == {(0.0, 1.0)}
    assert found["fc.weight"] == (0.1, 1.0)
    assert found["layer2.1.conv2.weight"] == (0.1, 0.5)


def test_frozen_norms_are_group_norms_too() -> None:
    made = network("group norm")
    freeze_norms(made)
    assert not any(p.requires_grad for name, p in made.named_parameters() if "bn" in name)
    groups = parameter_groups(made, weight_decay=0.1, freeze_norms=True, bias_lr=4)
    assert all("bn" not in name for name in described(groups, made))
    scales = described(parameter_groups(made, weight_decay=0.1, bias_lr=4), made)
    assert scales["layer1.0.bn1.bias"] == (0.0, 4.0)


# Dropout


def test_as_many_features_are_left_out_as_the_rate_says_and_they_are_one_on_average() -> None:
    scales = feature_scales(400, 500, 0.2, seed=1, epoch=2, step=3)
    assert (scales == 0).mean() == pytest.approx(0.2, abs=0.005)
    assert scales.mean() == pytest.approx(1, abs=0.01)
    assert set(np.unique(scales)) == {np.float32(0), np.float32(1.25)}


def test_what_is_left_out_is_a_function_of_the_place_in_the_run_and_not_of_torchs_generator() -> None:
    found: list[list[float]] = []
    for state, epoch in ((1, 0), (2, 0), (1, 1)):
        step = step_of("dropout", fields={"dropout": 0.5}, lr=0.0)
        torch.manual_seed(state)
        found.append(losses(step, steps=2, epoch=epoch))
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]  # another step leaves out others
    assert found[0][0] != found[2][0]  # as does another epoch


def test_dropout_leaves_features_out_while_only_the_classifier_learns() -> None:
    kept = step_of("dropout", freeze_epochs=1, epochs=2, lr=0.0)
    dropped = step_of("dropout", fields={"dropout": 0.9}, freeze_epochs=1, epochs=2, lr=0.0)
    assert losses(kept, steps=1) != losses(dropped, steps=1)


def test_after_an_epoch_the_network_is_as_before() -> None:
    made = network("dropout")
    with drawn_dropout(made), stochastic_depth(made, 0.0):
        assert made.dropout.p == 0.0
    assert made.dropout.p == 0.2
    x = torch.randn(4, 3, SIZE, SIZE)
    assert torch.equal(made.eval()(x), made.fc(made.features(x)))


# Whitening


@pytest.mark.parametrize("kind", ["silu", "gelu", "convolutions with bias", "group norm", "pre-activation"])
def test_whitened_responses_have_variance_one_whatever_follows(kind: str) -> None:
    made = network(kind)
    images = torch.randn(40, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    whiten(made, images)
    responses = _first_responses(made, images)
    assert responses.mean((0, 2, 3)) == pytest.approx(np.zeros(8), abs=0.1)
    assert responses.std((0, 2, 3))[:8] == pytest.approx(np.ones(8), abs=0.1)


@torch.no_grad()
def _first_responses(made: ResNet, images: torch.Tensor) -> np.ndarray:
    return made.conv1(images)[:, :8, 1:-1, 1:-1].numpy()
