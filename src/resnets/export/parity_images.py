"""On which images an export is judged, and which calibrate its int8: those given, or those kept with the run."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.names import composed
from resnets.classifier.file import Classifier
from resnets.classifier.header import SAMPLES
from resnets.data import sources
from resnets.data.checkup import readable
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.evaluation import judged_images as selection
from resnets.evaluation.classes import ClassMap, outputs

CALIBRATION = 256  # images; of more, none of the methods here gains


@dataclass(frozen=True)
class ParityImages:
    """The images an export is judged on."""

    images: ImageSet
    labels: NDArray[np.int64] | None  # the right output of each; None where the data has other classes
    calibration: ImageSet | None  # others, for int8
    on: str  # in words, which images these are


def find(
    classifier: Classifier,
    data: str | Path | ImageSet | None,
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    calibrate: bool = False,
) -> ParityImages:
    """The images to judge an export on.

    data: what `train` takes; None: the samples kept beside the classifier by its run. split: as in `evaluate`.
    class_map, columns, images, skip_bad: as in `evaluate`. calibrate: whether other images are needed too: those of
    the data's training part, else one half of what there is, while the other half judges.
    Raises InputError when there are none.
    """
    if data is None:
        data = _samples(classifier)
        whole = sources.open_source(data)
        class_map = {name: name if name in classifier.classes else int(name) for name in whole.classes}
    else:
        whole = sources.opened(data, columns=columns, images=images)
    if skip_bad:
        whole = readable(whole)
    judged, on = selection.to_judge(whole, split, classifier.origin)
    on = on.replace(whole.name, Path(whole.name).name or whole.name, 1)  # it goes into the file, which is passed on
    calibration = None
    if calibrate:
        count = len(judged)
        judged, calibration = _calibration(whole, judged)
        on += ", one half of each class" if len(judged) < count else ""
    return ParityImages(judged, _labels(classifier, judged, class_map), calibration, on)


def _samples(classifier: Classifier) -> Path:
    kept = None if classifier.path is None else classifier.path.with_name(SAMPLES)
    if kept is None or not kept.is_file():
        raise InputError(
            f"{classifier.path or 'the classifier'}: has no {SAMPLES} next to it, with images from its training; give "
            "--data, images of its classes, to check that the exported file gives the same answers"
        )
    return kept


def _labels(classifier: Classifier, images: ImageSet, class_map: ClassMap | None) -> NDArray[np.int64] | None:
    present = images.present_classes
    if class_map is None and not set(map(composed, present)) <= set(map(composed, classifier.classes)):
        return None  # agreement can be judged without
    return outputs(images.name, images.classes, classifier.classes, class_map, present=present)[images.labels]


def _calibration(images: ImageSet, judged: ImageSet) -> tuple[ImageSet, ImageSet]:
    """What is left to judge on, and what calibrates."""
    spare = np.flatnonzero(~np.isin(images.rows, judged.rows) & (images.splits <= 0))  # training's, or of no split
    if len(spare):
        return judged, images.subset(spare).evenly(CALIBRATION, seed=0)
    whole = replace(judged, splits=np.full_like(judged.splits, -1))
    if len(whole) < 2 or whole.class_counts().max() < 2:
        raise InputError(
            f"{images.name}: too few images to calibrate int8 on some and check it on the others; give more"
        )
    halves = whole.hold_out("val", fraction=0.5, seed=0)
    return halves.part("val"), halves.part("train").evenly(CALIBRATION, seed=0)
