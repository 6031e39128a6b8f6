"""Which parameters move, how far and by which rule."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from resnets import resnet
from resnets.network import ResNet
from resnets.training.step.optimization import freeze_norms, optimizer_of, parameter_groups, set_rate
from tests import peers


def images(seed: int = 0) -> torch.Tensor:
    return torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def step(network: nn.Module, rule: torch.optim.Optimizer, seed: int = 0) -> None:
    rule.zero_grad()
    nn.functional.cross_entropy(network(images(seed)), torch.arange(8) % 4).backward()
    rule.step()


def described(groups: list[dict[str, Any]], network: nn.Module) -> dict[str, tuple[float, float]]:
    """The decay and the scale of each parameter by its name."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        names[id(parameter)]: (group["weight_decay"], group["lr_scale"])
        for group in groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50d", "resnext50_32x4d"])
def test_layer_wise_rates_and_decays_are_timms(name: str) -> None:
    ours, theirs = resnet(name), peers.timm.create_model(name)
    groups = parameter_groups(ours, weight_decay=0.03, layer_decay=0.7)
    timms = peers.param_groups_layer_decay(theirs, weight_decay=0.03, layer_decay=0.7)
    assert described(groups, ours) == described(timms, theirs)


def test_by_default_every_layer_learns_at_the_same_rate_in_two_groups() -> None:
    network = resnet("cifar_resnet20")
    groups = parameter_groups(network, weight_decay=0.0)
    assert [(len(group["params"]), group["lr_scale"]) for group in groups] == [(20, 1.0), (39, 1.0)]


def test_sgd_with_defaults_steps_as_it_always_did_bit_for_bit() -> None:
    ours = resnet("cifar_resnet20", num_classes=4)
    plain = copy.deepcopy(ours)
    weights = [p for p in plain.parameters() if p.ndim > 1]
    rest = [p for p in plain.parameters() if p.ndim == 1]
    sgd = torch.optim.SGD(
        [{"params": weights, "weight_decay": 1e-3}, {"params": rest, "weight_decay": 0.0}],
        lr=0.2, momentum=0.8, nesterov=True, fused=True,
    )  # fmt: skip
    groups = parameter_groups(ours, weight_decay=1e-3)
    made = optimizer_of(groups, rule="sgd", lr=0.2, momentum=0.8)
    for number in range(3):
        step(ours, made, number)
        step(plain, sgd, number)
    for parameter, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(parameter, other)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [("sgd", "SGD"), ("muon", "Muon"), ("adamw", "AdamW"), ("lamb", "Lamb"), ("radam", "RAdamW"), ("ranger", "Ranger")],
)
def test_each_rule_takes_its_rate_scales_and_momentum(rule: Any, kind: str) -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    groups = parameter_groups(network, weight_decay=0.01, layer_decay=0.5)
    made = optimizer_of(groups, rule=rule, lr=0.1, momentum=0.8, beta2=0.99)
    assert type(made).__name__ == kind
    rates = [group["lr"] for group in made.param_groups]
    assert rates == [0.1 * group["lr_scale"] for group in made.param_groups]
    assert max(rates) == 0.1
    set_rate(made, 0.02)
    for group in made.param_groups:
        assert group["lr"] == 0.02 * group["lr_scale"]
        assert group.get("momentum", group.get("betas")) == (0.8 if rule in ("sgd", "muon") else (0.8, 0.99))
    before = copy.deepcopy(network.state_dict())
    step(network, made)
    for name, parameter in network.named_parameters():
        assert not torch.equal(parameter, before[name]), name


def test_biases_of_norms_learn_at_a_multiple_of_the_rate() -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    groups = parameter_groups(network, weight_decay=1e-3, layer_decay=0.5, bias_lr=16)
    usual = parameter_groups(network, weight_decay=1e-3, layer_decay=0.5)
    scales, before = ({id(p): g["lr_scale"] for g in some for p in g["params"]} for some in (groups, usual))
    for name, parameter in network.named_parameters():
        faster = 16 if "bn" in name and name.endswith("bias") else 1
        assert scales[id(parameter)] == faster * before[id(parameter)], name


def test_a_layer_at_half_the_rate_moves_half_as_far() -> None:
    whole, half = (resnet("cifar_resnet20", num_classes=4) for _ in range(2))
    half.load_state_dict(whole.state_dict())
    before = {name: parameter.detach().clone() for name, parameter in whole.named_parameters()}
    step(whole, optimizer_of(parameter_groups(whole, weight_decay=0), rule="sgd", lr=0.1))
    step(half, optimizer_of(parameter_groups(half, weight_decay=0, layer_decay=0.5), rule="sgd", lr=0.1))
    moved = dict(half.named_parameters())
    for name, parameter in whole.named_parameters():
        blocks_behind = {"fc": 0, "layer3.2": 1, "layer3.1": 2, "layer3.0": 3, "layer2.2": 4}.get(
            name.rsplit(".", 2)[0]
        )
        if blocks_behind is not None:
            expected = before[name] + 0.5**blocks_behind * (parameter - before[name])
            torch.testing.assert_close(moved[name], expected, rtol=1e-5, atol=1e-7)  # float32 sums


def frozen() -> tuple[ResNet, torch.optim.Optimizer]:
    network = resnet("cifar_resnet20", num_classes=4)
    return network, optimizer_of(parameter_groups(network, weight_decay=0.01, freeze_norms=True), rule="sgd", lr=0.1)


def test_frozen_norms_keep_statistics_scales_and_shifts_while_the_rest_learns() -> None:
    network, made = frozen()
    before = copy.deepcopy(network.state_dict())
    for number in range(2):
        network.train()
        freeze_norms(network)
        step(network, made, number)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]) == ("bn" in name), name
    assert network.training


def test_without_freezing_again_training_mode_updates_statistics() -> None:
    network, made = frozen()
    freeze_norms(network)
    before = network.state_dict()["bn1.running_mean"].clone()
    network.train()
    step(network, made)
    assert not torch.equal(network.state_dict()["bn1.running_mean"], before)
