"""Comparisons of two classifiers give scipy's p-value, a published one, and the paired bootstrap's interval."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from resnets.base.errors import InputError
from resnets.evaluation import comparison, intervals
from tests.evaluation.samples import answers

CLASSES = tuple("abcdefgh")


@settings(deadline=None)
@given(only_a=st.integers(0, 300), only_b=st.integers(0, 300))
def test_the_p_value_is_scipys_binomial_tests(only_a: int, only_b: int) -> None:
    table = np.array([[50, only_a], [only_b, 7]])
    if not only_a + only_b:
        assert comparison.mcnemar(table) == 1
        return
    tail = scipy.stats.binom(only_a + only_b, 0.5).cdf(min(only_a, only_b))
    assert comparison.mcnemar(table) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)  # sums of doubles


def test_the_p_value_is_the_one_that_is_known_of_an_example() -> None:
    # By hand: 2 P(X <= 1), X of 6 fair coins, is 2 (1 + 6) / 64. Agresti's approval of the prime minister, asked
    # twice (Categorical Data Analysis, table 10.1): R's exact2x2 prints 3.716e-05.
    assert comparison.mcnemar(np.array([[10, 5], [1, 4]])) == pytest.approx(14 / 64, rel=1e-12)
    assert comparison.mcnemar(np.array([[794, 150], [86, 570]])) == pytest.approx(3.716e-05, rel=2e-4)


def test_a_comparison_counts_who_is_right() -> None:
    logits_a, labels = answers(1, 400, skill=2.0)
    logits_b = logits_a + np.random.default_rng(0).normal(size=logits_a.shape).astype(np.float32)
    found = comparison.compare(logits_a, logits_b, labels, CLASSES, on="these")
    right_a, right_b = logits_a.argmax(1) == labels, logits_b.argmax(1) == labels
    assert found.table.tolist() == [
        [(right_a & right_b).sum(), (right_a & ~right_b).sum()],
        [(~right_a & right_b).sum(), (~right_a & ~right_b).sum()],
    ]
    assert (found.a.correct, found.b.correct) == (right_a.sum(), right_b.sum())
    assert found.difference == pytest.approx(right_b.mean() - right_a.mean())
    assert sorted(found.differing) == np.flatnonzero(logits_a.argmax(1) != logits_b.argmax(1)).tolist()
    one_right = (right_a | right_b)[found.differing]
    assert np.array_equal(one_right, np.sort(one_right)[::-1])
    document = found.as_dict()
    assert sum(document["right"].values()) == document["count"] == 400
    first = document["differing"][0]
    assert first["right"] in (first["a"], first["b"])
    assert first["a"] != first["b"]


def test_the_interval_is_that_of_images_drawn_in_pairs() -> None:
    logits_a, labels = answers(2, 1000, skill=2.0)
    logits_b = logits_a + np.random.default_rng(0).normal(size=logits_a.shape).astype(np.float32)
    found = comparison.compare(logits_a, logits_b, labels, CLASSES)
    gains = (logits_b.argmax(1) == labels).astype(float) - (logits_a.argmax(1) == labels)
    drawn = np.concatenate([counts @ gains / 1000 for counts in intervals.draws(1000, resamples=4000, seed=1)])
    # Each end is known to some twentieth of a deviation, which is about 0.013; and steps are 0.001.
    assert found.interval == pytest.approx(intervals.percentiles(drawn, 0.95), abs=0.003)
    assert found.interval[0] < found.difference < found.interval[1]


def test_a_classifier_differs_from_itself_in_nothing() -> None:
    logits, labels = answers(3, 100)
    found = comparison.compare(logits, 3 * logits, labels, CLASSES)
    assert (found.difference, found.interval, found.p_value) == (0, (0, 0), 1)
    assert found.as_dict()["differing"] == []
    with pytest.raises(InputError, match="no images"):
        comparison.compare(logits[:0], logits[:0], labels[:0], CLASSES)
