"""How well probabilities rank images, whatever threshold is put to them."""

import numpy as np
from jaxtyping import Float, Int64


def auc(probabilities: Float[np.ndarray, "images classes"], labels: Int64[np.ndarray, " images"]) -> float | None:
    """Area under the ROC curve, 0 to 1: of the second of two classes; of more, each against the rest, averaged.

    None where a class has no image, or all of them. By scikit-learn; MedMNIST's figure is the same one.
    """
    from sklearn.metrics import roc_auc_score

    counts = np.bincount(labels, minlength=probabilities.shape[1])
    if (counts == 0).any() or (counts == len(labels)).any():
        return None
    if len(counts) == 2:
        return float(roc_auc_score(labels, probabilities[:, 1]))
    # Class by class: asked for all at once, scikit-learn refuses rows whose float32 sums are a little off 1.
    each = [roc_auc_score(labels == place, probabilities[:, place]) for place in range(len(counts))]
    return float(np.mean(each))
