"""How far a score might be off, had other images of the same kind been judged: bootstrap confidence intervals."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.evaluation import calibration, metrics

RESAMPLES = 1000
LEVEL = 0.95
RANKED = 16  # classes: with more, ranking every resample anew takes longer than it tells
_CELLS = 2_000_000  # of a table of resamples by images at a time

Interval = tuple[float, float]


def intervals(
    logits: Float[np.ndarray, "images classes"],
    labels: Int64[np.ndarray, " images"],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Percentile intervals of top1, top5, loss, brier, macro_f1, balanced_accuracy and, of few classes, auc.

    logits: already divided by the temperature. level: how much of what the resamples give an interval holds.
    The images are drawn anew, with replacement, `resamples` times, from Philox keyed by `seed`. Efron and Tibshirani
    1993, section 13.3. The calibration error has none: in a resample, images that are there twice add gaps of chance
    to its bins, so that its percentiles can lie above the figure itself. Raises InputError when there are no images.
    """
    if not len(labels):
        raise InputError("no images: an interval needs some")
    probabilities = calibration.probabilities(logits)
    figures = Figures(logits, probabilities, labels)
    rows = [figures.of(counts) for counts in draws(len(labels), resamples=resamples, seed=seed)]
    values = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return {name: percentiles(found, level) for name, found in values.items() if not np.isnan(found).all()}


def draws(images: int, *, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each image (column) is in each resample (row), some resamples at a time."""
    random = np.random.Generator(np.random.Philox(key=seed))
    at_a_time = max(1, _CELLS // images)
    for start in range(0, resamples, at_a_time):
        rows = min(at_a_time, resamples - start)
        chosen = random.integers(0, images, (rows, images))
        chosen += images * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * images).reshape(rows, images).astype(np.float64)


def percentiles(values: Float[np.ndarray, " resamples"], level: float) -> Interval:
    """The middle `level` of the values, leaving out those that are not defined."""
    low, high = np.nanpercentile(values, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


class Figures:
    """What each image adds to each figure, so that a resample's figures are sums."""

    def __init__(
        self, logits: NDArray[np.floating], probabilities: NDArray[np.float64], labels: NDArray[np.int64]
    ) -> None:
        classes = probabilities.shape[1]
        predicted = logits.argmax(axis=1)
        ranks = metrics.label_ranks(logits, labels)
        self.means = {
            "top1": (ranks == 0).astype(np.float64),
            "top5": (ranks < 5).astype(np.float64),
            "loss": metrics.cross_entropy(logits, labels),
            "brier": calibration.brier_scores(probabilities, labels),
        }
        self.hits = _sums(labels, classes, predicted == labels)
        self.there, self.answered = _sums(labels, classes), _sums(predicted, classes)
        self.ranking = [_Ranking(probabilities[:, place], labels == place) for place in _ranked(classes)]

    def of(self, counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The figures of each resample."""
        images = counts.shape[1]
        found = {name: counts @ values / images for name, values in self.means.items()}
        with np.errstate(invalid="ignore"):  # 0 / 0: a class that a resample lacks
            hits, there, answered = (sums @ counts.T for sums in (self.hits, self.there, self.answered))
            found["macro_f1"] = np.nanmean(2 * hits / (there + answered), axis=0)
            found["balanced_accuracy"] = np.nanmean(hits / there, axis=0)
        if self.ranking:
            found["auc"] = np.mean([one.areas(counts) for one in self.ranking], axis=0)
        return found


class _Ranking:
    """The order of the images by one class's probability, for areas under the ROC curve of resamples."""

    def __init__(self, scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        self.positive = np.flatnonzero(positive)
        self.before = np.searchsorted(ordered, scores[positive], side="left")  # images ranked below each positive
        self.up_to = np.searchsorted(ordered, scores[positive], side="right")  # and those ranked with it

    def areas(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each resample: the share of pairs in which the positive ranks higher, a draw counting half."""
        summed = np.zeros((len(counts), counts.shape[1] + 1))
        np.cumsum(counts[:, self.order], axis=1, out=summed[:, 1:])
        ranks = (summed[:, self.before] + summed[:, self.up_to]) / 2
        weights = counts[:, self.positive]
        positive = weights.sum(axis=1)
        higher = (weights * ranks).sum(axis=1) - positive**2 / 2  # without the pairs of two positives
        with np.errstate(invalid="ignore"):  # 0 / 0: a resample without positives or without negatives
            return higher / (positive * (counts.shape[1] - positive))


def _ranked(classes: int) -> range:
    """The classes whose areas are averaged: of two, the second."""
    return range(1, 2) if classes == 2 else range(classes if classes <= RANKED else 0)


def _sums(places: NDArray[np.int64], count: int, values: NDArray[np.generic] | None = None) -> scipy.sparse.csr_array:
    """Times a vector over the images: its sum, weighted by `values`, in each place."""
    images = np.arange(len(places))
    weights = np.ones(len(places)) if values is None else values.astype(np.float64)
    return scipy.sparse.csr_array((weights, (places, images)), shape=(count, len(places)))
