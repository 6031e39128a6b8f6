"""Suspicious labels: the formula of the paper by hand, cleanlab's ranking, and planted errors."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from resnets.evaluation import label_errors
from tests import peers


def guesses(seed: int, classes: int = 4, count: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, of which a tenth is wrong, the probabilities of somebody who is mostly right, and which are wrong."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    logits = random.normal(size=(count, classes)) + 3.0 * np.eye(classes)[truth] * random.uniform(0.3, 2, (count, 1))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = random.random(count) < 0.1
    labels = np.where(wrong, (truth + random.integers(1, classes, count)) % classes, truth)
    return labels, probabilities, wrong


def test_a_worked_example_has_the_joint_and_the_order_of_the_paper() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.75, 0.25]])
    assert label_errors.thresholds(labels, probabilities) == pytest.approx([1.8 / 3, 1.75 / 3])
    # Reached: 0.9 and 0.8 of class 0 for themselves; the third is confidently 1; the last, of class 1, confidently 0.
    assert label_errors.confident_classes(labels, probabilities).tolist() == [0, 0, 1, 1, 1, 0]
    assert label_errors.confident_joint(labels, probabilities).tolist() == [[2, 1], [1, 2]]
    assert label_errors.suspicious(labels, probabilities).tolist() == [2, 5]  # margins -0.8 and -0.5


def test_a_class_without_images_is_nobodys() -> None:
    labels, probabilities, _ = guesses(0, classes=3)
    kept = labels != 2
    found = label_errors.confident_classes(labels[kept], probabilities[kept])
    assert 2 not in found
    assert not np.isfinite(label_errors.thresholds(labels[kept], probabilities[kept])[2])


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_joint_and_ranking_are_cleanlabs(seed: int) -> None:
    labels, probabilities, _ = guesses(seed)
    thresholds = peers.cleanlab_count.get_confident_thresholds(labels, probabilities)
    assert label_errors.thresholds(labels, probabilities) == pytest.approx(thresholds, abs=1e-12)
    # Where several classes are confident, cleanlab takes the likeliest of all classes, the paper that of the confident.
    sure = probabilities >= thresholds - 1e-6
    same = (sure.sum(axis=1) < 2) | sure[np.arange(len(labels)), probabilities.argmax(axis=1)]
    joint = peers.cleanlab_count.compute_confident_joint(labels, probabilities, calibrate=False)
    assert same.all() == np.array_equal(label_errors.confident_joint(labels, probabilities), joint)
    theirs = peers.cleanlab_filter.find_label_issues(
        labels, probabilities, filter_by="confident_learning", return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    ours = label_errors.suspicious(labels, probabilities)
    assert len(ours) > 50
    assert [place for place in ours if same[place]] == [place for place in theirs.tolist() if same[place]]


def test_of_wrong_labels_in_real_digits_most_are_found_and_few_others() -> None:
    pixels, truth = load_digits(return_X_y=True)
    labels = np.array(truth)
    random = np.random.default_rng(1)
    wrong = random.permutation(len(labels))[:90]
    labels[wrong] = (labels[wrong] + random.integers(1, 10, 90)) % 10
    model = KNeighborsClassifier(10)
    probabilities = np.asarray(cross_val_predict(model, pixels / 16, labels, cv=5, method="predict_proba"))
    found = set(label_errors.suspicious(labels, probabilities).tolist())
    right = found & set(wrong.tolist())
    assert len(right) > 0.7 * len(wrong)
    assert len(right) > 0.8 * len(found)
