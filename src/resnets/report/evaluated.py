"""What a report is made from: a classifier, the images that judge it, and what it said of them."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resnets.base.progress import Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.evaluation import calibration, intervals, metrics
from resnets.evaluation.calibration import Reliability
from resnets.evaluation.classes import ClassMap
from resnets.evaluation.metrics import Evaluation
from resnets.training.recipes.plan import Plan


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A classifier judged on some images; of a run, also how it came about. Everything on the page derives from it."""

    classifier: Classifier
    images: ImageSet  # those that judge
    labels: NDArray[np.int64]  # the right output of each
    logits: NDArray[np.float32]  # images x classes, before the temperature
    on: str  # in words, which images these are
    train: ImageSet | None = None  # those that trained, where they are known
    rows: tuple[dict[str, Any], ...] = ()  # of metrics.jsonl
    plan: Plan | None = None
    recipe: str = ""  # the recipe's name, and where it comes from
    command: str = ""  # which makes the same again
    notes: tuple[str, ...] = ()  # what was found in the data, and what was left out

    @property
    def name(self) -> str:
        """What the page is called: the run's folder, or else the classifier's file."""
        path = self.classifier.path
        if path is None:
            return self.network
        return path.resolve().parent.name if path.name == "classifier.safetensors" else path.name

    @property
    def data(self) -> dict[str, Any]:
        """What the classifier's file says of the images it was trained on."""
        return self.classifier.origin.get("data") or {}

    @property
    def network(self) -> str:
        """The network's name, where it is known."""
        return self.plan.network if self.plan is not None else self.classifier.network_name

    @property
    def best(self) -> dict[str, Any] | None:
        """Of the rows, that of the epoch whose weights were kept."""
        kept: dict[str, Any] = self.classifier.metrics.get("val") or {}
        return next((row for row in self.rows if row["epoch"] == kept.get("epoch")), None)

    @cached_property
    def evaluation(self) -> Evaluation:
        """The scores, with their intervals."""
        logits = self.classifier.tempered(self.logits)
        found = metrics.evaluate(
            logits, self.labels, self.classifier.classes, on=self.on, abstain_below=self.classifier.abstain_below
        )
        return replace(found, intervals=intervals.intervals(logits, self.labels))

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Images x classes, as the classifier gives them, with its temperature."""
        return self.evaluation.probabilities

    @cached_property
    def before(self) -> Reliability:
        """Confidence against accuracy without the temperature."""
        return calibration.reliability(calibration.probabilities(self.logits), self.labels)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The first answer of each image."""
        return self.logits.argmax(axis=1)

    def file(self, index: int) -> str:
        """What an image is called: the end of its path, which is enough to find it."""
        return "/".join(Path(self.images.image_name(index)).parts[-2:])


def judge(
    classifier: Classifier,
    data: str | Path | ImageSet,
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    batch_size: int = 64,
    command: str = "",
    watch: Watch = unwatched,
) -> RunReport:
    """A classifier judged on labelled images. The arguments, and what it raises, are those of `Classifier.scored`."""
    scored = classifier.scored(
        data, split=split, class_map=class_map, columns=columns, images=images, skip_bad=skip_bad,
        batch_size=batch_size, watch=watch,
    )  # fmt: skip
    return RunReport(
        classifier=classifier,
        images=scored.images,
        labels=scored.labels,
        logits=scored.logits,
        on=scored.on,
        command=command,
        notes=scored.images.notes,
    )
