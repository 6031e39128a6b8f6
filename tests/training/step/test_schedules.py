"""The learning rate of every step against torch's and timm's schedulers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnets.training.step.schedules import ONE_CYCLE_START, Schedule, factor
from tests import peers

STEPS, PEAK = 100, 0.4
CLOSE: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}  # torch computes each rate from the one before; its roundings add up


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK, momentum=0.9)


def played(optimizer: torch.optim.SGD, scheduler: Any, steps: int, setting: str = "lr") -> list[float]:
    values: list[float] = []
    for step in range(steps):
        values.append(optimizer.param_groups[0][setting])
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
    return values


def ours(**settings: Any) -> list[float]:
    return [PEAK * factor(step, STEPS, **settings) for step in range(STEPS)]


@pytest.mark.parametrize("warmup", [0.0, 0.2])
@pytest.mark.parametrize("end", [0.0, 0.01])
@pytest.mark.parametrize(
    ("kind", "peer"),
    [
        ("cosine", lambda o, t, end: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=t, eta_min=end * PEAK)),
        ("linear", lambda o, t, end: torch.optim.lr_scheduler.LinearLR(o, 1, end, total_iters=t)),
        ("constant", lambda o, _t, _end: torch.optim.lr_scheduler.ConstantLR(o, factor=1)),
    ],
)
def test_after_warm_up_the_rate_is_torchs(kind: Schedule, peer: Callable[..., Any], warmup: float, end: float) -> None:
    rise = round(warmup * STEPS)
    optimizer = sgd()
    theirs = played(optimizer, peer(optimizer, STEPS - rise, end), STEPS - rise)
    assert ours(kind=kind, warmup=warmup, end=end)[rise:] == pytest.approx(theirs, **CLOSE)


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant", "step"])
def test_warm_up_is_torchs_linear_rise(kind: Schedule) -> None:
    optimizer = sgd()
    theirs = played(optimizer, torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 20, 1, total_iters=19), 20)
    assert ours(kind=kind, warmup=0.2, milestones=(0.5,))[:20] == pytest.approx(theirs, **CLOSE)


def test_steps_are_torchs_multi_step() -> None:
    optimizer = sgd()
    theirs = played(optimizer, torch.optim.lr_scheduler.MultiStepLR(optimizer, [50, 75], gamma=0.2), STEPS)
    assert ours(kind="step", milestones=(0.5, 0.75), decay=0.2) == pytest.approx(theirs, **CLOSE)


def test_cosine_is_timms() -> None:
    optimizer = sgd()
    scheduler = peers.CosineLRScheduler(
        optimizer, t_initial=80, lr_min=0.01 * PEAK, warmup_t=20, warmup_prefix=True, t_in_epochs=False
    )
    theirs: list[float] = []
    for step in range(STEPS):
        scheduler.step_update(step)
        theirs.append(optimizer.param_groups[0]["lr"])
    rates = ours(kind="cosine", warmup=0.2, end=0.01)
    assert rates[20:] == pytest.approx(theirs[20:], rel=1e-14)  # both in closed form
    assert rates[:19] == pytest.approx(theirs[1:20], rel=1e-14)  # timm's rise begins with a step at zero


@pytest.mark.parametrize("warmup", [0.1, 0.25, 0.3, 0.333])
def test_one_cycle_is_torchs(warmup: float) -> None:
    optimizer = sgd()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK, total_steps=STEPS, pct_start=warmup)
    rates = played(optimizer, scheduler, STEPS)
    mine = ours(kind="one-cycle", warmup=warmup, end=ONE_CYCLE_START / 1e4)
    assert mine == pytest.approx(rates, rel=1e-12)  # both in closed form


def test_a_flat_rate_stays_at_its_peak_and_then_falls_as_a_shorter_run_would() -> None:
    flat = [factor(step, 100, kind="cosine", flat=0.75) for step in range(100)]
    assert flat[:76] == [1.0] * 76
    assert flat[75:] == pytest.approx([factor(step, 25, kind="cosine") for step in range(25)], abs=1e-12)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    end=st.floats(0, 1),
    kind=st.sampled_from(["cosine", "linear", "constant", "step", "one-cycle"]),
)
def test_every_step_of_every_run_has_a_rate_between_nothing_and_the_peak(
    steps: int, warmup: float, end: float, kind: Schedule
) -> None:
    factors = [factor(step, steps, kind=kind, warmup=warmup, milestones=(0.3, 0.6), end=end) for step in range(steps)]
    assert all(0 <= value <= 1 + 1e-12 for value in factors)
    assert max(factors) > 0
