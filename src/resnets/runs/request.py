"""What a user asks of a run, as one value."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from resnets import spec_values
from resnets.base.errors import InputError
from resnets.base.interruption import SAVE_EVERY
from resnets.base.progress import Watch, unwatched
from resnets.data.table_columns import Asked
from resnets.spec import ResNetSpec
from resnets.training.listener import Listener
from resnets.training.recipes import named
from resnets.training.recipes import plan as plans
from resnets.training.recipes.plan import Changes, Execution

MOST_WORKERS = 256


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What a user asks of a run, as `resnets.train` takes it."""

    data: str | Path
    network: str | Path | ResNetSpec | None = None
    weights: str | Path | None = None
    body: str | None = None
    out: str | Path | None = None
    recipe: str | Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    columns: Asked | None = None
    images: str | Path | None = None
    resume: bool = False
    skip_bad: bool = False
    leave_out: str | Path | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    plan: Literal["auto", "usual"] = "auto"
    execution: Execution | None = None  # the way to compute that another run of the same was measured to take
    save_every: float = SAVE_EVERY
    workers: int | None = None  # processes that decode; None: as many as pay here
    tensorboard: bool = False
    listeners: Sequence[Listener] = ()
    samples: bool = True
    watch: Watch = unwatched

    def __post_init__(self) -> None:
        if not self.save_every >= 0:
            raise InputError(f"save_every = {self.save_every}: must be seconds, 0 or more")
        if self.workers is not None and not 0 <= self.workers <= MOST_WORKERS:
            raise InputError(f"workers = {self.workers}: must be a number of processes, from 0 to {MOST_WORKERS}")

    @property
    def changes(self) -> Changes:
        """What the user wants otherwise: the recipe, then the network named, then the weights, then single settings."""
        recipe = self.recipe
        if recipe is None and self._weights:
            recipe = "finetune"
        asked = named.find(recipe) if recipe is not None else Changes()
        if isinstance(self.network, ResNetSpec):
            asked = dataclasses.replace(asked, network=None, spec={**asked.spec, **spec_values.to_dict(self.network)})
        elif self.network is not None:  # instead of the file's network
            is_named = self.recipe is None or str(self.recipe) in named.RECIPES
            spec = asked.spec if is_named else dict[str, Any]()
            asked = dataclasses.replace(asked, network=None, spec=spec) | Changes(network=str(self.network), spec=spec)
        elif self._weights and str(self.recipe) in named.RECIPES:  # the weights' own network, not the recipe's
            asked = dataclasses.replace(asked, network=None)
        if self.weights is not None:
            asked = dataclasses.replace(asked, recipe={**asked.recipe, "weights": str(self.weights)})
        if self.body is not None:
            asked = dataclasses.replace(asked, recipe={**asked.recipe, "body": self.body})
        return asked | plans.changes(self.settings, where="settings")

    @property
    def _weights(self) -> bool:
        return self.weights is not None or bool(self.settings.get("weights"))
