"""How long work tells whoever watches how far it is, without printing anything itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a piece of work: `done` of `total` units, and figures worth showing beside it."""

    task: str
    done: int
    total: int
    figures: Mapping[str, str] = field(default_factory=dict[str, str])


Watch = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """Watch nothing: the default of every function that takes a `watch`."""
