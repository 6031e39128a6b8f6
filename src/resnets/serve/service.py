"""From an upload to an answer: who waits, who is refused, and what is said about each image."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.base.cpus import usable_cpus
from resnets.evaluation import calibration
from resnets.serve import pictures
from resnets.serve.bodies import Ledger, Upload
from resnets.serve.crew import Crew
from resnets.serve.limits import Limits, Refused, busy
from resnets.serve.lone import Lone
from resnets.serve.metrics import Metrics
from resnets.serve.registry import Registry
from resnets.serve.served import Served, class_place

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a client wants to know of its images."""

    top: int = 5
    probabilities: bool = False  # of all classes, in their order
    map: bool = False
    of_class: str | None = None  # whose map; by default the first answer's
    seen: bool = False  # what the network saw, as a picture


class Service:
    """Answers for images, by the classifiers of a registry."""

    def __init__(self, registry: Registry, limits: Limits, metrics: Metrics, *, threads: int | None = None) -> None:
        self.registry, self.limits, self.metrics = registry, limits, metrics
        self.ledger = Ledger(limits.bodies)
        self.crew = Crew(threads or usable_cpus(), watch=metrics.batches.observe)
        self.lone = Lone("another image is being looked into; try again")
        self.waiting = 0  # images

    def check_room(self) -> None:
        """Raise Refused (503) while the queue is full: before a body is read."""
        if self.waiting >= self.limits.queue:
            raise busy("the queue is full; try again")

    @contextmanager
    def admitted(self, count: int) -> Iterator[None]:
        """While the block runs, so many images wait. Raises Refused: 413 or 503."""
        if count > self.limits.images:
            raise Refused(
                413, "too_many_images", f"{count:,} images in one request; at most {self.limits.images} are accepted"
            )
        if self.waiting + count > self.limits.queue and self.waiting:
            raise busy("the queue is full; try again")
        self.waiting += count
        self.metrics.waiting.set(self.waiting)
        try:
            yield
        finally:
            self.waiting -= count
            self.metrics.waiting.set(self.waiting)

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Raise Refused (503) where the block takes longer than a request may."""
        try:
            async with asyncio.timeout(self.limits.seconds):
                yield
        except TimeoutError:
            raise busy(f"no answer within {self.limits.seconds:g} seconds; try again") from None

    async def outputs(self, served: Served, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The raw outputs for some images."""
        found = await self.crew.compute(served, pixels)
        self.metrics.images.labels(served.name).inc(len(pixels))
        return found

    async def predictions(self, served: Served, images: list[Upload], wishes: Wishes) -> list[dict[str, Any]]:
        """What is on each image: `image`, `answers`, `sure` and `error`, as in `predict --json`, and what is wished.

        An image that cannot be read has its error. Raises that error where it is the only image.
        """
        place = None
        if wishes.map:
            _check_map(served)
            place = _wished_class(served, wishes.of_class)
        with self.admitted(len(images)):
            async with self.in_time():
                return list(
                    await asyncio.gather(
                        *(self._prediction(served, one, wishes, place, alone=len(images) == 1) for one in images)
                    )
                )

    async def _prediction(
        self, served: Served, image: Upload, wishes: Wishes, place: int | None, *, alone: bool
    ) -> dict[str, Any]:
        row: dict[str, Any] = {"image": image.name, "answers": [], "sure": False, "error": None}
        preprocessing = served.predictor.preprocessing
        try:
            pixels = await self.crew.call(lambda: pictures.pixels(image.data, preprocessing, self.limits))
        except Refused as refused:
            if alone:
                raise
            return row | {"error": refused.message, "code": refused.code}
        logits = await self.outputs(served, pixels)
        order = np.argsort(-logits[0], kind="stable")  # by outputs, as `predict` has it
        probabilities = calibration.probabilities(logits, served.predictor.temperature)[0]
        row["answers"] = [
            {"class": served.classes[one], "probability": float(probabilities[one])}
            for one in order[: wishes.top].tolist()
        ]
        row["sure"] = bool(probabilities[order[0]] >= served.predictor.abstain_below)
        if not row["sure"]:
            self.metrics.unsure.labels(served.name).inc()
        if wishes.probabilities:
            row["probabilities"] = probabilities.tolist()
        if wishes.map:
            of = int(order[0]) if place is None else place
            found = await self.crew.call(lambda: served.map_of(pixels[0], of))
            row["map"] = {"class": served.classes[of], "values": np.round(found.astype(np.float64), 5).tolist()}
        if wishes.seen:
            picture = await self.crew.call(lambda: pictures.thumbnail(pixels[0]))
            row["seen"] = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        return row

    def close(self) -> None:
        """End the threads."""
        self.crew.close()
        self.lone.close()


def _check_map(served: Served) -> None:
    if not served.has_maps:
        raise Refused(
            400, "no_maps", "this classifier gives no class activation maps; serve a classifier whose pool is average"
        )


def _wished_class(served: Served, name: str | None) -> int | None:
    if name is None:
        return None
    place = class_place(served, name)
    if place is None:
        raise Refused(400, "no_such_class", "the classifier has no such class; /v1/classifiers lists them")
    return place
