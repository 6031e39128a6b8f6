"""What is shown of a classifier's answers is what is most worth looking at."""

import numpy as np
import pytest

from resnets.evaluation import metrics
from resnets.report import findings

PROBABILITIES = np.array(
    [
        [0.90, 0.06, 0.04],  # right
        [0.55, 0.40, 0.05],  # 1, said 0
        [0.70, 0.20, 0.10],  # 1, said 0
        [0.10, 0.15, 0.75],  # 0, said 2
        [0.36, 0.34, 0.30],  # right, on the border
        [0.05, 0.10, 0.85],  # right
    ]
)
LABELS = np.array([0, 1, 1, 0, 0, 2])


def test_mistakes_come_by_confidence() -> None:
    assert findings.confident_mistakes(PROBABILITIES, LABELS, 9) == (3, 2, 1)
    assert findings.confident_mistakes(PROBABILITIES, LABELS, 2) == (3, 2)


def test_pairs_come_by_count_with_their_most_confident_images() -> None:
    most, least = findings.confused_pairs(PROBABILITIES, LABELS, 9, 1)
    assert most == findings.Pair(truth=1, answer=0, count=2, of=2, images=(2,))
    assert least == findings.Pair(truth=0, answer=2, count=1, of=3, images=(3,))


def test_the_border_is_where_two_answers_are_close_whoever_is_right() -> None:
    assert findings.on_the_border(PROBABILITIES, 9) == (4, 1)


def test_the_weakest_class_comes_first_and_perfect_or_unmet_ones_never() -> None:
    logits = np.log(np.c_[PROBABILITIES, np.full((6, 2), 1e-6)])
    logits[5, 3] = 9  # alone of its class, and recognized
    found = metrics.evaluate(logits, np.array([0, 1, 1, 0, 0, 3]), ("a", "b", "c", "perfect", "unmet"))
    assert [score.name for score in findings.worst_classes(found, 9)] == ["b", "a"]


@pytest.mark.parametrize(
    ("threshold", "answered", "right"), [(0.0, 6, 3), (0.5, 5, 2), (0.75, 3, 2), (0.86, 1, 1), (0.99, 0, 0)]
)
def test_answering_only_when_sure_counts_what_is_answered(threshold: float, answered: int, right: int) -> None:
    found = findings.coverage(PROBABILITIES, LABELS, threshold)
    assert (found.answered, found.correct) == (answered, right)
    assert found.share == answered / 6
    assert found.accuracy == (right / answered if answered else None)
