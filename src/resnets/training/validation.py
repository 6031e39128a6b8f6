"""Outputs for the validation images: each image once, by whichever process."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from resnets.base.progress import Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.training.world import ALONE, World

BATCH = 64  # images at once
PHOTOGRAPH = 224  # pixels a side


class Validation:
    """The images that a run is judged on. They are kept decoded if that fits in memory.

    Batches are the same for any number of processes, and each takes every so manieth of them. So the outputs are too.
    """

    def __init__(
        self, images: ImageSet, classifier: Classifier, *, world: World = ALONE, watch: Watch = unwatched
    ) -> None:
        self.images, self.classifier, self.world, self.watch = images, classifier, world, watch
        count, self.batch = len(images), _batch(classifier)
        starts = range(self.batch * world.rank, count, self.batch * world.size)
        own = [np.arange(start, min(start + self.batch, count)) for start in starts]
        self.rows = np.concatenate([np.empty(0, np.int64), *own])
        self._own = images.subset(self.rows) if len(self.rows) else None  # of few images there may be none left
        keep = self._own is not None and loading.fits_in_memory(len(self.rows), classifier.preprocessing)
        self._kept = loading.all_pixels(self._own, classifier.preprocessing, watch) if self._own and keep else None

    def logits(self) -> NDArray[np.float32]:
        """The network's outputs for every image, in order, in every process."""
        own = self.classifier.all_logits(
            self._pixels(), len(self.rows), batch_size=self.batch, watch=self.watch, task="validating"
        )
        found = np.empty((len(self.images), len(self.classifier.classes)), np.float32)
        for rows, logits in self.world.gathered((self.rows, own)):
            found[rows] = logits
        return found

    def _pixels(self) -> Iterator[NDArray[np.uint8]]:
        if self._kept is not None:
            return iter(self._kept)
        return loading.evaluation_pixels(self._own, self.classifier.preprocessing) if self._own else iter(())


def _batch(classifier: Classifier) -> int:
    """On a GPU as many pixels at once as BATCH photographs have, so that small images keep it busy."""
    if classifier.device.type != "cuda":
        return BATCH
    return max(BATCH, int(BATCH * (PHOTOGRAPH / classifier.preprocessing.size) ** 2))
