"""Scores with their intervals, in the words of the page."""

from dataclasses import dataclass

import numpy as np

from resnets.evaluation import calibration, intervals, ranking
from resnets.evaluation.calibration import Reliability
from resnets.report.judged import RunReport


@dataclass(frozen=True, slots=True)
class Score:
    """A figure as it is printed."""

    key: str
    name: str
    value: str
    interval: str  # empty where none is known
    about: str


def scores(run: RunReport, reliability: Reliability) -> list[Score]:
    """Every score of the images that judge, each with the interval that resampling them gives."""
    found = run.evaluation
    known = intervals.intervals(run.logits / run.classifier.temperature, run.labels)
    recalls = [score.recall for score in found.classes if score.recall is not None]
    f1s = [score.f1 for score in found.classes if score.f1 is not None]
    figures: list[tuple[str, str, float | None, str]] = [
        ("top1", "accuracy (top-1)", found.top1.value, f"{found.top1.right:,} of {found.count:,} right"),
        ("balanced_accuracy", "balanced accuracy", float(np.mean(recalls)), "mean of the classes' recalls"),
        ("macro_f1", "macro F1", float(np.mean(f1s)), "mean of the classes' F1"),
        ("auc", "area under the ROC curve", ranking.auc(run.probabilities, run.labels),
         "how well it ranks: of more than two classes, each against the rest, averaged"),
        ("loss", "loss", found.loss, "mean cross-entropy, nats"),
        ("brier", "Brier score", calibration.brier(run.probabilities, run.labels),
         "squared distance of the probabilities from the truth, 0 to 2"),
        ("ece", "calibration error", reliability.ece, "mean gap between probability and accuracy"),
    ]  # fmt: skip
    if len(found.classes) > 5:
        about = f"right class among the first five: {found.top5.right:,} of {found.count:,}"
        figures.insert(1, ("top5", "top-5", found.top5.value, about))
    return [
        Score(key, name, _printed(key, value), _interval(key, known.get(key)), about)
        for key, name, value, about in figures
        if value is not None
    ]


def key_figures(run: RunReport, scored: list[Score]) -> list[Score]:
    """The few that open the page."""
    by_key = {score.key: score for score in scored}
    shown = [by_key[key] for key in ("top1", "top5", "macro_f1", "ece") if key in by_key]
    opening = [
        Score(one.key, one.name, one.value, one.interval, f"95%: {one.interval}" if one.interval else one.about)
        for one in shown
    ]
    wrong = int((run.predicted != run.labels).sum())
    return [*opening, Score("wrong", "mistakes", f"{wrong:,}", "", f"of {len(run.labels):,} images")]


def _printed(key: str, value: float) -> str:
    return f"{value:.3f}" if key in ("loss", "brier", "auc") else f"{value:.1%}"


def _interval(key: str, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = (_printed(key, end) for end in interval)
    return f"{low.removesuffix('%')} to {high}"
