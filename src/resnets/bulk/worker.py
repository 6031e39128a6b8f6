"""One part of a bulk prediction, computed from beginning to end by whoever does it: a thread here, or a Ray worker."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32

from resnets.bulk.formats import Rows
from resnets.bulk.job import Job
from resnets.bulk.manifest import Entry
from resnets.bulk.reader import Reader
from resnets.bulk.work_folder import WorkFolder
from resnets.classifier.predictor import Predictor

Item = TypeVar("Item")


@runtime_checkable
class Opener(Protocol):
    """Opens a classifier's file, or an exported one, on a device."""

    def __call__(self, path: Path, *, device: str) -> Predictor: ...


class Stopped(Exception):  # noqa: N818 - as asked; no error
    """The part was given up, since someone asked to stop."""


@dataclass
class Worker:
    """What parts are computed with. Several threads may use one."""

    work_folder: WorkFolder
    job: Job
    predictor: Predictor
    reader: Reader = field(init=False)
    turn: AbstractContextManager[object] = field(init=False)  # held while an accelerator computes

    def __post_init__(self) -> None:
        self.reader = Reader(self.work_folder.stores(self.job), self.work_folder.folder)
        self.turn = nullcontext() if self.predictor.concurrent else Lock()

    def compute(self, part: int, *, tick: Callable[[int], None], stopped: Callable[[], bool] = lambda: False) -> None:
        """Compute a part and write its file. A batch of images is in memory at a time.

        tick: is told of each batch how many images it had. Raises Stopped once `stopped` says so, RunFailed when the
        part cannot be written or the classifier's outputs are not finite.
        """
        found: list[Rows] = []
        for batch in batches(self.work_folder.entries(self.job, part), self.job.batch):
            if stopped():
                raise Stopped
            found.append(self._rows(batch))
            tick(len(batch))
        rows = _joined(found)
        content = self.work_folder.format.part(rows, self.job.top, self.job.features)
        self.work_folder.write(self.job, part, rows.bad, content)

    def _rows(self, batch: list[Entry]) -> Rows:
        viewed = [self.predictor.viewed(one.name, self.reader.image(one), self.job.views) for one in batch]
        with self.turn:
            if not self.job.features:
                return Rows(self.predictor.answers(viewed, top=self.job.top))
            return Rows(*self.predictor.described(viewed, top=self.job.top))


def batches(items: Iterable[Item], count: int) -> Iterator[list[Item]]:
    """The items in lists of `count`; the last may be shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, count)):
        yield batch


def _joined(found: list[Rows]) -> Rows:
    predictions = [one for rows in found for one in rows.predictions]
    features: list[Float32[np.ndarray, "readable features"]] = [
        rows.features for rows in found if rows.features is not None and len(rows.features)
    ]
    return Rows(predictions, np.concatenate(features) if features else None)
