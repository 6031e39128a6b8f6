"""The learning rate of every step, as a multiple of its peak."""

import math
from collections.abc import Sequence
from typing import Literal

Schedule = Literal["cosine", "linear", "constant", "step", "one-cycle"]

ONE_CYCLE_START = 1 / 25  # of the peak: fastai's and torch's


def factor(
    step: int, steps: int, *,
    kind: Schedule, warmup: float = 0.0, flat: float = 0.0, milestones: Sequence[float] = (), decay: float = 0.1,
    end: float = 0.0,
) -> float:  # fmt: skip
    """The multiple of the peak learning rate at step `step` (from 0) of `steps`.

    warmup: part of the run over which the rate rises: in a line (Goyal et al. 2017), or in one cycle as half a cosine.
    flat: part of what follows in which "cosine" and "linear" stay at the top before they fall (fastai's fit_flat_cos).
    milestones: parts of the run after which "step" multiplies the rate by `decay` (He et al. 2015: 0.5 and 0.75).
    end: where "cosine" (Loshchilov and Hutter 2017), "linear" and "one-cycle" (Smith 2018) come down to.
    """
    if kind == "one-cycle":
        return _cycle(step, steps, warmup, start=ONE_CYCLE_START, top=1.0, end=end)
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    if kind == "step":
        return decay ** sum(step >= round(milestone * steps) for milestone in milestones)
    if kind == "constant":
        return 1.0
    done = (step - rise) / max(1, steps - rise)
    done = max(0.0, done - flat) / (1 - flat) if flat < 1 else 0.0
    left = 0.5 * (1 + math.cos(math.pi * done)) if kind == "cosine" else 1 - done
    return end + (1 - end) * left


def _cycle(step: int, steps: int, warmup: float, *, start: float, top: float, end: float) -> float:
    """Half a cosine from `start` to `top` over the first part of the run, and another one to `end` over the rest.

    The turn is where torch's OneCycleLR has it: a fraction of a step before the warm-up's last. The last step is at
    `end`, a run too short to rise begins at the top.
    """
    last = steps - 1
    turn = min(max(0.0, warmup * steps - 1), float(last))
    if step < turn:
        return _half_cosine(start, top, step / turn)
    return _half_cosine(top, end, (step - turn) / (last - turn)) if last > turn else top


def _half_cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * done))
