"""Two classifiers on the same images: by how much one is better, and whether chance alone could make it look so."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.evaluation.intervals import LEVEL, Interval, percentiles
from resnets.evaluation.metrics import Rate

RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """What classifiers A and B answered on the same labelled images."""

    labels: NDArray[np.int64]  # one an image, as are the answers
    answers_a: NDArray[np.int64]
    answers_b: NDArray[np.int64]
    interval: Interval  # 95%, of the difference
    p_value: float  # exact McNemar, two-sided: the chance of this or more one-sidedness if both were equally good
    classes: tuple[str, ...]
    images: tuple[str, ...] = ()  # the names of those on which the answers differ
    on: str = ""  # which images these were

    @property
    def a(self) -> Rate:
        """How often A was right."""
        return Rate(int((self.answers_a == self.labels).sum()), len(self.labels))

    @property
    def b(self) -> Rate:
        """How often B was right."""
        return Rate(int((self.answers_b == self.labels).sum()), len(self.labels))

    @property
    def difference(self) -> float:
        """B's accuracy less A's, -1 to 1."""
        return (self.b.correct - self.a.correct) / len(self.labels)

    @property
    def table(self) -> Int64[np.ndarray, "2 2"]:
        """Counts: A right, then wrong, in the rows; B right, then wrong, in the columns."""
        return _table(self.answers_a == self.labels, self.answers_b == self.labels)

    @property
    def differing(self) -> Int64[np.ndarray, " differing"]:
        """The images on which the answers differ: those that one alone has right come first."""
        places = np.flatnonzero(self.answers_a != self.answers_b)
        right = (self.answers_a == self.labels) | (self.answers_b == self.labels)
        return places[np.argsort(~right[places], kind="stable")]

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        (both, only_a), (only_b, neither) = self.table.tolist()
        return {
            "on": self.on,
            "count": len(self.labels),
            "a": {"top1": self.a.as_dict()},
            "b": {"top1": self.b.as_dict()},
            "difference": self.difference,
            "interval": list(self.interval),
            "right": {"both": both, "only_a": only_a, "only_b": only_b, "neither": neither},
            "mcnemar_p": self.p_value,
            "differing": [
                {
                    "image": self.images[row] if self.images else int(place),
                    "right": self.classes[self.labels[place]],
                    "a": self.classes[self.answers_a[place]],
                    "b": self.classes[self.answers_b[place]],
                }
                for row, place in enumerate(self.differing)
            ],
        }


def compare(
    logits_a: Float[np.ndarray, "images classes"],
    logits_b: Float[np.ndarray, "images classes"],
    labels: Int64[np.ndarray, " images"],
    classes: tuple[str, ...],
    *,
    on: str = "",
    seed: int = 0,
) -> Comparison:
    """Compare the answers of two classifiers to the same images.

    The interval is a paired bootstrap's (Efron and Tibshirani 1993), the p-value the exact McNemar test's (McNemar
    1947; Dietterich 1998 recommends it for two classifiers and one test set). Raises InputError when there are no
    images.
    """
    if not len(labels):
        raise InputError("no images: a comparison needs some")
    answers_a, answers_b = logits_a.argmax(axis=1), logits_b.argmax(axis=1)
    table = _table(answers_a == labels, answers_b == labels)
    return Comparison(
        labels=labels,
        answers_a=answers_a,
        answers_b=answers_b,
        interval=difference_interval(table, seed=seed),
        p_value=mcnemar(table),
        classes=classes,
        on=on,
    )


def mcnemar(table: Int64[np.ndarray, "2 2"]) -> float:
    """Two-sided exact p-value: of the images that one alone has right, whether each was as likely to be A's as B's."""
    from scipy.stats import binomtest

    only_a, only_b = int(table[0, 1]), int(table[1, 0])
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def difference_interval(table: Int64[np.ndarray, "2 2"], *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Percentile interval, 95%, of B's accuracy less A's.

    Images drawn anew, each with both its answers, fall into the four cells as a multinomial's draws do, so only the
    cells are drawn.
    """
    images = int(table.sum())
    random = np.random.Generator(np.random.Philox(key=seed))
    drawn = random.multinomial(images, table.ravel() / images, size=resamples)
    return percentiles((drawn[:, 2] - drawn[:, 1]) / images, LEVEL)


def _table(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.bincount(2 * ~right_a + ~right_b, minlength=4).reshape(2, 2)
