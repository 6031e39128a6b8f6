"""How far a bulk prediction is, and how fast."""

import time
from dataclasses import dataclass, field

from resnets.base.progress import Progress, Watch


@dataclass
class Meter:
    """How far a run is, and how fast."""

    watch: Watch
    total: int
    done: int
    _since: float = field(default_factory=time.monotonic)
    _first: int = 0

    def __post_init__(self) -> None:
        self._first = self.done
        self.add(0)

    def add(self, images: int) -> None:
        """Tell whoever watches that so many more images are done."""
        self.done += images
        rate = (self.done - self._first) / max(time.monotonic() - self._since, 1e-9)
        self.watch(Progress("predicting", self.done, self.total, {"images/s": f"{rate:,.1f}"}))
