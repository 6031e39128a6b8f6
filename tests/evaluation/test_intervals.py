"""Bootstrap intervals are of the figures that are reported, and as wide as chance makes them."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from resnets.base.errors import InputError
from resnets.evaluation import calibration, intervals, metrics, ranking
from tests.evaluation.samples import answers


@pytest.mark.parametrize("classes", [2, 5])
def test_a_resamples_figures_are_those_of_the_images_in_it(classes: int) -> None:
    logits, labels = answers(1, 90, classes, scale=2)
    (counts,) = intervals.draws(90, resamples=20, seed=3)
    figures = intervals.Figures(logits, calibration.probabilities(logits), labels).of(counts)
    assert set(figures) == {"top1", "top5", "loss", "brier", "macro_f1", "balanced_accuracy", "auc"}
    for row, times in enumerate(counts.astype(int)):
        assert times.sum() == 90
        there = np.repeat(np.arange(90), times)
        some, right = logits[there], labels[there]
        probabilities = calibration.probabilities(some)
        found = metrics.evaluate(some, right, tuple(map(str, range(classes))))
        expected = {
            "top1": found.top1.value,
            "top5": found.top5.value,
            "loss": found.loss,
            "brier": calibration.brier(probabilities, right),
            "macro_f1": sklearn.metrics.f1_score(right, some.argmax(1), average="macro"),
            "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(right, some.argmax(1)),
            "auc": ranking.auc(probabilities, right),
        }
        assert {name: values[row] for name, values in figures.items()} == pytest.approx(expected, abs=1e-9)


def test_an_interval_of_the_accuracy_is_the_binomials() -> None:
    logits, labels = answers(2, 2000, skill=2)
    right = int((logits.argmax(1) == labels).sum())
    low, high = intervals.intervals(logits, labels, resamples=4000)["top1"]
    # The bootstrap of a share draws from this binomial; its quantiles from 4,000 draws are off by some tenths of one
    # deviation, 0.01, of which 0.002 is a fifth.
    expected = scipy.stats.binom(2000, right / 2000).ppf([0.025, 0.975]) / 2000
    assert (low, high) == pytest.approx(expected, abs=0.002)


def test_intervals_depend_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = answers(3, 200)
    once = intervals.intervals(logits, labels, resamples=500, seed=7)
    assert intervals.intervals(logits, labels, resamples=500, seed=8) != once
    monkeypatch.setattr(intervals, "_CELLS", 3000)  # 15 resamples at a time instead of all
    again = intervals.intervals(logits, labels, resamples=500, seed=7)
    for name, interval in once.items():
        assert again[name] == pytest.approx(interval, abs=1e-12), name  # sums in another order


def test_classes_that_lack_images_leave_out_the_area_and_nothing_else() -> None:
    logits, labels = answers(4, 50, 4)
    found = intervals.intervals(logits, np.minimum(labels, 2), resamples=100)
    assert "auc" not in found
    assert "auc" not in intervals.intervals(*answers(4, 50, intervals.RANKED + 1), resamples=10)
    assert all(0 <= low <= high for low, high in found.values())


def test_resamples_that_lack_a_class_do_not_lose_the_area_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = answers(5, 60, 4)
    labels = np.where(labels == 3, 0, labels)
    labels[:1] = 3  # a class of one image, which a third of the resamples lack
    whole = intervals.intervals(logits, labels, resamples=200)
    monkeypatch.setattr(intervals, "_CELLS", 1)  # one resample at a time
    assert intervals.intervals(logits, labels, resamples=200)["auc"] == pytest.approx(whole["auc"], abs=1e-12)


def test_one_image_has_an_interval_of_no_width() -> None:
    found = intervals.intervals(np.array([[2, 1]], np.float32), np.array([0]), resamples=10)
    assert found["top1"] == (1.0, 1.0)
    with pytest.raises(InputError, match="no images"):
        intervals.intervals(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
