"""A classifier's temperature and threshold fitted anew, and judged on images that they were not fitted on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from resnets.base.errors import InputError
from resnets.evaluation import calibration, metrics
from resnets.evaluation.calibration import Calibration
from resnets.evaluation.metrics import Evaluation


@dataclass(frozen=True)
class Recalibration:
    """What was fitted, and what came of it."""

    fitted: Calibration
    temperature: float  # that the classifier had
    images: int  # that it was fitted on
    apart: bool  # whether the images judged are others
    before: Evaluation  # of the images judged
    after: Evaluation

    def as_dict(self) -> dict[str, Any]:
        """The recalibration as JSON values."""
        return {
            "temperature": self.fitted.temperature,
            "abstain_below": self.fitted.abstain_below,
            "fitted_on": self.images,
            "apart": self.apart,
            "before": _figures(self.before),
            "after": _figures(self.after),
            "abstained": None if self.after.abstained is None else self.after.abstained.as_dict(),
            "on": self.after.on,
        }


def recalibrate(
    logits: Float[np.ndarray, "images classes"],
    labels: Int64[np.ndarray, " images"],
    classes: tuple[str, ...],
    *,
    temperature: float,
    fraction: float | None = None,
    error_rate: float | None = None,
    seed: int = 0,
    on: str = "",
) -> Recalibration:
    """Fit a temperature, and a threshold for `error_rate` if given, and judge them.

    logits: raw. temperature: that the classifier has. fraction: of each class's images, how many to fit on; the rest
    is judged. Without it all images are fitted on and judged, which flatters a little where they are few.
    Raises InputError when the fraction leaves nothing on a side, or no threshold is strict enough.
    """
    chosen = np.ones(len(labels), dtype=bool)
    judged = chosen
    if fraction is not None:
        chosen = stratified(labels, fraction=fraction, seed=seed)
        judged = ~chosen
    fitted = calibration.calibrate(logits[chosen], labels[chosen], error_rate=error_rate)
    if fitted.threshold is not None and fitted.threshold.threshold is None:
        raise InputError(
            f"error rate {error_rate}: even the most confident answers to these {chosen.sum():,} images are "
            "wrong more often; "
            "allow more errors, or train further"
        )
    rest = logits[judged].astype(np.float64)
    before = metrics.evaluate(rest / temperature, labels[judged], classes, on=on)
    after = metrics.evaluate(
        rest / fitted.temperature, labels[judged], classes, on=on, abstain_below=fitted.abstain_below
    )
    return Recalibration(fitted, temperature, int(chosen.sum()), fraction is not None, before, after)


def stratified(labels: Int64[np.ndarray, " images"], *, fraction: float, seed: int) -> Bool[np.ndarray, " images"]:
    """A seeded choice of `fraction` of the images of each class, to the nearest whole image.

    Raises InputError when it, or the rest, would be empty.
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction {fraction}: must be more than 0 and less than 1")
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        chosen[members[: round(fraction * len(members))]] = True
    if not chosen.any() or chosen.all():
        raise InputError(
            f"fraction {fraction}: splits {len(labels)} images so that one side is empty; give more images"
        )
    return chosen


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "top1": evaluation.top1.as_dict(),
        "loss": evaluation.loss,
        "ece": evaluation.ece,
        "mce": evaluation.reliability.mce,
        "brier": evaluation.brier,
    }
