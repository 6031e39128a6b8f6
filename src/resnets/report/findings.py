"""What is worth looking at among a classifier's answers: pure functions of probabilities and labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from resnets.evaluation.metrics import ClassScore, Evaluation

CLOSE = 0.2  # probability between the first and the second answer: more, and an image is not on the border
_ROWS = 4096  # images at a time, since sorting copies them


@dataclass(frozen=True, slots=True)
class Pair:
    """Images of one class that were taken for another."""

    truth: int  # class
    answer: int  # class
    count: int
    of: int  # images of the right class
    images: tuple[int, ...]  # some of them, the most confident first


@dataclass(frozen=True, slots=True)
class Coverage:
    """What answering only when sure costs and gains."""

    threshold: float  # answers at least as probable as this are given
    answered: int
    correct: int
    count: int

    @property
    def share(self) -> float:
        return self.answered / self.count

    @property
    def accuracy(self) -> float | None:
        """Of the answers that were given; None when none was."""
        return self.correct / self.answered if self.answered else None


def confident_mistakes(
    probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"], count: int
) -> tuple[int, ...]:
    """Up to `count` images whose first answer is wrong, the most probable answer first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return _first(wrong, -probabilities.max(axis=1), count)


def confused_pairs(
    probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"], count: int, examples: int
) -> tuple[Pair, ...]:
    """Up to `count` (right class, answer) pairs with the most images, each with up to `examples` of these."""
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    wrong = predicted != labels
    codes, sizes = np.unique(labels[wrong] * classes + predicted[wrong], return_counts=True)
    pairs: list[Pair] = []
    for place in np.argsort(-sizes, kind="stable")[:count]:
        right, answer = divmod(int(codes[place]), classes)
        members = np.flatnonzero((labels == right) & (predicted == answer))
        chosen = _first(members, -probabilities[:, answer], examples)
        pairs.append(Pair(right, answer, int(sizes[place]), int((labels == right).sum()), chosen))
    return tuple(pairs)


def on_the_border(probabilities: Float[np.ndarray, "images classes"], count: int) -> tuple[int, ...]:
    """Up to `count` images whose two most probable classes are nearly as probable as each other, the nearest first."""
    if probabilities.shape[1] < 2:
        return ()
    parts = [probabilities[start : start + _ROWS] for start in range(0, len(probabilities), _ROWS)]
    margin = np.concatenate([np.diff(np.partition(part, -2, axis=1)[:, -2:]).ravel() for part in parts])
    return _first(np.flatnonzero(margin < CLOSE), margin, count)


def worst_classes(evaluation: Evaluation, count: int) -> tuple[ClassScore, ...]:
    """Up to `count` classes with images of which not all were recognized or whose name was given wrongly, by F1."""
    met = [score for score in evaluation.classes if score.count and (score.f1 or 0) < 1]
    return tuple(sorted(met, key=lambda score: score.f1 or 0)[:count])


def coverage(
    probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"], threshold: float
) -> Coverage:
    """What is left when answers less probable than `threshold` are not given."""
    given = probabilities.max(axis=1) >= threshold
    right = given & (probabilities.argmax(axis=1) == labels)
    return Coverage(threshold, int(given.sum()), int(right.sum()), len(labels))


def _first(members: Int64[np.ndarray, " some"], keys: Float[np.ndarray, " images"], count: int) -> tuple[int, ...]:
    """The `count` members with the smallest keys."""
    return tuple(members[np.argsort(keys[members], kind="stable")][:count].tolist())
