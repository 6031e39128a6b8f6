"""Stochastic depth against timm's, given the same branches."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnets import resnet
from resnets.network import BasicBlock, Bottleneck, ResNet
from resnets.training.step.optimization import freeze_norms
from resnets.training.step.stochastic_depth import branch_scales, drop_rates, stochastic_depth, uniform
from tests import peers


def images(count: int = 6, size: int = 32) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def small() -> ResNet:
    return resnet("cifar_resnet20", num_classes=4)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_network_with_branches_left_out_is_timms_bit_for_bit(name: str) -> None:
    theirs: Any = peers.timm.create_model(name, drop_path_rate=0.6, zero_init_last=False).train()
    ours = resnet(name).train()
    ours.load_state_dict(theirs.state_dict())
    blocks = [block for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4) for block in layer]
    columns: list[Tensor] = []
    for block in blocks:
        if block.drop_path is not None:
            block.drop_path.register_forward_hook(lambda _m, x, y: columns.append((y / x[0]).nanmean((1, 2, 3))))
    x = images()
    expected = theirs(x)
    rates = tuple(block.drop_path.drop_prob if block.drop_path else 0.0 for block in blocks)
    assert rates == drop_rates(len(blocks), 0.6)
    with stochastic_depth(ours, 0.6) as depth:
        drawn = torch.stack([torch.ones(len(x)), *columns], dim=1) > 0.5
        assert 0 < int((~drawn).sum()) < drawn.numel() - len(x)
        depth.scales = branch_scales(np.where(drawn, 0, 0.999).astype(np.float32), depth.rates)
        assert torch.equal(ours(x), expected)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_scaled_branches_are_timms_drop_path_bit_for_bit(rate: float) -> None:
    x = images()
    torch.manual_seed(5)
    theirs = peers.drop_path(x, rate, training=True)
    kept = (theirs != 0).any(3).any(2).any(1)
    numbers = np.where(kept.numpy(), np.float32(0), np.float32(0.999))[:, None]
    scales = branch_scales(numbers, [rate])
    assert torch.equal(x * scales.view(-1, 1, 1, 1), theirs)


def test_branches_are_left_out_as_often_as_their_rate_says_and_are_one_on_average() -> None:
    rates = drop_rates(9, 0.5)
    scales = branch_scales(uniform(20_000, 9, seed=1, epoch=2, step=3), rates)
    left_out = (scales == 0).double().mean(0)
    np.testing.assert_allclose(left_out, rates, atol=4 * 0.5 / 20_000**0.5)  # four standard deviations
    np.testing.assert_allclose(scales.double().mean(0), np.ones(9), atol=0.03)
    assert branch_scales(np.zeros((2, 1), dtype=np.float32), [1.0]).tolist() == [[0.0], [0.0]]
    assert drop_rates(1, 0.3) == (0.0,)


def test_the_branches_of_a_step_depend_on_seed_epoch_and_step_alone() -> None:
    place = {"seed": 2**40 + 1, "epoch": 3, "step": 7}
    first = uniform(4, 5, **place)
    np.random.default_rng(0).random(10)
    torch.rand(10)
    assert np.array_equal(uniform(4, 5, **place), first)
    for other in ({"seed": 0}, {"epoch": 4}, {"step": 8}):
        assert not np.array_equal(uniform(4, 5, **(place | other)), first)


def test_where_every_branch_is_left_out_a_block_is_its_shortcut() -> None:
    network = small()
    first, block, *_ = next(network.stages())
    x = images(size=16)
    entering = first(network.stem(x))
    with stochastic_depth(network, 0.5) as depth:
        depth.scales = torch.zeros(len(x), 9)
        assert torch.equal(block(entering), torch.relu(entering))


def test_evaluation_names_and_the_network_afterwards_know_nothing_of_it() -> None:
    network = small()
    names, graph = list(network.state_dict()), str(network)
    plain = copy.deepcopy(network).eval()(images())
    before = [len(module._forward_hooks) for module in network.modules()]
    with stochastic_depth(network, 0.9):
        assert list(network.state_dict()) == names
        assert str(network) == graph
        assert torch.equal(network.eval()(images()), plain)
        network.train()
        with pytest.raises(RuntimeError, match="no branches drawn"):
            network(images())
    assert [len(module._forward_hooks) for module in network.modules()] == before


def test_a_rate_of_nothing_changes_nothing() -> None:
    network = small()
    plain = copy.deepcopy(network)(images())
    with stochastic_depth(network, 0.0) as depth:
        depth.draw(6, seed=0, epoch=0, step=0)
        assert torch.equal(network(images()), plain)


def test_branches_are_left_out_with_frozen_norms_too() -> None:
    network = small()
    network.train()
    freeze_norms(network)
    with stochastic_depth(network, 0.9) as depth:
        depth.draw(6, seed=0, epoch=0, step=0)
        first = network(images())
        depth.draw(6, seed=0, epoch=0, step=1)
        assert not torch.equal(network(images()), first)


def test_gradients_of_what_was_left_out_are_zero() -> None:
    network = small()
    with stochastic_depth(network, 0.5) as depth:
        depth.scales = torch.ones(6, 9)
        depth.scales[:, 4] = 0
        network(images()).square().sum().backward()
    blocks = [module for module in network.modules() if isinstance(module, BasicBlock | Bottleneck)]
    moved = [any(bool(p.grad.any()) for p in block.conv1.parameters() if p.grad is not None) for block in blocks]
    assert moved == [place != 4 for place in range(9)]


@pytest.mark.usefixtures("unchecked")
def test_a_compiled_network_leaves_out_the_branches_of_each_step() -> None:
    network = resnet("cifar_resnet20", num_classes=4, depths=(1, 1, 1))
    with stochastic_depth(network, 0.5) as depth:
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        assert isinstance(compiled, nn.Module)
        for step in range(3):
            depth.draw(6, seed=0, epoch=0, step=step)
            torch.testing.assert_close(compiled(images()), network(images()))
