"""How good the answers are: a classifier's outputs for labelled images, and their scores."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.classifier.outputs import Outputs
from resnets.data import leaving_out, loading, sources
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.data.views import WORDS, Views
from resnets.evaluation import judged_images as selection
from resnets.evaluation import metrics
from resnets.evaluation.classes import ClassMap
from resnets.evaluation.classes import outputs as places_of
from resnets.evaluation.judged_images import Scored
from resnets.evaluation.metrics import Evaluation

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Scoring(Outputs):
    """Scores itself on labelled images."""

    def evaluate(
        self,
        data: str | Path | ImageSet,
        *,
        split: Split | Literal["all"] | None = None,
        class_map: ClassMap | None = None,
        columns: Asked | None = None,
        images: str | Path | None = None,
        skip_bad: bool = False,
        leave_out: str | Path | None = None,
        tta: Views = "none",
        intervals: bool = False,
        batch_size: int = 64,
        watch: Watch = unwatched,
    ) -> Evaluation:
        """Score the classifier on labelled images. The arguments but one, and what it raises, are those of `scored`.

        intervals: whether to give each figure a 95% confidence interval.
        """
        scored = self.scored(
            data, split=split, class_map=class_map, columns=columns, images=images, skip_bad=skip_bad,
            leave_out=leave_out, tta=tta, batch_size=batch_size, watch=watch,
        )  # fmt: skip
        found = metrics.evaluate(
            self.tempered(scored.logits), scored.labels, self.classes, on=scored.on, abstain_below=self.abstain_below
        )
        if not intervals:
            return found
        from resnets.evaluation import intervals as bootstrap

        return replace(found, intervals=bootstrap.intervals(found.logits, found.labels))

    def scored(
        self,
        data: str | Path | ImageSet,
        *,
        split: Split | Literal["all"] | None = None,
        class_map: ClassMap | None = None,
        columns: Asked | None = None,
        images: str | Path | None = None,
        skip_bad: bool = False,
        leave_out: str | Path | None = None,
        tta: Views = "none",
        batch_size: int = 64,
        watch: Watch = unwatched,
    ) -> Scored:
        """The classifier's raw outputs for labelled images.

        data: what `train` takes. split: which of its splits; by default test, else val, else what was held out when
        this classifier was trained on the same images, else all. class_map: the class (its name, or its place among
        the outputs) that each of the data's classes means, where the names differ. columns, images: of a table, as
        `sources.open_source` has them. skip_bad: leave out images that cannot be read, and log them.
        leave_out: a list of images to leave out, as `leaving_out` reads it.
        tta: test-time augmentation: whether to average the outputs for an image and its mirror image ("flip"), or for
        its corners and centre and theirs ("crops").
        Raises InputError, with the difference, when some of the data's classes are not the classifier's.
        """
        opened = sources.opened(data, columns=columns, images=images)
        judged, which = selection.to_judge(opened, split, self.origin)
        if leave_out is not None:
            listed = leaving_out.places(opened, leave_out)
            judged = judged.without(np.flatnonzero(np.isin(judged.rows, opened.rows[list(listed)])).tolist())
            which += f", without those on {leave_out}"
        places = places_of(judged.name, judged.classes, self.classes, class_map, present=judged.present_classes)
        bad: list[int] = []
        pixels = self._views(judged, tta, bad if skip_bad else None)
        logits = self.finite(self.all_logits(pixels, len(judged), batch_size=batch_size, watch=watch))
        if bad:
            judged = judged.without(bad)
            which += f", {len(bad):,} left out that cannot be read"
        labels = places[judged.labels]
        selection.tell_absent(judged.name, labels, self.classes)
        if tta != "none" and (self.origin.get("recipe") or {}).get("flip") is False:
            log.warning("trained without mirror images, so averaging over them with --tta may lower the accuracy")
        return Scored(judged, logits, labels, which + WORDS[tta])

    def _views(self, images: ImageSet, tta: Views, bad: list[int] | None) -> Iterator[NDArray[np.uint8]]:
        """What the network sees of each image; of one that cannot be read, its place goes into `bad` if that is given.

        Raises InputError where it is not, or where no image can be read.
        """

        def one(index: int) -> NDArray[np.uint8] | InputError:
            try:
                return loading.view(
                    images, index, self.preprocessing, lambda image: self.preprocessing.views(image, tta)
                )
            except InputError as error:
                return error

        for index, seen in enumerate(loading.in_order(one, range(len(images)))):
            if not isinstance(seen, InputError):
                yield seen
            elif bad is None:
                raise InputError(f"{seen}; repair or remove it, or leave such files out with --skip-bad") from seen
            else:
                log.warning("left out: %s", seen)
                bad.append(index)
                if len(bad) == len(images):
                    raise InputError(
                        f"{images.name}: none of the {len(images):,} images can be read; the last one: {seen}"
                    )
