"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, "Confident learning:
estimating uncertainty in dataset labels").
"""

import numpy as np
from jaxtyping import Float, Int64

Probabilities = Float[np.ndarray, "images classes"]
Labels = Int64[np.ndarray, " images"]


def thresholds(labels: Labels, probabilities: Probabilities) -> Float[np.ndarray, " classes"]:
    """Of each class, the mean probability of that class over the images labelled so; infinite where there are none."""
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    sums, counts = np.bincount(labels, own, minlength=classes), np.bincount(labels, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_classes(labels: Labels, probabilities: Probabilities) -> Labels:
    """The class that each image confidently is: the likeliest of those whose threshold it reaches; -1 for none."""
    reached = probabilities >= thresholds(labels, probabilities) - 1e-6
    likeliest = np.where(reached, probabilities, -np.inf).argmax(axis=1)
    return np.where(reached.any(axis=1), likeliest, -1)


def confident_joint(labels: Labels, probabilities: Probabilities) -> Int64[np.ndarray, "classes classes"]:
    """How many images labelled i (rows) are confidently j (columns)."""
    classes = probabilities.shape[1]
    found = confident_classes(labels, probabilities)
    sure = found >= 0
    return np.bincount(labels[sure] * classes + found[sure], minlength=classes**2).reshape(classes, classes)


def suspicious(labels: Labels, probabilities: Probabilities) -> Int64[np.ndarray, " suspects"]:
    """Places of images off the diagonal of the confident joint, the most suspicious first.

    They are ranked by the margin: the label's probability minus the greatest of the others. An image whose label is the
    likeliest class is none.
    """
    found = confident_classes(labels, probabilities)
    margins = _margins(labels, probabilities)
    places = np.flatnonzero((found >= 0) & (found != labels) & (margins < 0))
    return places[np.argsort(margins[places], kind="stable")]


def _margins(labels: Labels, probabilities: Probabilities) -> Float[np.ndarray, " images"]:
    others = probabilities.astype(np.float64)
    rows = np.arange(len(labels))
    own = others[rows, labels]
    others[rows, labels] = -np.inf
    return own - others.max(axis=1)
