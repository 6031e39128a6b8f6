"""LAMB against timm's, which trained "ResNet strikes back"."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from resnets import resnet
from resnets.training.step.lamb import Lamb
from tests import peers

STEPS = 25


def model(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        last = nn.Linear(16, 5)
        made = nn.Sequential(nn.Linear(12, 16, bias=False), nn.BatchNorm1d(16), nn.Tanh(), last)
    nn.init.zeros_(last.weight)  # a weight whose norm is zero at first
    return made.double()


def grouped(made: nn.Module) -> list[dict[str, Any]]:
    parameters = list(made.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.02},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]


def train(made: nn.Module, optimizer: torch.optim.Optimizer, scale: float = 20.0) -> None:
    """Steps at changing learning rates, on gradients large enough to be clipped and, later, small enough not to be."""
    numbers = torch.Generator().manual_seed(3)
    for step in range(STEPS):
        x, y = torch.randn(32, 12, generator=numbers).double(), torch.randint(5, (32,), generator=numbers)
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * (1 + step % 3)
        optimizer.zero_grad()
        (scale * 0.7**step * nn.functional.cross_entropy(made(x), y)).backward()
        optimizer.step()


@pytest.mark.parametrize(
    "settings",
    [{}, {"max_grad_norm": None}, {"trust_clip": True}, {"always_adapt": True}, {"betas": (0.8, 0.99), "eps": 1e-4}],
)
def test_lamb_steps_equal_timms(settings: dict[str, Any]) -> None:
    ours, one_by_one, together = model(), model(), model()
    mine = Lamb(grouped(ours), **settings)
    train(ours, mine)
    train(one_by_one, peers.Lamb(grouped(one_by_one), foreach=False, **settings))
    train(together, peers.Lamb(grouped(together), foreach=True, **settings))
    for parameter, first, second in zip(ours.parameters(), one_by_one.parameters(), together.parameters(), strict=True):
        assert torch.equal(parameter, first)
        torch.testing.assert_close(parameter, second, rtol=1e-11, atol=1e-13)  # timm's other form rounds otherwise
        assert set(mine.state[parameter]) == {"step", "exp_avg", "exp_avg_sq"}


def test_lamb_trains_a_network_in_float32_as_timms_does_bit_for_bit() -> None:
    ours = resnet("cifar_resnet20", num_classes=4)
    theirs = copy.deepcopy(ours)
    images = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    target = torch.arange(16) % 4
    for made, optimizer in (
        (ours, Lamb(grouped(ours), lr=2e-3)),
        (theirs, peers.Lamb(grouped(theirs), lr=2e-3, foreach=False)),
    ):
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(made(images), target).backward()
            optimizer.step()
    for (name, parameter), peer in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(parameter, peer), name


def test_clipping_leaves_the_gradients_as_they_are() -> None:
    weight = nn.Parameter(torch.ones(3))
    weight.grad = torch.full((3,), 100.0)
    Lamb([weight]).step()
    assert torch.equal(weight.grad, torch.full((3,), 100.0))


def test_a_parameter_without_a_gradient_stays_and_counts_no_step() -> None:
    """A frozen body, then its first step: its bias correction is that of a first step, not of the run's."""
    late, early = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
    optimizer = Lamb([late, early], lr=0.1, weight_decay=0.0, max_grad_norm=None)
    for step in range(10):
        early.grad = torch.full((4,), 0.5)
        late.grad = None if step < 9 else torch.full((4,), 0.5)
        before = late.detach().clone()
        optimizer.step()
        assert torch.equal(late, before) == (step < 9)
    torch.testing.assert_close(late.detach(), torch.full((4,), 0.9), rtol=1e-4, atol=0)  # Adam's first step is lr


def test_saved_and_loaded_it_goes_on_bit_for_bit() -> None:
    whole, half = model(), model()
    optimizer, first = Lamb(grouped(whole)), Lamb(grouped(half))
    train(whole, optimizer)
    train(half, first)
    again = Lamb(grouped(half))
    again.load_state_dict(copy.deepcopy(first.state_dict()))
    train(whole, optimizer)
    train(half, again)
    for parameter, other in zip(whole.parameters(), half.parameters(), strict=True):
        assert torch.equal(parameter, other)
