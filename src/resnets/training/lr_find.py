"""A learning rate from a short mock training in which it rises from far too low to far too high (Smith 2017)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from resnets.errors import RunFailed

SMOOTHING = 0.9  # weight of the past in the mean that decides when the loss has diverged
DIVERGED = 4.0  # times the best loss, as in fastai
LEAST = 8  # points of the curve from which a slope can be read


@dataclass(frozen=True)
class Curve:
    """The loss at each learning rate that was tried; `diverged` when it then left the scale."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    diverged: bool


def sweep(step: Callable[[float], float], *, low: float, high: float, steps: int) -> Curve:
    """The losses of `steps` steps of training with learning rates from `low` to `high`, equally spaced by ratio.

    step: makes one step with a learning rate and returns its loss. It stops when the loss is not a number or its
    running mean exceeds 4 times the best so far.
    """
    rates: list[float] = []
    losses: list[float] = []
    mean, best = 0.0, math.inf
    for number in range(steps):
        rate = low * (high / low) ** (number / max(1, steps - 1))
        loss = step(rate)
        if not math.isfinite(loss):
            return Curve(tuple(rates), tuple(losses), diverged=True)
        rates.append(rate)
        losses.append(loss)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        unbiased = mean / (1 - SMOOTHING ** (number + 1))
        best = min(best, unbiased)
        if unbiased > DIVERGED * best:
            return Curve(tuple(rates), tuple(losses), diverged=True)
    return Curve(tuple(rates), tuple(losses), diverged=False)


def suggestion(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The learning rate at which the loss falls fastest per decade, before it is lowest.

    fastai's "steep" and Lightning's suggestion, made robust: each loss is first the median of five, then slope and
    level are those of a line fitted to its neighbours, a tenth of the curve to either side. So one batch decides
    nothing, and nothing lags behind as a running mean does.
    Losses that are not numbers, and all that come after one, are left out. Raises RunFailed when the loss never falls.
    """
    x, y = np.log10(np.asarray(rates, dtype=np.float64)), np.asarray(losses, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(y))
    if len(bad):
        x, y = x[: bad[0]], y[: bad[0]]
    if len(y) < LEAST:
        raise RunFailed(f"the loss left the scale after {len(y)} steps; try a lower first learning rate")
    levels, slopes = _fitted(x, np.median(sliding_window_view(np.pad(y, 2, mode="edge"), 5), axis=1))
    fall = slopes[: int(np.argmin(levels)) + 1]
    if fall.min() >= 0:
        raise RunFailed(f"the loss does not fall at any learning rate from {rates[0]:.3g} to {10 ** x[-1]:.3g}")
    return float(10 ** x[int(np.argmin(fall))])


def _fitted(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Around each point, the mean and the slope of the least-squares line through its neighbours."""
    reach = max(2, len(x) // 10)
    lines: list[tuple[float, float]] = []
    for place in range(len(x)):
        near = slice(max(0, place - reach), place + reach + 1)
        offset, level = x[near] - x[near].mean(), y[near].mean()
        lines.append((float(level), float(offset @ (y[near] - level) / (offset @ offset))))
    levels, slopes = np.array(lines).T
    return levels, slopes
