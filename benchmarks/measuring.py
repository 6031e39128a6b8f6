"""What every benchmark is made of: peer and us in turns, the ratio with its spread, and what the machine could do."""

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

ROUNDS = 7
PRODUCT, COPIED = 2048, 256 << 20  # side of the matrices; bytes


@dataclass(frozen=True)
class Wanted:
    """What a ratio, or a figure of ours, should be: at least or at most so much."""

    limit: float
    most: bool = False

    def __str__(self) -> str:
        return f"{'at most' if self.most else 'at least'} {self.limit:g}"

    def is_met(self, value: float) -> bool:
        return value <= self.limit if self.most else value >= self.limit


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table: a work, what we and the peer take or reach, and the ratio ours / peer's of each round."""

    work: str
    unit: str
    ours: float
    peer_name: str = ""
    peer: float | None = None
    ratios: tuple[float, ...] = ()
    floor: float | None = None  # ours as a part of what the machine's matrix product would allow
    wanted: Wanted | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the rounds."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def judged(self) -> float:
        """What `wanted` is about: the ratio, or our figure where there is no peer."""
        return self.ours if self.ratio is None else self.ratio

    def as_dict(self) -> dict[str, Any]:
        """The line as JSON values."""
        return {**dataclasses.asdict(self), "ratio": self.ratio}

    def __str__(self) -> str:
        peer = f", {self.peer_name} {self.peer:,.4g}" if self.peer is not None else ""
        spread = f", ratio {self.ratio:.2f} ({min(self.ratios):.2f} to {max(self.ratios):.2f})" if self.ratios else ""
        floor = f", {self.floor:.0%} of the matrix product's rate" if self.floor is not None else ""
        met = "" if self.wanted is None else f"; wanted {self.wanted}: {'met' if self.is_met else 'NOT met'}"
        return f"{self.work}: ours {self.ours:,.4g} {self.unit}{peer}{spread}{floor}{met}"

    @property
    def is_met(self) -> bool:
        return self.wanted is None or self.wanted.is_met(self.judged)


def in_turns(
    work: str, ours: Callable[[], float], peer: Callable[[], float], *, unit: str, peer_name: str,
    rounds: int = ROUNDS, wanted: Wanted | None = None, flops: float | None = None, note: str = "",
) -> Measured:  # fmt: skip
    """Measure the peer and us `rounds` times, one after the other, so that a machine that drifts slows both.

    ours, peer: give one figure in `unit`. flops: floating-point operations of one unit of work, where the figure is a
    rate of it a second.
    """
    pairs = [(peer(), ours()) for _ in range(rounds)]
    own = statistics.median(mine for _, mine in pairs)
    return Measured(
        work=work, unit=unit, ours=own, peer_name=peer_name, peer=statistics.median(theirs for theirs, _ in pairs),
        ratios=tuple(mine / theirs for theirs, mine in pairs), wanted=wanted, note=note,
        floor=None if flops is None else own * flops / product_rate(),
    )  # fmt: skip


@cache
def product_rate() -> float:
    """Floating-point operations a second of a large matrix product in float32: what nothing here goes beyond."""
    one, other = torch.randn(PRODUCT, PRODUCT), torch.randn(PRODUCT, PRODUCT)
    return 2 * PRODUCT**3 / min(timed(lambda: one @ other) for _ in range(10))


@cache
def copy_rate() -> float:
    """Bytes a second that a large copy reads and writes."""
    source = torch.ones(COPIED, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPIED / min(timed(lambda: target.copy_(source)) for _ in range(10))


def timed(function: Callable[[], object]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
