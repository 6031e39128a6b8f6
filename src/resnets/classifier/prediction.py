"""What a classifier says of an image."""

from dataclasses import dataclass
from typing import Any

from resnets.base.errors import InputError
from resnets.base.notebook import table


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
            raise InputError(f"{self.image}: {self.error}")
        return self.answers[0]

    def __repr__(self) -> str:
        if self.error is not None:
            return f"Prediction({self.image!r}: not read: {self.error})"
        answers = ", ".join(f"{answer.label} {answer.probability:.1%}" for answer in self.answers)
        return f"Prediction({self.image!r}: {answers}{'' if self.sure else ', not sure'})"

    def _repr_html_(self) -> str:
        rows = [(answer.label, f"{answer.probability:.1%}") for answer in self.answers]
        if self.error is not None:
            rows = [("error", self.error)]
        return table(f"{self.image}{'' if self.sure else ': not sure'}", rows)

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON values."""
        answers = [{"class": answer.label, "probability": answer.probability} for answer in self.answers]
        sure = self.sure and self.error is None
        return {"image": self.image, "answers": answers, "sure": sure, "error": self.error}
