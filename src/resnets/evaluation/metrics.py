"""Logits and labels -> accuracy, precision, recall, F1, confusion, loss, calibration; every rate with its count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from resnets.base.errors import InputError, RunFailed
from resnets.base.notebook import table
from resnets.evaluation import calibration, ranking
from resnets.evaluation.calibration import Reliability


@dataclass(frozen=True, slots=True)
class Rate:
    """`right` of `count`."""

    correct: int
    count: int

    @property
    def value(self) -> float:
        return self.correct / self.count

    def as_dict(self) -> dict[str, float | int]:
        return {"value": self.value, "right": self.correct}


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one class fared; a figure is None where nothing was there to divide by."""

    name: str
    count: int  # images of this class
    predicted: int  # images said to be of this class
    precision: float | None
    recall: float | None
    f1: float | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "count": self.count,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


@dataclass(frozen=True, slots=True)
class Abstention:
    """What came of it that answers less probable than a threshold were not given."""

    below: float  # the threshold
    answered: int
    correct: int  # of those answered

    @property
    def accuracy(self) -> float | None:
        """Of those answered; None where none was."""
        return self.correct / self.answered if self.answered else None

    def as_dict(self) -> dict[str, Any]:
        return {"below": self.below, "answered": self.answered, "right": self.correct, "accuracy": self.accuracy}


@dataclass(frozen=True)
class Evaluation:
    """What a classifier scored on some labelled images. What costs time is computed when it is first asked for."""

    count: int
    top1: Rate
    top5: Rate  # of fewer classes than five: of all of them
    loss: float  # mean cross-entropy in nats
    classes: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]  # rows: the right class; columns: the answer
    logits: NDArray[np.floating] = field(repr=False)  # images x classes, divided by the temperature
    labels: NDArray[np.int64] = field(repr=False)
    on: str = ""  # which images these were
    abstain_below: float = 0.0  # the classifier's threshold
    intervals: Mapping[str, tuple[float, float]] | None = None  # 95%, by the figure's name; None unless asked for

    def __repr__(self) -> str:
        return f"Evaluation({', '.join(f'{name} {value}' for name, value in self._facts())})"

    def _repr_html_(self) -> str:
        return table("Evaluation", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        rows = [
            ("top-1", f"{self.top1.value:.2%} of {self.count:,} images"),
            ("loss", f"{self.loss:.3f}"),
            ("calibration error", f"{self.ece:.3f}"),
            ("on", self.on),
        ]
        return [(name, value) for name, value in rows if value]

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Images x classes, 0 to 1."""
        return calibration.probabilities(self.logits)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence against accuracy, in 15 bins."""
        return calibration.reliability(self.probabilities, self.labels)

    @property
    def ece(self) -> float:
        """Expected calibration error, 0 to 1."""
        return self.reliability.ece

    @cached_property
    def brier(self) -> float:
        """Brier score over all classes, 0 to 2."""
        return calibration.brier(self.probabilities, self.labels)

    @cached_property
    def auc(self) -> float | None:
        """Area under the ROC curve, 0 to 1, of each class against the rest, averaged; None where a class is missing."""
        return ranking.auc(self.probabilities, self.labels)

    @property
    def macro_f1(self) -> float:
        """F1, averaged over the classes that were there or were answered."""
        return float(np.mean([score.f1 for score in self.classes if score.f1 is not None]))

    @property
    def balanced_accuracy(self) -> float:
        """Recall, averaged over the classes that were there."""
        return float(np.mean([score.recall for score in self.classes if score.recall is not None]))

    @property
    def abstained(self) -> Abstention | None:
        """What the classifier's threshold does to these images; None where it has none."""
        if not self.abstain_below:
            return None
        answered = self.probabilities.max(axis=1) >= self.abstain_below
        right = self.logits.argmax(axis=1) == self.labels
        return Abstention(self.abstain_below, int(answered.sum()), int((answered & right).sum()))

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        intervals = self.intervals
        return {
            "count": self.count,
            "top1": self.top1.as_dict(),
            "top5": self.top5.as_dict(),
            "loss": self.loss,
            "ece": self.ece,
            "brier": self.brier,
            "auc": self.auc,
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "intervals": None if intervals is None else {name: list(ends) for name, ends in intervals.items()},
            "abstained": None if self.abstained is None else self.abstained.as_dict(),
            "reliability": self.reliability.as_dict(),
            "classes": [score.as_dict() for score in self.classes],
            "confusion": self.confusion.tolist(),
            "on": self.on,
        }


def evaluate(
    logits: Float[np.ndarray, "images classes"],
    labels: Int64[np.ndarray, " images"],
    classes: tuple[str, ...],
    *,
    on: str = "",
    abstain_below: float = 0.0,
) -> Evaluation:
    """Judge `logits`, already divided by the temperature, against `labels`.

    Divide in double precision: in single, two logits that differ by little can become equal, and the answer another.
    on: which images these are. abstain_below: the classifier's threshold.
    Of equal logits the first class is the answer, as argmax has it. Raises InputError when there is nothing to count
    or a label has no logit, RunFailed when a logit is not a finite number.
    """
    if not len(labels) or len(labels) != len(logits):
        raise InputError(
            f"{len(logits)} answers for {len(labels)} labels: there must be one for each, and at least one"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise InputError(f"labels go from {labels.min()} to {labels.max()}, but there are {logits.shape[1]} classes")
    if not np.isfinite(logits).all():
        raise RunFailed("the classifier's outputs are not finite numbers; its weights are damaged or training diverged")
    ranks = label_ranks(logits, labels)
    predicted = logits.argmax(axis=1)
    return Evaluation(
        count=len(labels),
        top1=Rate(int((ranks == 0).sum()), len(labels)),
        top5=Rate(int((ranks < 5).sum()), len(labels)),
        loss=float(cross_entropy(logits, labels).mean()),
        classes=_class_scores(labels, predicted, classes),
        confusion=confusion(labels, predicted, len(classes)),
        logits=logits,
        labels=labels,
        on=on,
        abstain_below=abstain_below,
    )


def label_ranks(
    logits: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]
) -> Int64[np.ndarray, " images"]:
    """How many classes come before the right one, 0 when it is the answer; of equal logits the first comes first."""
    of_label = logits[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    return np.count_nonzero(logits > of_label, axis=1) + np.count_nonzero((logits == of_label) & earlier, axis=1)


def confusion(
    labels: Int64[np.ndarray, " images"], predicted: Int64[np.ndarray, " images"], count: int
) -> Int64[np.ndarray, "classes classes"]:
    """How often each class (row) was answered with each class (column)."""
    return np.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)


def cross_entropy(
    logits: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    """−ln p(label), in nats, of each image."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]


def _class_scores(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[ClassScore, ...]:
    count, said, right = (
        np.bincount(places, minlength=len(classes)) for places in (labels, predicted, labels[labels == predicted])
    )
    with np.errstate(invalid="ignore"):  # 0 / 0: a class that no image has, or that was never answered
        precision, recall, f1 = right / said, right / count, 2 * right / (count + said)
    return tuple(
        ClassScore(name, int(count[i]), int(said[i]), _known(precision[i]), _known(recall[i]), _known(f1[i]))
        for i, name in enumerate(classes)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
