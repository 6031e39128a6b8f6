"""Calibration errors equal torchmetrics' and scikit-learn's; temperatures and thresholds do what they promise."""

from typing import Literal

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resnets.base.errors import InputError
from resnets.evaluation import calibration, metrics, ranking
from tests import peers
from tests.evaluation.samples import answers

EXACT = 1e-12  # the same sums of doubles, in another order
FLOAT32 = 1e-6  # torchmetrics sums a few hundred float32 numbers of at most 1


def theirs(probabilities: np.ndarray, labels: np.ndarray, bins: int, norm: Literal["l1", "max"]) -> float:
    """torchmetrics' error of all classes, which it computes in float32."""
    error = peers.torchmetrics().multiclass_calibration_error
    values = torch.from_numpy(probabilities), torch.from_numpy(labels)
    return float(error(*values, num_classes=probabilities.shape[1], n_bins=bins, norm=norm))


def theirs_in_double(probabilities: np.ndarray, labels: np.ndarray, bins: int, norm: Literal["l1", "max"]) -> float:
    """The same of the answers alone, right or wrong, for which torchmetrics keeps the precision."""
    error = peers.torchmetrics().binary_calibration_error
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return float(error(torch.from_numpy(confidence), torch.from_numpy(right).long(), n_bins=bins, norm=norm))


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 999), count=st.integers(1, 300), classes=st.integers(2, 12), bins=st.integers(1, 30),
    scale=st.floats(0.1, 2),  # hotter, a float32 would be exactly 1, for which torchmetrics has a bin of its own
)  # fmt: skip
def test_calibration_errors_equal_torchmetrics(seed: int, count: int, classes: int, bins: int, scale: float) -> None:
    logits, labels = answers(seed, count, classes, scale=scale)
    probabilities = calibration.probabilities(logits)
    found = calibration.reliability(probabilities, labels, bins=bins)
    assert found.ece == pytest.approx(theirs(probabilities, labels, bins, "l1"), abs=FLOAT32)
    assert found.mce == pytest.approx(theirs(probabilities, labels, bins, "max"), abs=FLOAT32)
    assert found.ece == pytest.approx(theirs_in_double(probabilities, labels, bins, "l1"), abs=EXACT)
    assert found.mce == pytest.approx(theirs_in_double(probabilities, labels, bins, "max"), abs=EXACT)
    assert found.counts.sum() == count


def test_a_probability_on_an_edge_belongs_to_the_bin_above_as_torchmetrics_has_it() -> None:
    probabilities = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]])
    labels = np.array([0, 1, 0])
    found = calibration.reliability(probabilities, labels, bins=4)
    assert found.counts.tolist() == [0, 0, 1, 2]
    assert found.ece == pytest.approx(theirs(probabilities, labels, 4, "l1"), abs=FLOAT32)


def test_certainty_belongs_to_the_last_bin() -> None:
    found = calibration.reliability(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]), bins=10)
    assert found.counts.tolist() == [0] * 9 + [2]
    assert (found.ece, found.mce) == (0.5, 0.5)


def test_an_empty_bin_is_none_in_json() -> None:
    document = calibration.reliability(np.array([[0.9, 0.1]]), np.array([0]), bins=2).as_dict()
    assert document["accuracy"] == [None, 1.0]
    assert document["confidence"] == [None, 0.9]
    assert document["edges"] == [0.0, 0.5, 1.0]


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), count=st.integers(1, 200), classes=st.integers(2, 9))
def test_the_brier_score_equals_scikit_learns(seed: int, count: int, classes: int) -> None:
    logits, labels = answers(seed, count, classes)
    probabilities = calibration.probabilities(logits)
    score = sklearn.metrics.brier_score_loss
    expected = score(labels, probabilities, labels=range(classes), scale_by_half=False)  # pyright: ignore[reportArgumentType] # documented; the stub infers it from the default
    assert calibration.brier(probabilities, labels) == pytest.approx(expected, abs=EXACT)


def test_the_brier_score_of_two_classes_is_twice_scikit_learns_of_one() -> None:
    logits, labels = answers(5, 100, 2)
    probabilities = calibration.probabilities(logits)
    expected = 2 * sklearn.metrics.brier_score_loss(labels, probabilities[:, 1])
    assert calibration.brier(probabilities, labels) == pytest.approx(expected, abs=EXACT)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), count=st.integers(20, 200), classes=st.integers(2, 9))
def test_areas_under_the_roc_curve_equal_scikit_learns(seed: int, count: int, classes: int) -> None:
    logits, labels = answers(seed, count, classes)
    probabilities = calibration.probabilities(logits)
    if len(set(labels.tolist())) < classes:
        assert ranking.auc(probabilities, labels) is None
        return
    scores = probabilities[:, 1] if classes == 2 else probabilities
    expected = sklearn.metrics.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert ranking.auc(probabilities, labels) == pytest.approx(expected, abs=EXACT)


def test_images_of_equal_probability_are_ranked_half_and_half_as_scikit_learn_does() -> None:
    logits, labels = answers(7, 200, 2)
    probabilities = np.round(calibration.probabilities(logits), 1)
    assert len(np.unique(probabilities)) < 20
    expected = sklearn.metrics.roc_auc_score(labels, probabilities[:, 1])
    assert ranking.auc(probabilities, labels) == pytest.approx(expected, abs=EXACT)


def test_an_area_of_images_of_one_class_is_none() -> None:
    assert ranking.auc(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([1, 1])) is None


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), scale=st.floats(0.3, 6), skill=st.floats(0.5, 3))
def test_no_other_temperature_has_less_cross_entropy(seed: int, scale: float, skill: float) -> None:
    logits, labels = answers(seed, 300, scale=scale, skill=skill)
    best = calibration.fit_temperature(logits, labels)
    assert 0.05 < best < 20

    def loss(temperature: float) -> float:
        return float(metrics.cross_entropy(logits.astype(np.float64) / temperature, labels).mean())

    for other in (0.999 * best, 1.001 * best, 0.5 * best, 2 * best):
        assert loss(best) < loss(other)


def test_a_temperature_undoes_the_scale_of_the_logits() -> None:
    logits, labels = answers(3, 400)
    once = calibration.fit_temperature(logits, labels)
    # Four is a power of two: the logits are scaled exactly, and only the solver's own tolerance is left.
    assert calibration.fit_temperature(4 * logits, labels) == pytest.approx(4 * once, rel=1e-8)


def test_the_temperature_of_many_images_is_that_of_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = answers(4, 500)
    whole = calibration.fit_temperature(logits, labels)
    monkeypatch.setattr(calibration, "_ROWS", 7)
    assert calibration.fit_temperature(logits, labels) == pytest.approx(whole, rel=1e-9)  # sums in another order


@pytest.mark.parametrize(
    ("logits", "labels", "expected"),
    [
        ([[3, 1, 0], [0, 2, 1]], [0, 1], 1.0),  # all right: colder without end
        ([[1, 1, 1], [2, 2, 2]], [0, 2], 1.0),  # nothing to divide
        ([[5], [3]], [0, 0], 1.0),  # one class
        ([[9, 0], [9, 0]], [1, 1], 20.0),  # all wrong: the hotter the better
        ([[9, 8.999]] * 1000, [0] * 999 + [1], 0.05),  # almost all right by almost nothing
        ([[1e30, 0], [0, 1e30]], [0, 0], 20.0),
    ],
)
def test_where_there_is_nothing_to_fit_the_temperature_stays_sensible(
    logits: list[list[float]], labels: list[int], expected: float
) -> None:
    assert calibration.fit_temperature(np.array(logits, np.float32), np.array(labels)) == expected


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 9999), temperature=st.floats(0.05, 20))
def test_no_temperature_changes_an_answer_or_their_order(seed: int, temperature: float) -> None:
    random = np.random.default_rng(seed)
    near = np.float32(random.uniform(0.5, 50))
    logits = near + np.spacing(near) * random.integers(-3, 4, (50, 10)).astype(np.float32)  # ties and next to ties
    logits[:, 0] = random.normal(size=50)
    assert np.array_equal(
        np.argsort(-logits, axis=1, kind="stable"),
        np.argsort(-(logits.astype(np.float64) / temperature), axis=1, kind="stable"),
    )
    assert np.array_equal(logits.argmax(1), calibration.probabilities(logits, temperature).argmax(1))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 9999), count=st.integers(1, 60), rate=st.floats(0, 0.99))
def test_the_threshold_is_the_lowest_with_so_few_errors(seed: int, count: int, rate: float) -> None:
    random = np.random.default_rng(seed)
    confidence = random.integers(1, 20, count) / 20  # many ties
    right = random.random(count) < confidence
    found = calibration.abstention_threshold(confidence, right, error_rate=rate)
    errors = {}  # of every threshold that tells images apart
    for threshold in sorted({0.0, *confidence.tolist()}):
        answered = confidence >= threshold
        errors[int(answered.sum())] = (~right)[answered].sum() / answered.sum()
    allowed = [answered for answered, error in errors.items() if error <= rate]
    assert found.count == max(allowed, default=0)
    if found.threshold is None:
        assert (found.coverage, found.error) == (0.0, None)
        return
    answered = confidence >= found.threshold
    assert answered.sum() == found.count
    assert found.error == pytest.approx(errors[found.count])
    assert found.coverage == found.count / count


def test_a_threshold_by_hand() -> None:
    confidence = np.array([7, 6, 5, 4, 3]) / 8
    right = np.array([True, True, False, True, False])
    choose = calibration.abstention_threshold
    assert choose(confidence, right, error_rate=0.0) == calibration.Threshold(11 / 16, 0.4, 0.0, 2)
    assert choose(confidence, right, error_rate=0.25) == calibration.Threshold(7 / 16, 0.8, 0.25, 4)
    assert choose(confidence, right, error_rate=0.4) == calibration.Threshold(0.0, 1.0, 0.4, 5)
    assert choose(confidence, ~right, error_rate=0.1) == calibration.Threshold(None, 0.0, None, 0)


def test_calibrate_fits_then_chooses_the_threshold_on_calibrated_probabilities() -> None:
    logits, labels = answers(6, 800, scale=4, skill=2)
    found = calibration.calibrate(logits, labels, error_rate=0.1)
    scaled = calibration.probabilities(logits, found.temperature)
    assert found.temperature == calibration.fit_temperature(logits, labels)
    assert found.threshold == calibration.abstention_threshold(
        scaled.max(axis=1), scaled.argmax(axis=1) == labels, error_rate=0.1
    )
    assert found.threshold is not None
    assert found.abstain_below == found.threshold.threshold
    assert found.ece_after < found.ece_before / 2
    assert calibration.calibrate(logits, labels, error_rate=None).abstain_below == 0


def test_where_no_threshold_is_strict_enough_nothing_counts_as_sure() -> None:
    logits = np.array([[9, 0], [1, 0], [2, 0], [0, 3]], np.float32)
    found = calibration.calibrate(logits, np.array([1, 0, 0, 1]), error_rate=0.0)  # the surest is wrong
    assert found.threshold is not None
    assert (found.threshold.threshold, found.abstain_below) == (None, 1.0)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_an_error_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="must be 0 or more and less than 1"):
        calibration.abstention_threshold(np.array([0.5]), np.array([True]), error_rate=rate)


def test_nothing_can_be_fitted_to_no_images() -> None:
    logits, labels = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    for call in (
        lambda: calibration.fit_temperature(logits, labels),
        lambda: calibration.reliability(logits, labels),
        lambda: calibration.abstention_threshold(np.zeros(0), np.zeros(0, bool), error_rate=0.1),
    ):
        with pytest.raises(InputError):
            call()
