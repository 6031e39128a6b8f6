"""Classifiers and images -> what the explorer page holds of the one and the other."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image

from resnets import api
from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.answering import Picture, name_of
from resnets.classifier.file import Classifier
from resnets.explain.recording import image_record, network_record
from resnets.structure import Structure
from resnets.view.explorer.live import Live, LiveClassifier, LiveImage, LiveRecord, Part, cells_for
from resnets.view.show import Network, Shown, is_classifier, source_of

Opened = tuple[str, Structure, Classifier]  # a network's name in the page, its structure, and what runs it


def looked_into(
    shown: Shown, given: Sequence[Network], images: Picture | Sequence[Picture], *, device: str, watch: Watch
) -> Live:
    """What the classifiers among the networks do with the images. Raises InputError where there is none."""
    many = [images] if isinstance(images, str | Path | Image.Image | np.ndarray) else images
    return live_of(_opened(shown, given, device), [(name_of(one, place), one) for place, one in enumerate(many)], watch)


def live_of(opened: Sequence[Opened], images: Sequence[tuple[str, Picture]], watch: Watch = unwatched) -> Live:
    """What classifiers do with images, each of which has a name. Raises InputError for one that cannot be read.

    Meanwhile each classifier's network has hooks: nobody else may run it.
    """
    pictures: dict[int, LiveImage] = {}
    records: list[LiveRecord] = []
    total = len(opened) * len(images)
    for number, (_, built, classifier) in enumerate(opened):
        cells = cells_for(built, len(classifier.classes), total)
        for place, (image, part, pixels) in enumerate(_seen(classifier, images)):
            pictures.setdefault(place, image)
            records.append(LiveRecord(number, place, part, image_record(classifier, pixels, cells=cells)))
            watch(Progress("looking into the network", len(records), total))
    return Live(tuple(map(_described, opened)), tuple(pictures.values()), tuple(records))


def _opened(shown: Shown, given: Sequence[Network], device: str) -> list[Opened]:
    """Each classifier among the networks once, with its name in the page and its structure."""
    by_source = {row.source: (row.name, built) for row, built in shown.networks}
    opened: dict[str, Opened] = {}
    paths: dict[str, Path] = {}
    for one in given:
        if isinstance(one, str | Path) and is_classifier(Path(one)):
            name, built = by_source[source_of(Path(one))]
            if paths.setdefault(name, Path(one).resolve()) != Path(one).resolve():
                raise InputError(
                    f"{one}: the page would mix it up with {paths[name]}, which has the same name; rename it"
                )
            opened.setdefault(name, (name, built, api.load(one, device=device)))
    if not opened:
        raise InputError("--image: needs a classifier, such as a classifier.safetensors or a run's folder")
    return list(opened.values())


def _described(opened: Opened) -> LiveClassifier:
    name, _, classifier = opened
    return LiveClassifier(
        network=name,
        classes=classifier.classes,
        temperature=classifier.temperature,
        abstain_below=classifier.abstain_below,
        preprocessing=classifier.header()["preprocessing"],
        record=network_record(classifier.network),
    )


def _seen(
    classifier: Classifier, images: Sequence[tuple[str, Picture]]
) -> Iterator[tuple[LiveImage, Part, NDArray[np.uint8]]]:
    """Of each image: itself, the part of it that the network sees, and the pixels that it becomes."""
    for name, one in images:
        upright = classifier.upright(name, one)
        picture = upright if isinstance(upright, Image.Image) else _picture(upright)
        (width, height), (left, top, right, bottom) = picture.size, classifier.preprocessing.box(*picture.size)
        part = (left / width, top / height, right / width, bottom / height)
        yield LiveImage(Path(name).name, picture), part, classifier.preprocessing.pixels(upright)


def _picture(pixels: UInt8[np.ndarray, "height width *channels"]) -> Image.Image:
    """An array as a picture: of channels that are no colours, their mean."""
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        means: NDArray[Any] = pixels.mean(axis=2)
        return Image.fromarray(np.round(means).astype(np.uint8))
    return Image.fromarray(pixels)
