"""The verbs that look into a classifier: what in an image speaks for a class, and what each block contributes."""

from pathlib import Path
from typing import Any, Literal

from resnets.api import load
from resnets.base.notebook import watching
from resnets.base.progress import Watch
from resnets.classifier.answering import Picture
from resnets.classifier.file import Classifier
from resnets.data.imageset import ImageSet, Split
from resnets.evaluation.classes import ClassMap
from resnets.explain.maps import Method
from resnets.report.ablation import Ablation, ablation
from resnets.report.explanation import Explanation, explained


def explain(
    classifier: Classifier | str | Path,
    image: Picture,
    *,
    label: str | int | None = None,
    method: Method | None = None,
    smooth: bool = False,
    sanity: bool = True,
    device: str = "cpu",
) -> Explanation:
    """What in an image speaks for a class, and what against it: a map, drawn on the image, and checks of the map.

    classifier: itself, its file, or its run's folder. image: a path, a Pillow image or a uint8 array, as `predict`
    takes them. label: the class's name, or its place among the outputs; the most probable one when left out.
    method: "cam" (exact, for networks that average at the end), "gradcam", "occlusion" or "integrated-gradients";
    by default cam where it is exact, else gradcam. smooth: whether the map is drawn linear between its cells.
    sanity: whether to check the map, at the price of some forty steps of the network and a second map.
    Raises InputError for what the user can mend.
    """
    loaded = classifier if isinstance(classifier, Classifier) else load(classifier, device=device)
    return explained(loaded, image, label=label, method=method, smooth=smooth, sanity=sanity)


def ablate(
    classifier: Classifier | str | Path,
    data: str | Path | ImageSet,
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    device: str = "cpu",
    watch: Watch | None = None,
    **options: Any,
) -> Ablation:
    """What each residual block contributes: the accuracy with the block replaced by its shortcut (Veit et al. 2016).

    classifier: itself, its file, or its run's folder. data, split, class_map, options: as in `Predictor.scored`, but
    for test-time augmentation. Raises InputError for what the user can mend.
    """
    loaded = classifier if isinstance(classifier, Classifier) else load(classifier, device=device)
    with watching(watch) as seen:
        return ablation(loaded, data, split=split, class_map=class_map, watch=seen, **options)
