"""What a classifier says of an image."""

from dataclasses import dataclass
from typing import Any

from resnets.base.errors import InputError


@dataclass(frozen=True, slots=True)
class Answer:
    """One class and how probable the classifier holds it to be, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of one image: its answers, most probable first, or why it has none."""

    image: str
    answers: tuple[Answer, ...] = ()
    error: str | None = None
    sure: bool = True  # False: the first answer's probability is below the classifier's `abstain_below`

    @property
    def label(self) -> str:
        """The most probable class. Raises InputError when the image could not be read."""
        return self._first.label

    @property
    def probability(self) -> float:
        """The most probable class's probability."""
        return self._first.probability

    @property
    def _first(self) -> Answer:
        if self.error is not None:
            raise InputError(self.error)
        return self.answers[0]

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON values."""
        answers = [{"class": answer.label, "probability": answer.probability} for answer in self.answers]
        sure = self.sure and self.error is None
        return {"image": self.image, "answers": answers, "sure": sure, "error": self.error}
