"""A data set -> everything that is wrong with it."""

from functools import partial
from pathlib import Path

import numpy as np

from resnets.base.progress import Watch, unwatched
from resnets.checks import classes, duplicates, labels, oddities, strays
from resnets.checks.finding import Checkup, Finding
from resnets.checks.looks import look_at, thumbnails
from resnets.classifier.predictor import Predictor
from resnets.data import sources
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.leaving_out import short_name
from resnets.data.table_columns import Asked


def check(
    data: str | Path | ImageSet,
    *,
    classifier: Predictor | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    watch: Watch = unwatched,
) -> Checkup:
    """Look at every image once, and say what is wrong, serious findings first.

    data, columns, images: as `sources.open_source` has them. classifier: one that says which labels are suspicious.
    Raises InputError when the data cannot be opened at all.
    """
    opened = sources.opened(data, columns=columns, images=images)
    name = partial(short_name, opened)
    looks = look_at(opened, watch)
    exact = duplicates.exact_groups(looks)
    near = duplicates.near_groups(looks, exact, partial(thumbnails, opened))
    found: list[Finding] = [
        *oddities.findings(looks, name),
        *duplicates.findings(opened, exact, near, name),
        *classes.findings(opened, looks.good),
        *strays.findings(opened, frozenset(name(index) for index in range(len(opened)))),
    ]
    if classifier is not None and looks.good.any():
        found.append(labels.findings(classifier, opened, np.flatnonzero(looks.good).tolist(), name, watch))
    there = [finding for finding in found if finding.items]
    return Checkup(
        data=opened.name,
        images=opened,
        count=len(opened),
        classes=opened.classes,
        splits=_splits(opened),
        findings=tuple(sorted(there, key=lambda finding: finding.severity != "serious")),
        leaks=duplicates.leaks(opened, exact, near),
    )


def _splits(images: ImageSet) -> dict[str, int]:
    counts = {word: int((images.splits == place).sum()) for place, word in enumerate(SPLITS)}
    return {word: count for word, count in counts.items() if count} or {"all": len(images)}
