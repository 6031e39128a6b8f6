"""Scores with their intervals, in the words of the page."""

from dataclasses import dataclass

from resnets.evaluation import intervals
from resnets.evaluation.metrics import Evaluation


@dataclass(frozen=True, slots=True)
class Score:
    """A figure as it is printed."""

    key: str
    name: str
    value: str
    interval: str  # empty where none is known
    about: str


def scores(found: Evaluation) -> list[Score]:
    """Every score of the images that judge, each with the interval that resampling them gives."""
    known = found.intervals or {}
    ranked = found.auc if len(found.classes) <= intervals.RANKED else None  # of many classes it takes minutes
    figures: list[tuple[str, str, float | None, str]] = [
        ("top1", "accuracy (top-1)", found.top1.value, f"{found.top1.correct:,} of {found.count:,} correct"),
        ("balanced_accuracy", "balanced accuracy", found.balanced_accuracy, "mean of the classes' recalls"),
        ("macro_f1", "macro F1", found.macro_f1, "mean of the classes' F1"),
        ("auc", "area under the ROC curve", ranked,
         "how well the images are ranked; for more than two classes, the mean of each class against the rest"),
        ("loss", "loss", found.loss, "mean cross-entropy, nats"),
        ("brier", "Brier score", found.brier, "squared distance of the probabilities from the truth, 0 to 2"),
        ("ece", "calibration error", found.ece, "mean gap between probability and accuracy"),
    ]  # fmt: skip
    if len(found.classes) > 5:
        about = f"true class among the first five: {found.top5.correct:,} of {found.count:,}"
        figures.insert(1, ("top5", "top-5", found.top5.value, about))
    return [
        Score(key, name, _printed(key, value), _interval(key, known.get(key)), about)
        for key, name, value, about in figures
        if value is not None
    ]


def key_figures(found: Evaluation, scored: list[Score]) -> list[Score]:
    """The few that open the page."""
    by_key = {score.key: score for score in scored}
    shown = [by_key[key] for key in ("top1", "top5", "macro_f1", "ece") if key in by_key]
    opening = [
        Score(one.key, one.name, one.value, one.interval, f"95%: {one.interval}" if one.interval else one.about)
        for one in shown
    ]
    return [
        *opening,
        Score("wrong", "mistakes", f"{found.count - found.top1.correct:,}", "", f"of {found.count:,} images"),
    ]


def _printed(key: str, value: float) -> str:
    return f"{value:.3f}" if key in ("loss", "brier", "auc") else f"{value:.1%}"


def _interval(key: str, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = (_printed(key, end) for end in interval)
    return f"{low.removesuffix('%')} to {high}"
