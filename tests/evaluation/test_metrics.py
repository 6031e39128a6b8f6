"""Scores equal scikit-learn's and torch's, and divide by what was counted."""

import warnings

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resnets.base.errors import InputError, RunFailed
from resnets.evaluation import calibration, metrics, ranking

CLASSES = tuple("abcdefgh")


def answers(seed: int, count: int, classes: int = len(CLASSES)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, classes)).astype(np.float32), random.integers(0, classes, count)


@settings(deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 200))
def test_scores_equal_scikit_learns(seed: int, count: int) -> None:
    logits, labels = answers(seed, count)
    found = metrics.evaluate(logits, labels, CLASSES)
    predicted = logits.argmax(1)
    everyone = range(len(CLASSES))
    assert found.top1.value == sklearn.metrics.accuracy_score(labels, predicted)
    assert found.top5.correct == sklearn.metrics.top_k_accuracy_score(
        labels, logits, k=5, labels=everyone, normalize=False
    )
    assert np.array_equal(found.confusion, sklearn.metrics.confusion_matrix(labels, predicted, labels=everyone))
    for name in ("precision", "recall", "f1"):
        score = getattr(sklearn.metrics, f"{name}_score")
        expected = score(labels, predicted, labels=everyone, average=None, zero_division=np.nan)
        ours = [getattr(one, name) for one in found.classes]
        assert [None if np.isnan(value) else value for value in expected] == ours


@settings(deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 200))
def test_averages_over_the_classes_equal_scikit_learns(seed: int, count: int) -> None:
    logits, labels = answers(seed, count)
    found = metrics.evaluate(logits, labels, CLASSES)
    predicted = logits.argmax(1)
    # 1e-12: the same sums of doubles, in another order.
    assert found.macro_f1 == pytest.approx(sklearn.metrics.f1_score(labels, predicted, average="macro"), abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of answers that no label has
        expected = sklearn.metrics.balanced_accuracy_score(labels, predicted)
    assert found.balanced_accuracy == pytest.approx(expected, abs=1e-12)


def test_calibration_is_that_of_the_logits_judged() -> None:
    logits, labels = answers(3, 300)
    found = metrics.evaluate(logits, labels, CLASSES)
    probabilities = calibration.probabilities(logits)
    assert found.ece == calibration.reliability(probabilities, labels).ece
    assert found.brier == calibration.brier(probabilities, labels)
    assert found.auc == ranking.auc(probabilities, labels)
    document = found.as_dict()
    assert (document["ece"], document["brier"], document["auc"]) == (found.ece, found.brier, found.auc)
    assert document["reliability"]["counts"] == found.reliability.counts.tolist()
    assert (document["abstained"], document["intervals"]) == (None, None)


def test_answers_below_the_threshold_are_not_counted_among_the_sure() -> None:
    logits = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]))
    labels = np.array([0, 1, 0, 1])
    found = metrics.evaluate(logits, labels, ("a", "b"), abstain_below=0.65).abstained
    assert found == metrics.Abstention(0.65, answered=3, correct=2)
    nobody = metrics.evaluate(logits, labels, ("a", "b"), abstain_below=0.95).abstained
    assert nobody is not None
    assert nobody.as_dict() == {"below": 0.95, "answered": 0, "right": 0, "accuracy": None}


def test_the_loss_is_torchs_cross_entropy() -> None:
    logits, labels = answers(1, 500)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(labels))
    assert metrics.evaluate(logits, labels, CLASSES).loss == pytest.approx(float(expected), rel=1e-12)


def test_equal_logits_are_no_free_point() -> None:
    found = metrics.evaluate(np.zeros((8, 8), np.float32), np.arange(8), CLASSES)
    assert found.top1.correct == 1
    assert found.top5.correct == 5


def test_every_image_counts_once_whatever_the_batch() -> None:
    logits, labels = answers(2, 103)
    found = metrics.evaluate(logits, labels, CLASSES)
    assert found.count == found.top1.count == found.confusion.sum() == sum(one.count for one in found.classes) == 103


def test_a_figure_with_nothing_to_divide_by_is_none_in_json_too() -> None:
    logits = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    document = metrics.evaluate(logits, np.array([0, 1]), ("a", "b", "c")).as_dict()
    assert [one["precision"] for one in document["classes"]] == [0.5, None, None]
    assert [one["recall"] for one in document["classes"]] == [1.0, 0.0, None]
    assert document["top1"] == {"value": 0.5, "right": 1}
    assert document["confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("logits", "labels", "error", "why"),
    [
        (np.zeros((0, 3), np.float32), np.zeros(0, np.int64), InputError, "at least one"),
        (np.zeros((2, 3), np.float32), np.array([0, 3]), InputError, "labels go from 0 to 3, but there are 3 classes"),
        (np.full((2, 3), np.nan, np.float32), np.array([0, 1]), RunFailed, "not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    logits: np.ndarray, labels: np.ndarray, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        metrics.evaluate(logits, labels, ("a", "b", "c"))
