"""The file a user keeps: network, classes, preprocessing, calibration and where it came from, in one safetensors file.

Everything that uses a classifier starts from this file, so what an image goes through cannot differ between training,
evaluation, prediction and export.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resnets import spec as specs
from resnets.data import decoding, loading, preprocessing, sources
from resnets.data.imageset import ImageSet, Split
from resnets.data.preprocessing import Preprocessing
from resnets.errors import InputError, RunFailed
from resnets.evaluation import metrics
from resnets.evaluation.classes import ClassMap, outputs
from resnets.evaluation.metrics import Evaluation
from resnets.files import write_whole
from resnets.header import ENTRY, FORMAT, read_header, shortly
from resnets.network import ResNet
from resnets.progress import Progress, Watch, unwatched

Picture = str | Path | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """One class and how probable the classifier holds it to be, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of one image: its answers, most probable first, or why it has none."""

    image: str
    answers: tuple[Answer, ...] = ()
    error: str | None = None
    sure: bool = True  # False: the first answer's probability is below the classifier's `abstain_below`

    @property
    def label(self) -> str:
        """The most probable class. Raises InputError when the image could not be read."""
        return self._first.label

    @property
    def probability(self) -> float:
        """The most probable class's probability."""
        return self._first.probability

    @property
    def _first(self) -> Answer:
        if self.error is not None:
            raise InputError(self.error)
        return self.answers[0]

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON values."""
        answers = [{"class": answer.label, "probability": answer.probability} for answer in self.answers]
        return {"image": self.image, "answers": answers, "error": self.error}


@dataclass(kw_only=True)
class Classifier:
    """A trained network and all that is needed to use it. Raises InputError when its parts do not fit each other."""

    network: ResNet
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float = 1.0  # logits are divided by it before they become probabilities
    abstain_below: float = 0.0  # a first answer less probable than this is marked as not sure
    metrics: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None  # where it was read from or written to

    def __post_init__(self) -> None:
        spec = self.network.spec
        if len(self.classes) != spec.num_classes:
            raise InputError(f"{len(self.classes)} class names for a network of {spec.num_classes} outputs")
        if len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise InputError(f"the class name {twice!r} stands twice; each needs its own")
        if self.preprocessing.channels != spec.in_channels:
            raise InputError(
                f"preprocessing gives {self.preprocessing.channels} channels to a network that reads {spec.in_channels}"
            )
        if not self.temperature > 0:
            raise InputError(f"temperature = {self.temperature}: must be more than 0")
        self.network.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload

    @torch.inference_mode()
    def logits(self, pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch classes"]:
        """The network's outputs for images as `preprocessing.pixels` gives them, on the network's device."""
        device = self.network.fc.weight.device
        return self.network(self.preprocessing.normalize(pixels.to(device))).float()

    def probabilities(self, pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch classes"]:
        """Calibrated probabilities, 0 to 1, which sum to 1 over the classes."""
        return torch.softmax(self.logits(pixels) / self.temperature, dim=1)

    @overload
    def predict(self, images: Picture, *, top: int = 5) -> Prediction: ...
    @overload
    def predict(self, images: Sequence[Picture], *, top: int = 5) -> list[Prediction]: ...

    def predict(self, images: Picture | Sequence[Picture], *, top: int = 5) -> Prediction | list[Prediction]:
        """What is on an image, or on each of several.

        images: a path, a Pillow image, or a uint8 array (height x width, or height x width x channels); or a sequence
        of them. top: how many answers each prediction keeps.
        Raises InputError for an image that cannot be read; `predictions` goes on past those.
        """
        if isinstance(images, str | Path | Image.Image | np.ndarray):
            return self._each([images], top)[0]
        return self._each(images, top)

    def _each(self, images: Iterable[Picture], top: int) -> list[Prediction]:
        found = list(self.predictions(images, top=top))
        for prediction in found:
            if prediction.error is not None:
                raise InputError(prediction.error)
        return found

    def predictions(self, images: Iterable[Picture], *, top: int = 5, batch_size: int = 32) -> Iterator[Prediction]:
        """A prediction for each image in order, as they come; one that cannot be read has its `error` set."""
        if top < 1:
            raise InputError(f"top = {top}: must be at least 1")
        named = ((str(i) if isinstance(i, str | Path) else f"image {n}", i) for n, i in enumerate(images))
        waiting: list[tuple[str, NDArray[np.uint8] | InputError]] = []
        for item in loading.in_order(lambda one: (one[0], self._pixels(*one)), named, ahead=2 * batch_size):
            waiting.append(item)
            if len(waiting) == batch_size:
                yield from self._answers(waiting, top)
                waiting = []
        if waiting:
            yield from self._answers(waiting, top)

    def _pixels(self, name: str, image: Picture) -> NDArray[np.uint8] | InputError:
        try:
            if isinstance(image, str | Path):
                image = decoding.decode_file(image, channels=self.preprocessing.channels)
            elif isinstance(image, Image.Image):
                image = decoding.upright(image, name=name)
            return self.preprocessing.pixels(image)
        except InputError as error:
            return error if name in str(error) else InputError(f"{name}: {error}")

    def _answers(self, items: list[tuple[str, NDArray[np.uint8] | InputError]], top: int) -> Iterator[Prediction]:
        good = [pixels for _, pixels in items if not isinstance(pixels, InputError)]
        found = self.probabilities(torch.from_numpy(np.stack(good))).cpu() if good else torch.empty(0)
        if not found.isfinite().all():
            raise self._damaged()
        rows = iter(found)
        for name, pixels in items:
            if isinstance(pixels, InputError):
                yield Prediction(name, error=str(pixels))
                continue
            probabilities, places = next(rows).topk(min(top, len(self.classes)))
            answers = tuple(
                Answer(self.classes[place], probability)
                for place, probability in zip(places.tolist(), probabilities.tolist(), strict=True)
            )
            yield Prediction(name, answers, sure=answers[0].probability >= self.abstain_below)

    def evaluate(
        self,
        data: str | Path | ImageSet,
        *,
        split: Split | Literal["all"] | None = None,
        class_map: ClassMap | None = None,
        batch_size: int = 64,
        watch: Watch = unwatched,
    ) -> Evaluation:
        """Score the classifier on labelled images.

        data: what `train` takes. split: which of its splits; by default test, else val, else what was held out when
        this classifier was trained on the same images, else all. class_map: the class (its name, or its place among
        the outputs) that each of the data's classes means, where the names differ.
        Raises InputError, with the difference, when the data's classes are not the classifier's.
        """
        images, which = self._to_judge(sources.open_source(data) if not isinstance(data, ImageSet) else data, split)
        labels = outputs(images.name, images.classes, self.classes, class_map)[images.labels]
        pixels = loading.evaluation_pixels(images, self.preprocessing)
        logits = self.all_logits(pixels, len(images), batch_size=batch_size, watch=watch)
        if not np.isfinite(logits).all():
            raise self._damaged()
        return metrics.evaluate(logits / self.temperature, labels, self.classes, on=which)

    def all_logits(
        self,
        pixels: Iterable[NDArray[np.uint8]],
        count: int,
        *,
        batch_size: int = 64,
        watch: Watch = unwatched,
        task: str = "evaluating",
    ) -> Float[np.ndarray, "images classes"]:
        """The network's outputs for `count` images, each as `preprocessing.pixels` gives it, computed in batches."""
        logits = np.empty((count, len(self.classes)), dtype=np.float32)
        waiting: list[NDArray[np.uint8]] = []
        for done, one in enumerate(pixels, 1):
            waiting.append(one)
            if len(waiting) == batch_size or done == count:
                logits[done - len(waiting) : done] = self.logits(torch.from_numpy(np.stack(waiting))).cpu().numpy()
                waiting = []
                watch(Progress(task, done, count))
        return logits

    def _to_judge(self, images: ImageSet, split: Split | Literal["all"] | None) -> tuple[ImageSet, str]:
        """The images to score, and in words which they are."""
        if split == "all":
            return images, f"{images.name}, all images"
        if split is None:
            split = next((name for name in ("test", "val") if images.has(name)), None)
        if split is not None and images.has(split):
            return images.part(split), f"{images.name}, split {split}"
        held_out = self.origin.get("data", {}).get("held_out")
        if held_out and held_out.get("fingerprint") == images.fingerprint and split in (None, "val"):
            rebuilt = images.hold_out("val", fraction=held_out["fraction"], seed=held_out["seed"])
            return rebuilt.part("val"), f"{images.name}, the images held out of training"
        if split is not None:
            return images.part(split), ""  # raises, and says which splits there are
        if held_out and images.name.rstrip("/").rsplit("/", 1)[-1] == self.origin["data"].get("name"):
            return images, f"{images.name}, all images; some may have trained this classifier, whose data had this name"
        return images, f"{images.name}, all images"

    def _damaged(self) -> RunFailed:
        return RunFailed(
            f"{self.path or 'the classifier'}: its outputs are not finite numbers: its weights are damaged, or were so "
            "where it was made; take another copy or train it again"
        )

    def header(self) -> dict[str, Any]:
        """All but the weights, as JSON values."""
        return {
            "format": FORMAT,
            "spec": specs.to_dict(self.network.spec),
            "classes": list(self.classes),
            "preprocessing": preprocessing.to_dict(self.preprocessing),
            "temperature": self.temperature,
            "abstain_below": self.abstain_below,
            "metrics": self.metrics,
            "origin": self.origin,
        }

    def save(self, path: str | Path) -> Path:
        """Write the classifier's file, whole or not at all. Raises RunFailed when the system refuses."""
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        content = safetensors.torch.save(tensors, metadata={ENTRY: json.dumps(self.header())})
        self.path = write_whole(path, content)
        return self.path


def load(path: str | Path, *, device: Literal["cpu", "cuda", "mps"] | str = "cpu") -> Classifier:
    """Read a classifier's file. Raises InputError when it is missing, damaged, no classifier, or of a newer format."""
    path = Path(path)
    header = read_header(path)
    try:
        with torch.device("meta"):  # no weights drawn only to be replaced
            network = ResNet(specs.from_dict(header["spec"]))
        network.load_state_dict(safetensors.torch.load_file(path), assign=True)
        classifier = Classifier(
            network=network.to(device, torch.float32),
            classes=_class_names(header["classes"]),
            preprocessing=preprocessing.from_dict(header["preprocessing"]),
            temperature=float(header["temperature"]),
            abstain_below=float(header["abstain_below"]),
            metrics=dict(header["metrics"]),
            origin=dict(header["origin"]),
            path=path,
        )
    except InputError as error:
        raise InputError(f"{path}: damaged: {error}") from error
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: damaged: its header and its weights do not fit ({shortly(error)})") from error
    return classifier


def _class_names(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("classes are not a list of names")
    return tuple(names)
