"""Logits and labels -> accuracy, precision, recall, F1, confusion, loss. Every rate comes with its count."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from resnets.errors import InputError, RunFailed


@dataclass(frozen=True, slots=True)
class Rate:
    """`right` of `count`."""

    right: int
    count: int

    @property
    def value(self) -> float:
        return self.right / self.count

    def as_dict(self) -> dict[str, float | int]:
        return {"value": self.value, "right": self.right}


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


@dataclass(frozen=True)
class Evaluation:
    """What a classifier scored on some labelled images."""

    count: int
    top1: Rate
    top5: Rate  # of fewer classes than five: of all of them
    loss: float  # mean cross-entropy in nats
    classes: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]  # rows: the right class; columns: the answer
    on: str = ""  # which images these were

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        return {
            "count": self.count,
            "top1": self.top1.as_dict(),
            "top5": self.top5.as_dict(),
            "loss": self.loss,
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
) -> Evaluation:
    """Judge `logits` against `labels`.

    Of equal logits the first class is the answer, as argmax has it. Raises InputError when there is nothing to count
    or a label has no logit, RunFailed when a logit is not a finite number.
    """
    if not len(labels) or len(labels) != len(logits):
        raise InputError(
            f"{len(logits)} answers for {len(labels)} labels: there must be one for each, and at least one"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise InputError(f"labels run from {labels.min()} to {labels.max()}, with {logits.shape[1]} classes")
    if not np.isfinite(logits).all():
        raise RunFailed("the classifier's outputs are not finite numbers; its weights are damaged or it diverged")
    order = np.argsort(-logits, axis=1, kind="stable")
    hits = order == labels[:, None]
    predicted = order[:, 0]
    return Evaluation(
        count=len(labels),
        top1=Rate(int(hits[:, :1].sum()), len(labels)),
        top5=Rate(int(hits[:, :5].sum()), len(labels)),
        loss=float(cross_entropy(logits, labels).mean()),
        classes=_class_scores(labels, predicted, classes),
        confusion=confusion(labels, predicted, len(classes)),
        on=on,
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
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, count = precision_recall_fscore_support(
        labels,
        predicted,
        labels=range(len(classes)),
        zero_division=np.nan,  # pyright: ignore[reportArgumentType] # documented; the stub knows only strings
    )
    said = np.bincount(predicted, minlength=len(classes))
    return tuple(
        ClassScore(name, int(count[i]), int(said[i]), _known(precision[i]), _known(recall[i]), _known(f1[i]))  # pyright: ignore[reportIndexIssue, reportOptionalSubscript, reportArgumentType] # arrays, as no average is asked for
        for i, name in enumerate(classes)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
