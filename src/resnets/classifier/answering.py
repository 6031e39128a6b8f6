"""What is on an image: from a file, a picture or an array to a prediction, one by one or in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.base.turns import turn
from resnets.classifier.outputs import Outputs
from resnets.classifier.prediction import Answer, Prediction
from resnets.data import decoding, loading
from resnets.data.views import VIEWS, Views
from resnets.evaluation import calibration

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
class Answering(Outputs):
    """Says of which class an image is."""

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
                raise InputError(f"{prediction.image}: {prediction.error}")
        return found

    def predictions(
        self, images: Iterable[Picture | Encoded], *, top: int = 5, tta: Views = "none", batch_size: int = 32
    ) -> Iterator[Prediction]:
        """A prediction for each image in order, as they come; one that cannot be read has its `error` set.

        batch_size: in views, of which test-time augmentation makes several of an image.
        """
        if top < 1:
            raise InputError(f"top = {top}: must be at least 1")
        named = ((name_of(image, place), image) for place, image in enumerate(images))
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
            with turn():
                picture = self.upright(name, image)
            return name, self.preprocessing.views(picture, tta)
        except OSError as error:
            return name, InputError(f"{name}: cannot be read ({error.strerror or error})")
        except InputError as error:
            return name, error if name in str(error) else InputError(f"{name}: {error}")

    def upright(self, name: str, image: Picture | Encoded) -> Image.Image | NDArray[np.uint8]:
        """An image decoded and as it stands upright, before preprocessing. Raises InputError or OSError."""
        if isinstance(image, str | Path):
            return self.preprocessing.decoded_file(image)
        if isinstance(image, Image.Image):
            return decoding.upright(image, name=name)
        return self.preprocessing.decoded(image.read(), name=name) if isinstance(image, Encoded) else image

    def answers(self, images: Sequence[Viewed], *, top: int) -> list[Prediction]:
        """A prediction for each of some images as `viewed` gives them, in one step of the network."""
        good = _readable(images)
        logits = self.averaged(good) if len(good) else np.empty((0, len(self.classes)), np.float32)
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
            Prediction(name, error=_why(name, seen))
            if isinstance(seen, InputError)
            else self._prediction(name, *next(rows))
            for name, seen in images
        ]

    def _prediction(self, name: str, places: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Prediction:
        answers = tuple(
            Answer(self.classes[place], probability)
            for place, probability in zip(places.tolist(), probabilities.tolist(), strict=True)
        )
        return Prediction(name, answers, sure=answers[0].probability >= self.abstain_below)


def name_of(image: Picture | Encoded, place: int) -> str:
    """What a row or a message calls an image, the one at `place` of several."""
    if isinstance(image, str | Path):
        return str(image)
    return f"image {place}" if isinstance(image, Image.Image | np.ndarray) else image.name


def _why(name: str, error: InputError) -> str:
    """What is wrong with an image, without its name, which stands beside it."""
    return str(error).removeprefix(f"{name}: ").removeprefix(f"{name!r}: ")


def _readable(images: Sequence[Viewed]) -> UInt8[np.ndarray, "images *views height width channels"]:
    good = [pixels for _, pixels in images if not isinstance(pixels, InputError)]
    return np.stack(good) if good else np.empty((0, 1, 1, 1, 1), np.uint8)
