"""The suggested learning rate on curves whose answer is known, and the sweep that makes a curve."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnets.errors import RunFailed
from resnets.training.lr_find import suggestion, sweep

RATES = np.logspace(-5, 1, 100)


def curve(middle: float = -2.0, *, top: float = 2.3, fall: float = 1.5, diverges: float = 0.0) -> np.ndarray:
    """A plateau, a fall that is steepest at 10^middle, and a blow-up from 10^diverges on."""
    x = np.log10(RATES)
    down = top - fall / (1 + np.exp(-4 * (x - middle)))
    return down + np.where(x > diverges, 30 * (x - diverges) ** 2, 0)


@pytest.mark.parametrize("middle", [-3.5, -2.0, -1.0])
def test_the_suggestion_is_where_the_loss_falls_fastest(middle: float) -> None:
    found = suggestion(RATES.tolist(), curve(middle).tolist())
    assert abs(math.log10(found) - middle) < 0.1  # the curve has a point every 0.06


@given(seed=st.integers(0, 10_000), noise=st.floats(0, 0.08))
def test_the_noise_of_batches_moves_it_by_less_than_a_factor_of_three(seed: int, noise: float) -> None:
    noisy = curve() + noise * np.random.default_rng(seed).standard_normal(100)
    assert abs(math.log10(suggestion(RATES.tolist(), noisy.tolist())) + 2) < math.log10(3)


@given(
    scale=st.floats(0.1, 10),
    shift=st.floats(0, 5),
    factor=st.sampled_from([0.01, 0.1, 10.0]),
)
def test_it_follows_the_rates_and_not_the_units_of_the_loss(scale: float, shift: float, factor: float) -> None:
    plain = suggestion(RATES.tolist(), curve().tolist())
    step = RATES[1] / RATES[0] * 1.001  # two points may fall equally fast but for rounding
    assert 1 / step < suggestion(RATES.tolist(), (scale * curve() + shift).tolist()) / plain < step
    assert 1 / step < suggestion((factor * RATES).tolist(), curve().tolist()) / (factor * plain) < step


def test_a_fall_out_of_a_spike_after_the_lowest_loss_is_not_taken_for_learning() -> None:
    losses = curve()
    losses[88:92] += 500  # diverged, and come back
    losses[30] += 500  # one batch, long before
    assert abs(math.log10(suggestion(RATES.tolist(), losses.tolist())) + 2) < 0.1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_losses_from_the_first_that_is_no_number_on_are_left_out(bad: float) -> None:
    losses = curve()
    losses[80], losses[81:] = bad, -1e9
    assert suggestion(RATES.tolist(), losses.tolist()) == suggestion(RATES.tolist(), curve().tolist())


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    with pytest.raises(RunFailed, match=r"does not fall at any learning rate from 1e-05 to 10"):
        suggestion(RATES.tolist(), np.linspace(1, 2, 100).tolist())
    with pytest.raises(RunFailed, match="after 3 steps; try a lower"):
        suggestion(RATES.tolist(), [2.3, 2.2, 2.1, *[math.nan] * 97])


def test_a_sweep_tries_rates_equally_spaced_by_ratio() -> None:
    found = sweep(lambda rate: 1 / rate, low=1e-4, high=1.0, steps=5)
    assert found.rates == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1, 1.0))
    assert found.losses == pytest.approx((1e4, 1e3, 1e2, 1e1, 1.0))
    assert not found.diverged


def test_a_sweep_stops_when_the_loss_has_left_the_scale() -> None:
    tried: list[float] = []

    def step(rate: float) -> float:
        tried.append(rate)
        return 1.0 if len(tried) <= 20 else 1.0 * 2 ** (len(tried) - 20)

    found = sweep(step, low=1e-5, high=10, steps=100)
    assert found.diverged
    assert 21 < len(tried) < 30
    assert len(found.losses) == len(tried)
    tried.clear()
    found = sweep(lambda rate: math.nan if rate > 0.5 else 1.0, low=1e-3, high=1.0, steps=4)
    assert (found.diverged, found.losses) == (True, (1.0, 1.0, 1.0))


def test_one_lucky_or_unlucky_batch_does_not_stop_a_sweep() -> None:
    losses = iter([1.0] * 20 + [8.0] + [0.05] + [1.0] * 28)
    assert not sweep(lambda _: next(losses), low=1e-5, high=10, steps=50).diverged


def test_the_suggestion_trains_a_quadratic_and_ten_times_as_much_would_not() -> None:
    """Gradient descent on curvature 1 is stable below a rate of 2, and this knows its best: 1."""
    weight = torch.tensor(10.0)

    def step(rate: float) -> float:
        nonlocal weight
        loss = float(weight**2 / 2)
        weight = weight - rate * weight
        return loss

    found = sweep(step, low=1e-4, high=100, steps=120)
    rate = suggestion(found.rates, found.losses)
    assert found.diverged
    assert 0.02 < rate < 2
