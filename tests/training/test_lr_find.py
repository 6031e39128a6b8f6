"""The suggested learning rate on curves whose answer is known, and the sweep that makes a curve."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnets.base.errors import RunFailed
from resnets.training.lr_find import suggestion, sweep

RATES = np.logspace(-5, 1, 100)


def curve(blow_up: float = -0.5) -> np.ndarray:
    """A plateau, a fall that goes on, ever slower, and a blow-up from 10^blow_up on."""
    x = np.log10(RATES)
    return 2.3 - 1.5 / (1 + np.exp(-2 * (x - blow_up + 1.5))) + np.where(x > blow_up, 30 * (x - blow_up) ** 2, 0)


def decades(losses: np.ndarray) -> float:
    return math.log10(suggestion(RATES.tolist(), losses.tolist()))


@pytest.mark.parametrize("blow_up", [-2.0, -0.5, 0.3])
def test_the_suggestion_is_the_largest_rate_before_the_loss_grows_again(blow_up: float) -> None:
    assert blow_up - 0.6 < decades(curve(blow_up)) <= blow_up  # a tenth of the curve is 0.6 decades


@given(seed=st.integers(0, 10_000), noise=st.floats(0, 0.15))
def test_the_noise_of_batches_leaves_it_within_a_factor_of_four(seed: int, noise: float) -> None:
    noisy = curve() + noise * np.random.default_rng(seed).standard_normal(100)
    assert abs(decades(noisy) - decades(curve())) < math.log10(4)


@given(scale=st.floats(0.1, 10), shift=st.floats(0, 5), factor=st.sampled_from([0.01, 0.1, 10.0]))
def test_it_follows_the_rates_and_not_the_units_of_the_loss(scale: float, shift: float, factor: float) -> None:
    plain = suggestion(RATES.tolist(), curve().tolist())
    assert suggestion(RATES.tolist(), (scale * curve() + shift).tolist()) == plain
    assert suggestion((factor * RATES).tolist(), curve().tolist()) == pytest.approx(factor * plain)


def test_one_batch_decides_nothing() -> None:
    losses = curve()
    losses[30], losses[40] = -500, 500
    assert abs(decades(losses) - decades(curve())) < 0.1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_losses_from_the_first_that_is_no_number_on_are_left_out(bad: float) -> None:
    losses = curve()
    losses[80], losses[81:] = bad, -1e9
    assert suggestion(RATES.tolist(), losses.tolist()) == suggestion(RATES[:80].tolist(), curve()[:80].tolist())


@pytest.mark.parametrize("seed", range(10))
def test_a_loss_that_never_falls_suggests_nothing(seed: int) -> None:
    noise = 0.2 * np.random.default_rng(seed).standard_normal(100)
    with pytest.raises(RunFailed, match=r"from 1e-05 to 10 the loss falls by less than it varies"):
        suggestion(RATES.tolist(), (np.linspace(1, 3, 100) + noise).tolist())


def test_a_loss_that_leaves_the_scale_at_once_suggests_nothing() -> None:
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


@pytest.mark.parametrize("curvature", [0.1, 1.0, 10.0])
def test_the_suggestion_for_a_noisy_quadratic_is_stable_and_ten_times_as_much_is_not(curvature: float) -> None:
    """Gradient descent on it is stable below a rate of 2 / curvature."""
    weight, numbers = 10.0, np.random.default_rng(0)

    def step(rate: float) -> float:
        nonlocal weight
        loss = curvature * weight**2 / 2
        weight -= rate * curvature * (weight + float(numbers.standard_normal()))
        return loss

    found = sweep(step, low=1e-4, high=100, steps=120)
    assert found.diverged
    assert 0.2 < suggestion(found.rates, found.losses) * curvature < 2
