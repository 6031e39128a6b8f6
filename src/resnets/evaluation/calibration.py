"""Whether probabilities mean what they say: reliability, temperature, and when to say "not sure"."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray

from resnets.base.errors import InputError

BINS = 15  # as in Guo et al. 2017, section 2
COLDEST, HOTTEST = 0.05, 20.0  # temperatures beyond these say that there is nothing to fit
_ROWS = 4096  # images at a time, so that the passes over 50,000 x 1,000 logits stay within some megabytes


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often answers of about the same probability were right. A bin holds its lower edge; the last, both."""

    edges: NDArray[np.float64]  # bins + 1, from 0 to 1
    counts: NDArray[np.int64]  # images in each bin, by the probability of their answer
    confidence: NDArray[np.float64]  # mean probability of the bin's answers; NaN where it is empty
    accuracy: NDArray[np.float64]  # share of them that were right; NaN where it is empty

    @property
    def ece(self) -> float:
        """Expected calibration error, 0 to 1: the gap between confidence and accuracy of an average image's bin."""
        return float(np.nansum(self.gaps * self.counts) / self.counts.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error, 0 to 1: the gap of the worst bin."""
        return float(np.nanmax(self.gaps))

    @property
    def gaps(self) -> Float[np.ndarray, " bins"]:
        """Between confidence and accuracy of each bin, 0 to 1; NaN where it is empty."""
        return np.abs(self.accuracy - self.confidence)

    def as_dict(self) -> dict[str, Any]:
        """The reliability as JSON values; None where a bin is empty."""
        return {
            "edges": self.edges.tolist(),
            "counts": self.counts.tolist(),
            "confidence": [None if math.isnan(value) else value for value in self.confidence.tolist()],
            "accuracy": [None if math.isnan(value) else value for value in self.accuracy.tolist()],
            "ece": self.ece,
            "mce": self.mce,
        }


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which probability on an answer is given, and what came of it on the images that it was chosen on."""

    threshold: float | None  # None: at no threshold was the error small enough
    coverage: float  # share of the images that are answered
    error: float | None  # share of the answers that are wrong; None where there are none
    count: int  # images answered


@dataclass(frozen=True, slots=True)
class Calibration:
    """A temperature and a threshold, and how calibrated the images they were fitted on were before and after."""

    temperature: float
    threshold: Threshold | None  # None: no error rate was asked for
    before: Reliability  # at temperature 1
    after: Reliability

    @property
    def abstain_below(self) -> float:
        """What a classifier stores: 0 where no threshold was asked for, 1 where none is strict enough."""
        if self.threshold is None:
            return 0.0
        return 1.0 if self.threshold.threshold is None else self.threshold.threshold

    @property
    def ece_before(self) -> float:
        """Expected calibration error at temperature 1."""
        return self.before.ece

    @property
    def ece_after(self) -> float:
        """Expected calibration error at the fitted temperature."""
        return self.after.ece


def calibrate(
    logits: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"], *, error_rate: float | None
) -> Calibration:
    """Fit a temperature to a classifier's raw logits, then a threshold for `error_rate`, unless that is None.

    Raises InputError as `fit_temperature` and `abstention_threshold` do.
    """
    temperature = fit_temperature(logits, labels)
    before = reliability(probabilities(logits), labels)
    scaled = probabilities(logits, temperature)
    threshold = None
    if error_rate is not None:
        threshold = abstention_threshold(scaled.max(axis=1), scaled.argmax(axis=1) == labels, error_rate=error_rate)
    return Calibration(temperature, threshold, before, reliability(scaled, labels))


def probabilities(
    logits: Float[np.ndarray, "images classes"], temperature: float = 1.0
) -> Float[np.ndarray, "images classes"]:
    """softmax(logits / temperature), in double precision: distinct float32 logits stay distinct when divided."""
    scaled = logits.astype(np.float64)
    scaled -= scaled.max(axis=1, keepdims=True)
    scaled /= temperature
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def reliability(
    probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"], *, bins: int = BINS
) -> Reliability:
    """Confidence against accuracy in bins of equal width, by the probability of the most probable class.

    probabilities: 0 to 1. Raises InputError for no images or no bins. Naeini et al. 2015; Guo et al. 2017, section 2.
    A bin holds its lower edge, as torchmetrics has it, which keeps a bin of its own for what is exactly 1.
    """
    if not len(labels) or bins < 1:
        raise InputError(f"{len(labels)} images, {bins} bins: a reliability diagram needs at least one of each")
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    places = _bin_of(confidence, edges)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is how an empty bin becomes NaN
        means = [np.bincount(places, weights=values, minlength=bins) / counts for values in (confidence, right)]
    return Reliability(edges, counts, *means)


def _bin_of(
    confidence: Float[np.ndarray, " images"], edges: Float[np.ndarray, " edges"]
) -> Int64[np.ndarray, " images"]:
    """The bin, 0 to len(edges) - 2, of each confidence."""
    return np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)


def brier(probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]) -> float:
    """Brier score: squared distance from the truth, summed over the classes and averaged over the images, 0 to 2.

    Brier 1950's own form. Of two classes it is twice the score that looks at one class alone.
    """
    return float(brier_scores(probabilities, labels).mean())


def brier_scores(
    probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    """Each image's part in the Brier score, 0 to 2."""
    squares = np.einsum("ic,ic->i", probabilities, probabilities)  # no copy of the size of the probabilities
    return 1 - 2 * probabilities[np.arange(len(labels)), labels] + squares


def fit_temperature(logits: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]) -> float:
    """The temperature at which `logits` have the least cross-entropy: Guo et al. 2017, section 4.2.

    Where every answer is right, the colder the better, without end, and where all logits of an image are equal no
    temperature matters: both leave it at 1. Otherwise it is within 0.05 to 20.
    Raises InputError when there are no images.
    """
    from scipy.optimize import brentq

    if not len(labels) or len(labels) != len(logits):
        raise InputError(f"{len(logits)} answers for {len(labels)} labels: there must be one for each")
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    of_label = shifted[np.arange(len(labels)), labels]
    if (of_label == 0).all():  # a right answer, or one that ties with it
        return 1.0

    def slope(log_temperature: float) -> float:
        return sum(_excess(shifted, of_label, math.exp(-log_temperature)))

    # The cross-entropy is convex in 1 / temperature, so its slope crosses zero once, if at all.
    coldest, hottest = math.log(COLDEST), math.log(HOTTEST)
    if slope(coldest) <= 0:
        return COLDEST
    if slope(hottest) >= 0:
        return HOTTEST
    return math.exp(float(brentq(slope, coldest, hottest, xtol=1e-10)))  # pyright: ignore[reportArgumentType] # a float, as full_output is not asked for


def _excess(shifted: NDArray[np.float64], of_label: NDArray[np.float64], inverse: float) -> Iterator[float]:
    """By how much the mean logit under softmax(logits x inverse) exceeds the label's: the slope of cross-entropy."""
    for start in range(0, len(shifted), _ROWS):
        rows = shifted[start : start + _ROWS]
        weights = np.exp(rows * inverse)
        means = (weights * rows).sum(axis=1) / weights.sum(axis=1)
        yield float((means - of_label[start : start + _ROWS]).sum())


def abstention_threshold(
    confidence: Float[np.ndarray, " images"], right: Bool[np.ndarray, " images"], *, error_rate: float
) -> Threshold:
    """The lowest threshold at which at most `error_rate` of the images answered here are answered wrongly.

    confidence: probability of each image's answer, 0 to 1. The threshold is half-way between the least confident
    image that is answered and the next one, and 0 where all are. The rate holds of these images; of others, about,
    as far as they are like these and not few. Geifman and El-Yaniv 2017 call it selection with guaranteed risk, and
    add a bound; this is the plain rule.
    Raises InputError for no images, or a rate outside 0 to 1.
    """
    if not 0 <= error_rate < 1:
        raise InputError(f"error rate {error_rate}: must be 0 or more and less than 1, such as 0.02")
    if not len(confidence):
        raise InputError("no images: a threshold needs some")
    order = np.argsort(-confidence, kind="stable")
    sorted_, wrong = confidence[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(sorted_[1:] < sorted_[:-1], True))  # images equally sure are answered together
    within = ends[wrong[ends] <= error_rate * (ends + 1)]
    if not len(within):
        return Threshold(None, 0.0, None, 0)
    last = int(within[-1])
    count = last + 1
    threshold = _between(float(sorted_[last]), float(sorted_[count])) if count < len(sorted_) else 0.0
    return Threshold(threshold, count / len(sorted_), int(wrong[last]) / count, count)


def _between(high: float, low: float) -> float:
    middle = (high + low) / 2
    return middle if middle > low else high
