"""The verbs that judge classifiers: a temperature and a threshold fitted to some images, and two compared on some."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.classifier.predictor import Predictor
from resnets.data import sources
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.data.views import Views
from resnets.evaluation import comparison
from resnets.evaluation import judged_images as selection
from resnets.evaluation.classes import ClassMap
from resnets.evaluation.comparison import Comparison
from resnets.evaluation.judged_images import Scored
from resnets.evaluation.recalibration import Recalibration, recalibrate

log = logging.getLogger(__name__)


def calibrate(
    classifier: Classifier,
    data: str | Path | ImageSet,
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    fraction: float | None = None,
    error_rate: float | None = None,
    seed: int = 0,
    batch_size: int = 64,
    watch: Watch = unwatched,
) -> tuple[Classifier, Recalibration]:
    """The same classifier with a temperature fitted to labelled images, and how calibrated it was and is.

    data, class_map, columns, images, skip_bad: as `Classifier.scored` has them. split: by default val, else the images
    held out of training; data that has other splits only needs one named, as calibrating on the test images would spend
    them. fraction: of each class's images to fit on, while the rest judges. error_rate: of the answers given, 0 to 1,
    that may be wrong; sets the threshold below which the classifier is not sure.
    Raises InputError for what the user can mend.
    """
    if fraction is not None and not 0 < fraction < 1:
        raise InputError(f"fraction {fraction}: the part of the images to fit to must be more than 0 and less than 1")
    if error_rate is not None and not 0 <= error_rate < 1:
        raise InputError(f"error rate {error_rate}: must be 0 or more and less than 1, such as 0.02")
    opened = sources.opened(data, columns=columns, images=images)
    chosen, on = selection.to_judge(opened, split, classifier.origin, prefer=("val",))
    if split is None and (named := [name for name in ("train", "test") if chosen.has(name)]):
        raise InputError(f"{chosen.name}: no val split; name the one to calibrate on: {' or '.join(named)}")
    scored = classifier.scored(
        chosen, split="all", class_map=class_map, skip_bad=skip_bad, batch_size=batch_size, watch=watch
    )
    found = recalibrate(
        scored.logits,
        scored.labels,
        classifier.classes,
        temperature=classifier.temperature,
        fraction=fraction,
        error_rate=error_rate,
        seed=seed,
        on=on,
    )
    if classifier.abstain_below and error_rate is None:
        log.warning("the threshold %.4g belonged to the old temperature and is removed", classifier.abstain_below)
    calibrated = replace(
        classifier,
        temperature=found.fitted.temperature,
        abstain_below=found.fitted.abstain_below,
        metrics=classifier.metrics | {"calibration": found.as_dict() | {"error_rate": error_rate}},
        path=None,
    )
    return calibrated, found


def compare(
    a: Predictor,
    b: Predictor,
    data: str | Path | ImageSet,
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    tta: Views = "none",
    batch_size: int = 64,
    watch: Watch = unwatched,
) -> Comparison:
    """Two classifiers of the same classes on the same labelled images.

    The arguments are those of `Predictor.scored`. Without a test or val split, the images that were held out of the
    training of both are compared on. Raises InputError when the classes differ or no image is left.
    """
    if set(a.classes) != set(b.classes):
        odd = sorted(set(a.classes) ^ set(b.classes))
        raise InputError(f"the two classifiers have different classes: only one of them has {', '.join(odd[:5])}")
    opened = sources.opened(data, columns=columns, images=images)
    shared, on = _held_out_of_both(opened, split, a, b)

    def scored(one: Predictor, judged: ImageSet) -> Scored:
        return one.scored(
            judged, split="all", class_map=class_map, skip_bad=skip_bad, tta=tta, batch_size=batch_size, watch=watch
        )

    scored_a = scored(a, shared)
    scored_b = scored(b, scored_a.images)
    readable = np.isin(scored_a.images.rows, scored_b.images.rows)
    scored_a = replace(scored_a, logits=scored_a.logits[readable], labels=scored_a.labels[readable])
    found = comparison.compare(scored_a.logits, _in_order_of(a, b, scored_a, scored_b), scored_a.labels, a.classes)
    names = tuple(scored_b.images.image_name(int(place)) for place in found.differing)
    return replace(found, on=on, images=names)


def _held_out_of_both(
    images: ImageSet, split: Split | Literal["all"] | None, a: Predictor, b: Predictor
) -> tuple[ImageSet, str]:
    (theirs, on), (others, _) = (selection.to_judge(images, split, one.origin) for one in (a, b))
    if np.array_equal(theirs.rows, others.rows):
        return theirs, on
    common = np.flatnonzero(np.isin(theirs.rows, others.rows))
    if not len(common):
        raise InputError(
            f"{images.name}: no image was held out from the training of both; name the --split to compare on"
        )
    return theirs.subset(common), f"{images.name}, the images held out of the training of both"


def _in_order_of(a: Predictor, b: Predictor, scored_a: Scored, scored_b: Scored) -> NDArray[np.float32]:
    """B's outputs in the order of A's classes."""
    places = np.array([a.classes.index(name) for name in b.classes])
    if not np.array_equal(scored_a.labels, places[scored_b.labels]):
        raise InputError(
            "the numbers in the class map mean other classes in the second classifier; use class names instead"
        )
    return scored_b.logits[:, np.argsort(places)]
