"""What a run tells while it goes. Its files, its patience and a user's own callback all listen in the same way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from resnets.classifier.file import Classifier
from resnets.evaluation.metrics import Evaluation


@dataclass(frozen=True, kw_only=True, slots=True)
class StepDone:
    """A step that was made. `loss` and `correct` lie on the device: float() and int() of them wait for it."""

    epoch: int  # from 1
    step: int  # of the epoch, from 1
    steps: int  # of an epoch
    images: int  # of the step
    loss: Float[Tensor, ""]  # mean over these images
    correct: Int64[Tensor, ""]  # how many of them were right


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochDone:
    """An epoch that was trained and validated, while the classifier has the weights that were judged."""

    epoch: int  # from 1; 0: the linear probe that a run from trained weights begins with
    epochs: int  # of the run
    row: Mapping[str, Any]  # of metrics.jsonl
    rows: Sequence[Mapping[str, Any]]  # of all epochs so far, those of earlier sittings too
    best_epoch: int
    classifier: Classifier
    evaluation: Evaluation  # on the validation images
    logits: Float32[np.ndarray, "images classes"]  # of the validation images

    @property
    def is_best(self) -> bool:
        """Whether no epoch so far was better."""
        return self.epoch == self.best_epoch


class Listener:
    """Hears what a run does. A listener of your own overrides what it wants to hear; what it raises ends the run."""

    def on_step(self, done: StepDone) -> None:
        """After each step."""

    def on_epoch(self, done: EpochDone) -> bool | None:
        """After each epoch's validation, before the run's state is saved. True ends the run after this epoch."""

    def on_end(self) -> None:
        """When the sitting ends: with the last epoch, or because it was stopped or failed."""
