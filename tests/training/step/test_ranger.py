"""RAdam and lookahead against their papers' formulas; `benchmarks/fastai_parity.py` holds them against fastai's."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from resnets.training.step.ranger import RAdamW, Ranger

STEPS = 25  # four lookaheads and a step
RATES = (0.02, 0.04, 0.06)
BETA1, EPS, DECAY = 0.95, 1e-6, 0.1


def model() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5)).double()


def backward(made: nn.Module, step: int) -> None:
    numbers = torch.Generator().manual_seed(step)
    x, y = torch.randn(32, 12, generator=numbers).double(), torch.randint(5, (32,), generator=numbers)
    made.zero_grad()
    nn.functional.cross_entropy(made(x), y).backward()


def train(made: nn.Module, optimizer: torch.optim.Optimizer, steps: int = STEPS) -> None:
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATES[step % 3]
        backward(made, step)
        optimizer.step()


class ByHand:
    """A parameter that moves as algorithm 2 of Liu et al. 2020 says, with decay, and perhaps looks ahead."""

    def __init__(self, weights: Tensor, *, beta2: float, lookahead: bool) -> None:
        self.weights, self.beta2, self.lookahead = weights, beta2, lookahead
        self.slow = weights.detach().clone()
        self.first, self.second = torch.zeros_like(weights), torch.zeros_like(weights)

    @torch.no_grad()
    def move(self, step: int, lr: float) -> None:
        """Make step `step`, counted from 1, by the gradient that is there."""
        gradient = self.weights.grad
        assert gradient is not None
        self.first = BETA1 * self.first + (1 - BETA1) * gradient
        self.second = self.beta2 * self.second + (1 - self.beta2) * gradient**2
        self.weights *= 1 - lr * DECAY
        self.weights -= lr * self.first / (1 - BETA1**step) * self.adapted(step)
        if self.lookahead and step % 6 == 0:
            self.slow += 0.5 * (self.weights - self.slow)
            self.weights.copy_(self.slow)

    def adapted(self, step: int) -> Tensor:
        """The rectified adaptive rate; 1 while too few gradients tell their variance."""
        left = self.beta2**step
        longest = 2 / (1 - self.beta2) - 1
        length = longest - 2 * step * left / (1 - left)
        if length <= 5:  # torch's and fastai's bound; the paper's is 4
            return torch.ones_like(self.second)
        rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        return math.sqrt(rectified * (1 - left)) / (self.second.sqrt() + EPS)


@pytest.mark.parametrize("beta2", [0.99, 0.999])
@pytest.mark.parametrize("lookahead", [False, True])
def test_steps_follow_the_papers_formulas(lookahead: bool, beta2: float) -> None:
    ours = model()
    other = copy.deepcopy(ours)
    optimizer = Ranger if lookahead else RAdamW
    train(ours, optimizer(ours.parameters(), betas=(BETA1, beta2), eps=EPS, weight_decay=DECAY))
    by_hand = [ByHand(weights, beta2=beta2, lookahead=lookahead) for weights in other.parameters()]
    for step in range(STEPS):
        backward(other, step)
        for parameter in by_hand:
            parameter.move(step + 1, RATES[step % 3])
    for parameter, same in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(parameter, same, rtol=1e-10, atol=1e-12)  # float64 sums in another order


def test_a_parameter_without_a_gradient_stays_and_counts_its_own_steps_later() -> None:
    made = model()
    ranger = Ranger(made.parameters(), lr=0.05)
    first, last = (made[place].get_parameter("weight") for place in (0, 2))
    begun = first.detach().clone()
    first.requires_grad_(False)
    train(made, ranger, steps=6)
    assert torch.equal(first, begun)
    assert not ranger.state[first]
    first.requires_grad_(True)
    backward(made, 6)
    ranger.step()
    assert (int(ranger.state[first]["step"]), int(ranger.state[last]["step"])) == (1, 7)
    assert torch.equal(ranger.state[first]["slow"], begun)


def test_a_loaded_state_goes_on_to_the_same_weights() -> None:
    ours = model()
    ranger = Ranger(ours.parameters())
    train(ours, ranger, steps=9)
    other = copy.deepcopy(ours)
    again = Ranger(other.parameters())
    again.load_state_dict(copy.deepcopy(ranger.state_dict()))
    for made, optimizer in ((ours, ranger), (other, again)):
        train(made, optimizer, steps=7)
    for parameter, same in zip(ours.parameters(), other.parameters(), strict=True):
        assert torch.equal(parameter, same)


def test_a_closure_is_evaluated_once() -> None:
    made = model()
    calls: list[Any] = []

    def loss() -> float:
        calls.append(backward(made, 0))
        return 1.5

    assert Ranger(made.parameters()).step(loss) == 1.5
    assert len(calls) == 1
