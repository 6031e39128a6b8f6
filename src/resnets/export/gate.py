"""The parity gate: a classifier and its exported file on real images, from image bytes to label."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import RunFailed
from resnets.base.progress import Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.classifier.predictor import Predictor
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.evaluation import calibration
from resnets.evaluation.metrics import Rate
from resnets.export import disagreement
from resnets.export.exported import Exported
from resnets.export.parity_images import ParityImages

# Of probabilities. The same sums of float32 in another order differ by 1e-6 in deep networks; a forgotten step, or one
# that is done otherwise, by far more.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Parity:
    """How an exported file's answers compare with the classifier's."""

    on: str  # which images
    count: int
    equal: int  # images with the same first answer
    difference: float  # the largest between two probabilities of a class
    classifier: Rate | None  # right answers; None where the images have no labels of its classes
    exported: Rate | None

    @property
    def drop(self) -> float:
        """Accuracy lost, in percentage points; without labels, of agreement with the classifier."""
        if self.classifier is None or self.exported is None:
            return 100 * (self.count - self.equal) / self.count
        return 100 * (self.classifier.correct - self.exported.correct) / self.count

    @property
    def accuracy(self) -> float:
        """Of the file, 0 to 1; without labels, its agreement with the classifier."""
        return self.equal / self.count if self.exported is None else self.exported.value

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "on": self.on,
            "images": self.count,
            "equal_top1": self.equal,
            "max_probability_difference": self.difference,
            "classifier_top1": None if self.classifier is None else self.classifier.as_dict(),
            "exported_top1": None if self.exported is None else self.exported.as_dict(),
        }

    def __str__(self) -> str:
        said = f"{self.equal:,} of {self.count:,} answers are the same as the classifier's"
        said += f", probabilities differ by up to {self.difference:.2g}"
        if self.classifier is None or self.exported is None:
            return said
        return (
            f"{said}, {self.exported.correct:,} are right, compared with {self.classifier.correct:,} of the classifier"
        )


@dataclass(frozen=True)
class Gate:
    """A classifier's answers on some images, against which its exported files are held.

    Raises InputError for an image that cannot be read.
    """

    classifier: Classifier
    images: ParityImages
    watch: Watch = unwatched

    @cached_property
    def ours(self) -> NDArray[np.float64]:
        """The classifier's probabilities."""
        return _probabilities(self.classifier, self.images.images, self.watch, "classifier")

    def check_classifier(self) -> None:
        """Raise RunFailed when its own outputs are not finite numbers: before a file is made, which takes longer."""
        _ = self.ours

    @property
    def accuracy(self) -> float:
        """Of the classifier, 0 to 1; 1 without labels, as its answers are then those to give."""
        labels = self.images.labels
        return 1.0 if labels is None else float((self.ours.argmax(axis=1) == labels).mean())

    def compare(self, exported: Exported) -> Parity:
        """Both on the same images, each with its own preprocessing and its own class names.

        Raises RunFailed when the outputs of either, the classifier's first, are not finite numbers.
        """
        ours = self.ours
        theirs = _probabilities(exported, self.images.images, self.watch, "exported file")
        names = np.array(self.classifier.classes)
        said, answered = names[ours.argmax(axis=1)], np.array(exported.classes)[theirs.argmax(axis=1)]
        right = None if self.images.labels is None else names[self.images.labels]
        return Parity(
            on=self.images.on,
            count=len(said),
            equal=int((said == answered).sum()),
            difference=float(np.abs(ours - _by_name(self.classifier, exported, theirs)).max()),
            classifier=None if right is None else Rate(int((said == right).sum()), len(right)),
            exported=None if right is None else Rate(int((answered == right).sum()), len(right)),
        )

    def require(self, exported: Exported, *, max_drop: float = 0.5) -> Parity:
        """The figures of a file that may stand for the classifier. Raises RunFailed, with the reason, for any other.

        A header that is not the classifier's is refused too, whether or not it shows on these images.
        """
        found = self.compare(exported)
        why = refusal(found, exported.kind, max_drop)
        reasons = (disagreement.reasons if why else disagreement.stated)(self.classifier, exported, self.images.images)
        if why or reasons:
            why = why or "its header is not that of the classifier"
            raise RunFailed(f"{exported.path}: refused because {why}: {'; '.join(reasons)} ({found}; {found.on})")
        return found


def refusal(found: Parity, kind: str, max_drop: float) -> str | None:
    """Why a file may not stand for its classifier; None where it may.

    kind: of the file; int8 may lose up to `max_drop` percentage points of accuracy, any other must give every answer.
    """
    if kind == "int8":
        return f"int8 loses {found.drop:.2f} points, more than {max_drop:g}" if found.drop > max_drop else None
    if found.equal < found.count:
        return f"{found.count - found.equal:,} answers differ"
    return None if found.difference <= TOLERANCE else "probabilities differ by more than rounding explains"


def _probabilities(predictor: Predictor, images: ImageSet, watch: Watch, task: str) -> NDArray[np.float64]:
    pixels = loading.evaluation_pixels(images, predictor.preprocessing)
    logits = predictor.finite(predictor.all_logits(pixels, len(images), watch=watch, task=task))
    return calibration.probabilities(logits, predictor.temperature)


def _by_name(classifier: Classifier, exported: Exported, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The exported file's probabilities in the order of the classifier's classes; as they stand where those differ."""
    if set(classifier.classes) != set(exported.classes):
        return found if len(classifier.classes) == len(exported.classes) else np.zeros((len(found), 1))
    return found[:, [exported.classes.index(name) for name in classifier.classes]]
