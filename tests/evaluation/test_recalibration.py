"""A temperature is fitted on one part and judged on the other, and changes no answer."""

from typing import Any

import numpy as np
import pytest

from resnets.base.errors import InputError
from resnets.evaluation import calibration
from resnets.evaluation.recalibration import recalibrate, stratified
from tests.evaluation.samples import answers

CLASSES = tuple("abcdefgh")


def test_one_part_is_fitted_and_the_other_judged() -> None:
    logits, labels = answers(1, 20_000, scale=4, skill=2)
    found = recalibrate(logits, labels, CLASSES, temperature=1.5, fraction=0.5, error_rate=0.1, seed=3)
    chosen = stratified(labels, fraction=0.5, seed=3)
    expected = calibration.calibrate(logits[chosen], labels[chosen], error_rate=0.1)
    assert found.fitted.temperature == expected.temperature
    assert found.fitted.abstain_below == expected.abstain_below
    assert (found.images, found.after.count) == (chosen.sum(), (~chosen).sum())
    rest, right = logits[~chosen], labels[~chosen]
    for temperature, evaluation in ((1.5, found.before), (expected.temperature, found.after)):
        probabilities = calibration.probabilities(rest, temperature)
        assert evaluation.ece == pytest.approx(calibration.reliability(probabilities, right).ece, abs=1e-12)
    assert found.after.ece < found.before.ece / 2
    assert found.after.top1 == found.before.top1
    sure = found.after.abstained
    assert sure is not None
    assert sure.accuracy == pytest.approx(0.9, abs=0.02)  # of some thousands of answers each; a deviation is 0.005


def test_without_a_fraction_all_images_are_fitted_and_judged() -> None:
    logits, labels = answers(2, 300, scale=3)
    found = recalibrate(logits, labels, CLASSES, temperature=1.0)
    assert (found.images, found.after.count, found.apart) == (300, 300, False)
    assert found.fitted.temperature == calibration.fit_temperature(logits, labels)
    assert found.as_dict()["abstained"] is None


def test_a_stratified_part_has_its_share_of_each_class_and_depends_on_the_seed_alone() -> None:
    labels = np.repeat([0, 1, 2], [100, 10, 40])
    chosen = stratified(labels, fraction=0.3, seed=1)
    assert np.bincount(labels[chosen]).tolist() == [30, 3, 12]
    assert np.array_equal(chosen, stratified(labels, fraction=0.3, seed=1))
    assert not np.array_equal(chosen, stratified(labels, fraction=0.3, seed=2))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"fraction": 1.0}, "more than 0 and less than 1"),
        ({"fraction": 0.001}, "so that one side is empty"),
        ({"error_rate": 0.0}, "even the most confident answers to these 60 images are wrong more often"),
    ],
)
def test_what_cannot_be_fitted_is_refused(settings: dict[str, Any], why: str) -> None:
    logits, labels = answers(2, 60)
    logits[0] = 0
    logits[0, (labels[0] + 1) % 8] = 50  # wrong, and the surest
    with pytest.raises(InputError, match=why):
        recalibrate(logits, labels, CLASSES, temperature=1.0, **settings)
