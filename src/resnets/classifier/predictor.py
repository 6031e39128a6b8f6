"""What answers for images: a classifier, or what was exported from it. Everything between an image and its answer but
the network itself is here, so that no two of them can differ in it.
"""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, overload, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.prediction import Answer, Prediction
from resnets.data import decoding, loading, sources
from resnets.data import preprocessing as preprocessings
from resnets.data.imageset import ImageSet, Split
from resnets.data.preprocessing import VIEWS, Preprocessing, Views
from resnets.data.table_columns import Asked
from resnets.evaluation import calibration, metrics, selection
from resnets.evaluation.classes import ClassMap, outputs
from resnets.evaluation.metrics import Evaluation
from resnets.evaluation.selection import Scored

log = logging.getLogger(__name__)

Picture = str | Path | Image.Image | NDArray[np.uint8]
Viewed = tuple[str, NDArray[np.uint8] | InputError]  # an image's name, and its views, or why there are none


@runtime_checkable
class Encoded(Protocol):
    """An encoded image file, wherever it is: on a disk, in an archive, in a table."""

    @property
    def name(self) -> str:
        """What a row or a message calls it."""
        ...

    def read(self) -> bytes:
        """The file's bytes. Raises OSError or InputError when it cannot be read."""
        ...


@dataclass(kw_only=True)
class Predictor(ABC):
    """Says of which class an image is. Raises InputError when its parts do not fit each other."""

    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float = 1.0  # outputs are divided by it before they become probabilities
    abstain_below: float = 0.0  # a first answer less probable than this is marked as not sure
    metrics: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None  # where it was read from or written to

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise InputError(f"the class name {twice!r} stands twice; each needs its own")
        if not 0 < self.temperature < math.inf:
            raise InputError(f"temperature = {self.temperature}: must be a number of more than 0")
        if not 0 <= self.abstain_below <= 1:
            raise InputError(f"abstain_below = {self.abstain_below}: must be a probability, 0 to 1")

    @abstractmethod
    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        """Raw outputs, whose softmax at `temperature` are the probabilities.

        pixels: of each image, as `preprocessing.pixels` gives them.
        """

    def outputs_and_features(
        self,
        pixels: UInt8[np.ndarray, "batch height width channels"],  # noqa: ARG002 - for those that have features
    ) -> tuple[Float32[np.ndarray, "batch classes"], Float32[np.ndarray, "batch features"]]:
        """The raw outputs, and the features that they are computed from, at the price of the outputs alone.

        Raises InputError when this predictor gives outputs only.
        """
        raise InputError(f"{self.path or 'this classifier'}: gives no features; take a classifier.safetensors")

    def features(
        self, pixels: UInt8[np.ndarray, "batch height width channels"]
    ) -> Float32[np.ndarray, "batch features"]:
        """What the last layer reads: an embedding of each image. Raises InputError as `outputs_and_features` does."""
        return self.outputs_and_features(pixels)[1]

    @property
    def concurrent(self) -> bool:
        """Whether several threads gain by asking for outputs at once: so they do on a CPU."""
        return True

    @contextmanager
    def on_one_core(self) -> Generator[None]:
        """While it is entered, torch computes on one core a call, so that as many threads as cores may ask at once.

        An exported file that ONNX Runtime runs is opened with one thread for that.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    @overload
    def predict(self, images: Picture, *, top: int = 5, tta: Views = "none") -> Prediction: ...
    @overload
    def predict(self, images: Sequence[Picture], *, top: int = 5, tta: Views = "none") -> list[Prediction]: ...

    def predict(
        self, images: Picture | Sequence[Picture], *, top: int = 5, tta: Views = "none"
    ) -> Prediction | list[Prediction]:
        """What is on an image, or on each of several.

        images: a path, a Pillow image, or a uint8 array (height x width, or height x width x channels); or a sequence
        of them. top: how many answers each prediction keeps. tta: test-time augmentation, as in `scored`.
        Raises InputError for an image that cannot be read; `predictions` goes on past those.
        """
        if isinstance(images, str | Path | Image.Image | np.ndarray):
            return self._each([images], top, tta)[0]
        return self._each(images, top, tta)

    def _each(self, images: Iterable[Picture], top: int, tta: Views) -> list[Prediction]:
        found = list(self.predictions(images, top=top, tta=tta))
        for prediction in found:
            if prediction.error is not None:
                raise InputError(prediction.error)
        return found

    def predictions(
        self, images: Iterable[Picture | Encoded], *, top: int = 5, tta: Views = "none", batch_size: int = 32
    ) -> Iterator[Prediction]:
        """A prediction for each image in order, as they come; one that cannot be read has its `error` set.

        batch_size: in views, of which test-time augmentation makes several of an image.
        """
        if top < 1:
            raise InputError(f"top = {top}: must be at least 1")
        named = ((_name(image, place), image) for place, image in enumerate(images))
        together = max(1, batch_size // VIEWS[tta])
        waiting: list[Viewed] = []
        for item in loading.in_order(lambda one: self.viewed(*one, tta), named, ahead=2 * together):
            waiting.append(item)
            if len(waiting) == together:
                yield from self.answers(waiting, top=top)
                waiting = []
        if waiting:
            yield from self.answers(waiting, top=top)

    def viewed(self, name: str, image: Picture | Encoded, tta: Views = "none") -> Viewed:
        """An image decoded and as the network will see it, or the error that it cannot be read with."""
        try:
            if isinstance(image, str | Path):
                image = self.preprocessing.decoded_file(image)
            elif isinstance(image, Image.Image):
                image = decoding.upright(image, name=name)
            elif isinstance(image, Encoded):
                image = self.preprocessing.decoded(image.read(), name=name)
            return name, self.preprocessing.views(image, tta)
        except OSError as error:
            return name, InputError(f"{name}: cannot be read ({error.strerror or error})")
        except InputError as error:
            return name, error if name in str(error) else InputError(f"{name}: {error}")

    def answers(self, images: Sequence[Viewed], *, top: int) -> list[Prediction]:
        """A prediction for each of some images as `viewed` gives them, in one step of the network."""
        good = _readable(images)
        logits = self._averaged(good) if len(good) else np.empty((0, len(self.classes)), np.float32)
        return self._predictions(images, logits, top)

    def described(
        self, images: Sequence[Viewed], *, top: int
    ) -> tuple[list[Prediction], Float32[np.ndarray, "readable features"]]:
        """What `answers` gives, and the features of those images that could be read, averaged over their views."""
        good = _readable(images)
        if not len(good):
            return self._predictions(images, np.empty((0, len(self.classes)), np.float32), top), np.empty((0, 0), "f4")
        logits, features = self.outputs_and_features(good.reshape(-1, *good.shape[-3:]))
        averaged = features.reshape(*good.shape[:2], -1).mean(axis=1)
        return self._predictions(images, logits.reshape(*good.shape[:2], -1).mean(axis=1), top), averaged

    def _predictions(
        self, images: Sequence[Viewed], logits: Float32[np.ndarray, "readable classes"], top: int
    ) -> list[Prediction]:
        # By logits, as evaluation has it: of two probabilities so small that they are equal, one is still the larger.
        orders = np.argsort(-self.finite(logits), axis=1, kind="stable")[:, :top]
        probabilities = calibration.probabilities(logits, self.temperature)
        rows = zip(orders, np.take_along_axis(probabilities, orders, axis=1), strict=True)
        return [
            Prediction(name, error=str(seen)) if isinstance(seen, InputError) else self._prediction(name, *next(rows))
            for name, seen in images
        ]

    def _prediction(self, name: str, places: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Prediction:
        answers = tuple(
            Answer(self.classes[place], probability)
            for place, probability in zip(places.tolist(), probabilities.tolist(), strict=True)
        )
        return Prediction(name, answers, sure=answers[0].probability >= self.abstain_below)

    def evaluate(
        self,
        data: str | Path | ImageSet,
        *,
        split: Split | Literal["all"] | None = None,
        class_map: ClassMap | None = None,
        columns: Asked | None = None,
        images: str | Path | None = None,
        skip_bad: bool = False,
        tta: Views = "none",
        intervals: bool = False,
        batch_size: int = 64,
        watch: Watch = unwatched,
    ) -> Evaluation:
        """Score the classifier on labelled images. The arguments but one, and what it raises, are those of `scored`.

        intervals: whether to give each figure a 95% confidence interval.
        """
        scored = self.scored(
            data, split=split, class_map=class_map, columns=columns, images=images, skip_bad=skip_bad, tta=tta,
            batch_size=batch_size, watch=watch,
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
        tta: Views = "none",
        batch_size: int = 64,
        watch: Watch = unwatched,
    ) -> Scored:
        """The classifier's raw outputs for labelled images.

        data: what `train` takes. split: which of its splits; by default test, else val, else what was held out when
        this classifier was trained on the same images, else all. class_map: the class (its name, or its place among
        the outputs) that each of the data's classes means, where the names differ. columns, images: of a table, as
        `sources.open_source` has them. skip_bad: leave out images that cannot be read, and log them.
        tta: test-time augmentation: whether to average the outputs for an image and its mirror image ("flip"), or for
        its corners and centre and theirs ("crops").
        Raises InputError, with the difference, when some of the data's classes are not the classifier's.
        """
        opened = sources.opened(data, columns=columns, images=images)
        judged, which = selection.to_judge(opened, split, self.origin)
        places = outputs(judged.name, judged.classes, self.classes, class_map, present=judged.present_classes)
        bad: list[int] = []
        pixels = self._views(judged, tta, bad if skip_bad else None)
        logits = self.finite(self.all_logits(pixels, len(judged), batch_size=batch_size, watch=watch))
        if bad:
            judged = judged.without(bad)
            which += f", {len(bad):,} left out that cannot be read"
        labels = places[judged.labels]
        selection.tell_absent(judged.name, labels, self.classes)
        if tta != "none" and (self.origin.get("recipe") or {}).get("flip") is False:
            log.warning("trained without mirror images: to average over them, as --tta does, may cost accuracy")
        averaged = {"none": "", "flip": ", each with its mirror image", "crops": ", each in ten crops"}[tta]
        return Scored(judged, logits, labels, which + averaged)

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
                raise InputError(f"{seen}; mend or remove it, or leave such files out with --skip-bad") from seen
            else:
                log.warning("left out: %s", seen)
                bad.append(index)
                if len(bad) == len(images):
                    raise InputError(f"{images.name}: none of {len(images):,} images can be read; the last: {seen}")

    def _averaged(
        self, pixels: UInt8[np.ndarray, "images *views height width channels"]
    ) -> Float32[np.ndarray, "images classes"]:
        """The outputs for each image, averaged over its views."""
        found = self.outputs(pixels.reshape(-1, *pixels.shape[-3:]))
        return found.reshape(len(pixels), -1, len(self.classes)).mean(axis=1)

    def tempered(self, logits: Float[np.ndarray, "images classes"]) -> Float[np.ndarray, "images classes"]:
        """Raw outputs divided by the temperature, in double precision, so that no two different ones become equal."""
        return logits if self.temperature == 1 else logits.astype(np.float64) / self.temperature

    def all_logits(
        self,
        pixels: Iterable[NDArray[np.uint8]],
        count: int,
        *,
        batch_size: int = 64,
        watch: Watch = unwatched,
        task: str = "evaluating",
    ) -> Float[np.ndarray, "images classes"]:
        """The network's outputs for at most `count` images, computed in batches.

        pixels: of each image, as `preprocessing.pixels` or `preprocessing.views` gives them; the outputs for an image's
        views are averaged, as torchvision's TenCrop has it. batch_size: in views.
        """
        logits = np.empty((count, len(self.classes)), dtype=np.float32)
        waiting: list[NDArray[np.uint8]] = []
        done = 0
        for done, one in enumerate(pixels, 1):
            waiting.append(one)
            views = len(one) if one.ndim == 4 else 1
            if views * (len(waiting) + 1) > batch_size or done == count:
                logits[done - len(waiting) : done] = self._averaged(np.stack(waiting))
                waiting = []
                watch(Progress(task, done, count))
        if waiting:  # fewer than announced
            logits[done - len(waiting) : done] = self._averaged(np.stack(waiting))
        return logits[:done]

    def finite(self, logits: Float[np.ndarray, "images classes"]) -> Float[np.ndarray, "images classes"]:
        """Outputs as they are. Raises RunFailed unless each is a finite number."""
        if np.isfinite(logits).all():
            return logits
        raise RunFailed(
            f"{self.path or 'the classifier'}: its outputs are not finite numbers: its weights are damaged, or were so "
            "where it was made; take another copy or train it again"
        )


def _name(image: Picture | Encoded, place: int) -> str:
    if isinstance(image, str | Path):
        return str(image)
    return f"image {place}" if isinstance(image, Image.Image | np.ndarray) else image.name


def _readable(images: Sequence[Viewed]) -> UInt8[np.ndarray, "images *views height width channels"]:
    good = [pixels for _, pixels in images if not isinstance(pixels, InputError)]
    return np.stack(good) if good else np.empty((0, 1, 1, 1, 1), np.uint8)


def predictor_fields(header: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Predictor that a file's header holds.

    Raises InputError, KeyError, TypeError or ValueError when the header lacks one, or has it in another form.
    """
    names = header["classes"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("classes are not a list of names")
    return {
        "classes": tuple(names),
        "preprocessing": preprocessings.from_dict(header["preprocessing"]),
        "temperature": float(header["temperature"]),
        "abstain_below": float(header["abstain_below"]),
        "metrics": dict(header["metrics"]),
        "origin": dict(header["origin"]),
    }
