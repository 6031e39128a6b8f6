"""A result that guesses could have is said to be one."""

import numpy as np

from resnets.evaluation import metrics
from resnets.evaluation.chance import no_better_than_chance
from resnets.evaluation.metrics import Evaluation

NAMES = ("a", "b", "c")


def evaluation(answers: list[int], labels: list[int]) -> Evaluation:
    return metrics.evaluate(4 * np.eye(3)[answers], np.array(labels), NAMES, on="val")


def test_always_the_common_class_is_guessing_however_often_it_is_right() -> None:
    said = no_better_than_chance(evaluation([0] * 104, [0] * 100 + [1, 1, 2, 2]))
    assert said is not None
    assert said.startswith("no better than guessing: a balanced accuracy of 33.3% on val, where guessing gives 33.3%")


def test_answers_that_do_not_look_are_guesses_and_answers_that_half_the_time_do_are_not() -> None:
    random = np.random.default_rng(0)
    said: list[tuple[bool, bool]] = []
    for _ in range(200):
        labels = random.integers(0, 3, 120)
        blind = random.integers(0, 3, 120)
        seeing = np.where(random.random(120) < 0.5, labels, blind)
        found = (no_better_than_chance(evaluation(a.tolist(), labels.tolist())) for a in (blind, seeing))
        said.append((next(found) is not None, next(found) is not None))
    guesses, answers = np.mean(said, axis=0)
    assert guesses > 0.94  # 97.7% of guesses lie within two standard errors
    assert answers == 0


def test_one_class_alone_cannot_be_guessed_and_few_right_answers_are_enough_where_they_are_all() -> None:
    assert no_better_than_chance(evaluation([0, 0], [0, 0])) is None
    assert no_better_than_chance(evaluation([0, 1, 2] * 2, [0, 1, 2] * 2)) is None
