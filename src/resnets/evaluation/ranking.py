"""How well probabilities rank images, whatever threshold is put to them."""

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray


def auc(probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]) -> float | None:
    """Area under the ROC curve, 0 to 1: of the second of two classes; of more, each against the rest, averaged.

    None where a class has no image, or all of them. scikit-learn's and MedMNIST's figure is the same one.
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    if (counts == 0).any() or (counts == len(labels)).any():
        return None
    places = (1,) if len(counts) == 2 else range(len(counts))
    return float(np.mean([_area(probabilities[:, place], labels == place) for place in places]))


def _area(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """The share of pairs of a positive and a negative in which the positive's score is higher; equal ones count half.

    That is the area (Hanley and McNeil 1982). scikit-learn's function takes a second to load.
    """
    negatives = np.sort(scores[~positive])
    below, up_to = (np.searchsorted(negatives, scores[positive], side=side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(negatives) * positive.sum()))
