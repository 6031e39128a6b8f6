"""Whether answers are any better than guesses that do not look at the images."""

import math

import numpy as np

from resnets.evaluation.metrics import Evaluation

ERRORS = 2.0  # standard errors above a guess's mean up to which a result may be a guess's luck


def no_better_than_chance(found: Evaluation) -> str | None:
    """In a sentence, that the answers are no better than guesses, or None where they are.

    Guesses that are as frequent as the answers have a balanced accuracy of one in so many classes, whatever they are,
    with an error that the classes' counts give. One class alone can be neither.
    """
    counts = found.confusion.sum(axis=1)
    there = counts > 0
    classes = int(there.sum())
    if classes < 2:
        return None
    shares = found.confusion.sum(axis=0)[there] / counts.sum()
    mean = shares.sum() / classes
    error = math.sqrt(float(np.sum(shares * (1 - shares) / counts[there]))) / classes
    if found.balanced_accuracy > mean + ERRORS * error + 1e-9:  # a sum's rounding
        return None
    return (
        f"no better than guessing: a balanced accuracy of {found.balanced_accuracy:.1%} on {found.on}, where guessing "
        f"gives {mean:.1%}; check that the labels are those of the images, and train longer"
    )
