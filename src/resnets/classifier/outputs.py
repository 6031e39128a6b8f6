"""A network's outputs for pixels, and the fields that say what they mean."""

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy.typing import NDArray

from resnets.base.errors import InputError, RunFailed
from resnets.base.memory import kept
from resnets.base.progress import Progress, Watch, unwatched
from resnets.data.preprocessing import Preprocessing


@dataclass(kw_only=True)
class Outputs(ABC):
    """A network's outputs, and what is needed to read them. Raises InputError when its parts do not fit each other."""

    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float = 1.0  # outputs are divided by it before they become probabilities
    abstain_below: float = 0.0  # a first answer less probable than this is marked as not sure
    metrics: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None  # where it was read from or written to

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise InputError(f"two classes are called {twice!r}; each needs its own name")
        if not 0 < self.temperature < math.inf:
            raise InputError(f"temperature = {self.temperature}: must be a number above 0")
        if not 0 <= self.abstain_below <= 1:
            raise InputError(f"abstain_below = {self.abstain_below}: must be a probability, from 0 to 1")

    @abstractmethod
    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        """Raw outputs, whose softmax at `temperature` are the probabilities.

        pixels: of each image, as `preprocessing.pixels` gives them.
        """

    def outputs_and_features(
        self,
        pixels: UInt8[np.ndarray, "batch height width channels"],  # noqa: ARG002 - for those that have features
    ) -> tuple[Float32[np.ndarray, "batch classes"], Float32[np.ndarray, "batch features"]]:
        """The raw outputs, and the features that they are computed from, at the price of the outputs alone.

        Raises InputError when this predictor gives outputs only.
        """
        raise InputError(f"{self.path or 'this classifier'}: gives no features; use a classifier.safetensors")

    def features(
        self, pixels: UInt8[np.ndarray, "batch height width channels"]
    ) -> Float32[np.ndarray, "batch features"]:
        """What the last layer reads: an embedding of each image. Raises InputError as `outputs_and_features` does."""
        return self.outputs_and_features(pixels)[1]

    @property
    def concurrent(self) -> bool:
        """Whether several threads gain by asking for outputs at once: so they do on a CPU."""
        return True

    @contextmanager
    def on_one_core(self) -> Generator[None]:
        """While it is entered, torch computes on one core a call, so that as many threads as cores may ask at once.

        An exported file that ONNX Runtime runs is opened with one thread for that.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def averaged(
        self, pixels: UInt8[np.ndarray, "images *views height width channels"]
    ) -> Float32[np.ndarray, "images classes"]:
        """The outputs for each image, averaged over its views."""
        found = self.outputs(pixels.reshape(-1, *pixels.shape[-3:]))
        return found.reshape(len(pixels), -1, len(self.classes)).mean(axis=1)

    def tempered(self, logits: Float[np.ndarray, "images classes"]) -> Float[np.ndarray, "images classes"]:
        """Raw outputs divided by the temperature, in double precision, so that no two different ones become equal."""
        return logits if self.temperature == 1 else logits.astype(np.float64) / self.temperature

    def all_logits(
        self,
        pixels: Iterable[NDArray[np.uint8]],
        count: int,
        *,
        batch_size: int = 64,
        watch: Watch = unwatched,
        task: str = "evaluating",
    ) -> Float[np.ndarray, "images classes"]:
        """The network's outputs for at most `count` images, computed in batches.

        pixels: of each image, as `preprocessing.pixels` or `preprocessing.views` gives them; the outputs for an image's
        views are averaged, as torchvision's TenCrop has it. batch_size: in views.
        """
        logits = np.empty((count, len(self.classes)), dtype=np.float32)
        waiting: list[NDArray[np.uint8]] = []
        done = 0
        with kept():
            for done, one in enumerate(pixels, 1):
                waiting.append(one)
                views = len(one) if one.ndim == 4 else 1
                if views * (len(waiting) + 1) > batch_size or done == count:
                    logits[done - len(waiting) : done] = self.averaged(np.stack(waiting))
                    waiting = []
                    watch(Progress(task, done, count))
            if waiting:  # fewer than announced
                logits[done - len(waiting) : done] = self.averaged(np.stack(waiting))
        return logits[:done]

    def finite(self, logits: Float[np.ndarray, "images classes"]) -> Float[np.ndarray, "images classes"]:
        """Outputs as they are. Raises RunFailed unless each is a finite number."""
        if np.isfinite(logits).all():
            return logits
        raise RunFailed(
            f"{self.path or 'the classifier'}: its outputs are not finite numbers, so its weights are "
            "damaged or training "
            "failed; use another copy or train it again"
        )
