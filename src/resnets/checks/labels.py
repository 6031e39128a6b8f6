"""Labels that a classifier doubts."""

from collections.abc import Callable

from resnets.base.progress import Watch, unwatched
from resnets.checks.finding import Finding, Item
from resnets.classifier.predictor import Predictor
from resnets.data.imageset import ImageSet
from resnets.evaluation import calibration, label_errors

Name = Callable[[int], str]


def findings(classifier: Predictor, images: ImageSet, good: list[int], name: Name, watch: Watch = unwatched) -> Finding:
    """The labels that are probably wrong, the most suspicious first. good: the images that can be decoded.

    Raises InputError when the data's classes are not the classifier's.
    """
    scored = classifier.scored(images.subset(good), split="all", watch=watch)
    probabilities = calibration.probabilities(classifier.tempered(scored.logits))
    answers = probabilities.argmax(axis=1)
    items: list[Item] = []
    for place in label_errors.suspicious(scored.labels, probabilities).tolist():
        said, labelled = answers[place], scored.labels[place]
        note = (
            f"labeled {classifier.classes[labelled]} ({probabilities[place, labelled]:.1%}), looks like "
            f"{classifier.classes[said]} ({probabilities[place, said]:.1%})"
        )
        items.append(Item((name(good[place]),), note, (good[place],)))
    seen = _seen(classifier, images)
    return Finding(
        kind="suspicious-labels", title="suspicious labels", severity="worth knowing",
        means=f"the classifier doubts them, the first most; look at each, and correct what is wrong{seen}",
        items=tuple(items),
    )  # fmt: skip


def _seen(classifier: Predictor, images: ImageSet) -> str:
    """A warning where the classifier learned from these images: it may have learned the wrong labels, too."""
    data = classifier.origin.get("data") or {}
    known = (data.get("held_out") or {}).get("fingerprint"), data.get("fingerprint")
    if images.fingerprint not in known:
        return ""
    return "; it was trained on most of them, and may have learned wrong labels with the right ones"
