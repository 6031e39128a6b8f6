"""Why an exported file answers otherwise than its classifier: what its header says, and what its graph does."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from resnets.evaluation.calibration import probabilities
from resnets.export.exported import Exported

IMAGES = 32  # enough to tell any two hypotheses apart
CLOSE = 1e-3  # of probabilities: what the same computation in another order stays far below
EXPLAINED = 0.2  # of int8's difference: what must at most be left of it under a hypothesis

_FIELDS = {
    "size": "another size:",
    "resize": "another resize:",
    "fit": "another crop: fit",
    "interpolation": "another interpolation:",
    "channels": "another number of channels:",
    "range": "another range of deep pixels:",
}

Hypothesis = tuple[str, NDArray[np.float64]]  # in words, and the probabilities it leads to


def reasons(classifier: Classifier, exported: Exported, images: ImageSet) -> list[str]:
    """Each difference between the two that can be named, or that none can."""
    found = stated(classifier, exported, images)
    same_input = _input(classifier.preprocessing) == _input(exported.preprocessing)
    if same_input and len(classifier.classes) == exported.runtime.classes:
        found += _graph(classifier, exported, images.evenly(IMAGES, seed=0))
    return found or ["header and graph seem to be those of the classifier, but the answers differ"]


def stated(classifier: Classifier, exported: Exported, images: ImageSet) -> list[str]:
    """In what the file's header is not the classifier's, and how many of the images become other pixels by that."""
    return [
        *_classes(classifier, exported),
        *_preprocessing(classifier, exported, images),
        *_numbers(classifier, exported),
    ]


def _input(preprocessing: Preprocessing) -> tuple[int, int]:
    return preprocessing.size, preprocessing.channels


def _classes(classifier: Classifier, exported: Exported) -> Iterator[str]:
    ours, theirs = classifier.classes, exported.classes
    if ours == theirs:
        return
    place = next(
        (place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    if set(ours) == set(theirs):
        yield f"classes reordered: output {place} is called {theirs[place]!r}, but {ours[place]!r} in the classifier"
        return
    odd = ", ".join(map(repr, sorted(set(theirs) - set(ours))[:3])) or f"{len(theirs)} of {len(ours)}"
    yield f"other class names: {odd}"


def _preprocessing(classifier: Classifier, exported: Exported, images: ImageSet) -> Iterator[str]:
    ours, theirs = classifier.preprocessing, exported.preprocessing
    if ours == theirs:
        return
    for name, words in _FIELDS.items():
        a, b = getattr(ours, name), getattr(theirs, name)
        if a != b:
            yield f"{words} {b}, but {a} in the classifier"
    yield from _statistics(ours, theirs)
    if _input(ours) == _input(theirs):
        few = images.evenly(IMAGES, seed=0)
        pairs = zip(loading.evaluation_pixels(few, ours), loading.evaluation_pixels(few, theirs), strict=True)
        differing = sum(not np.array_equal(a, b) for a, b in pairs)
        if differing:
            yield f"so {differing} of {len(few)} images get other pixels"


def _statistics(ours: Preprocessing, theirs: Preprocessing) -> Iterator[str]:
    """How mean and deviation differ in the header."""
    if (ours.mean, ours.std) == (theirs.mean, theirs.std):
        return
    if (theirs.mean, theirs.std) == (ours.std, ours.mean):
        yield "mean and std swapped in the header"
    elif theirs.mean in (ours.mean, ours.mean[::-1]) and theirs.std in (ours.std, ours.std[::-1]):
        yield "mean or std reversed (BGR order) in the header"
    else:
        yield f"another mean and std in the header: {theirs.mean}, {theirs.std}"


def _numbers(classifier: Classifier, exported: Exported) -> Iterator[str]:
    said = exported.said["temperature"]
    if said != classifier.temperature:
        yield f"another temperature: {said}, but {classifier.temperature} in the classifier"
    if exported.abstain_below != classifier.abstain_below:
        yield f"another abstain_below: {exported.abstain_below}, but {classifier.abstain_below} in the classifier"


def _graph(classifier: Classifier, exported: Exported, images: ImageSet) -> Iterator[str]:
    """What the graph does otherwise with the very same pixels."""
    pixels = np.stack(list(loading.evaluation_pixels(images, classifier.preprocessing)))
    logits = classifier.outputs(pixels)
    ours = probabilities(logits, classifier.temperature)
    theirs = exported.runtime.run(pixels)[0].astype(np.float64)
    before = float(np.abs(ours - theirs).mean())
    exact = exported.kind != "int8"
    if exact and np.abs(ours - theirs).max() <= CLOSE / 10:
        return
    tried = [*_other_inputs(classifier, pixels), *_other_outputs(ours, theirs), *_other_temperature(logits, theirs)]
    left = [float(np.abs(found - theirs).mean()) for _, found in tried]
    best = int(np.argmin(left)) if left else None
    if best is not None and left[best] <= EXPLAINED * before:
        close = np.abs(tried[best][1] - theirs).max() <= CLOSE
        if close or not exact:
            yield f"the graph {tried[best][0]}"
            return
    yield "the graph loses too much in its low precision" if not exact else "the graph computes something else"


def _other_inputs(classifier: Classifier, pixels: NDArray[np.uint8]) -> Iterator[Hypothesis]:
    """What the network would answer, were it fed otherwise."""
    ours = classifier.preprocessing
    colour = ours.channels > 1
    if colour:
        turned = np.ascontiguousarray(pixels[..., ::-1])
        yield "reads the channels in reverse (BGR)", _with(classifier, ours, turned)
    seen = {(ours.mean, ours.std)}
    for name, mean, std in _normalizations(ours):
        if (mean, std) not in seen and min(std) > 0:
            seen.add((mean, std))
            yield f"normalizes {name}", _with(classifier, replace(ours, mean=mean, std=std), pixels)


def _normalizations(ours: Preprocessing) -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    channels, mean, std = ours.channels, ours.mean, ours.std
    yield "with mean and std swapped", std, mean
    yield "with mean and std in reverse (BGR order)", mean[::-1], std[::-1]
    yield "with the mean in reverse (BGR order)", mean[::-1], std
    yield "with the std in reverse (BGR order)", mean, std[::-1]
    yield "not at all: pixels from 0 to 1", (0.0,) * channels, (1.0,) * channels
    yield "not at all: pixels from 0 to 255", (0.0,) * channels, (1 / 255,) * channels
    yield "without the std", mean, (1.0,) * channels
    yield "without the mean", (0.0,) * channels, std
    yield "with mean and std of 0.5", (0.5,) * channels, (0.5,) * channels
    if channels == 3:
        yield "with ImageNet's mean and std", IMAGENET_MEAN, IMAGENET_STD


def _with(classifier: Classifier, preprocessing: Preprocessing, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return probabilities(replace(classifier, preprocessing=preprocessing).outputs(pixels), classifier.temperature)


def _other_outputs(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Iterator[Hypothesis]:
    """The order of the outputs that fits best, where it is not the classifier's."""
    from scipy.optimize import linear_sum_assignment

    distances = np.stack([np.abs(ours - column[:, None]).sum(axis=0) for column in theirs.T])
    order = linear_sum_assignment(distances)[1]
    moved = np.flatnonzero(order != np.arange(len(order)))
    if len(moved):
        first = int(moved[0])
        yield f"has its outputs in another order: output {first} is the classifier's {order[first]}", ours[:, order]


def _other_temperature(logits: NDArray[np.float32], theirs: NDArray[np.float64]) -> Iterator[Hypothesis]:
    """The temperature at which the classifier's outputs would be the file's, by least squares on log probabilities."""
    seen = np.log(np.maximum(theirs, np.finfo(np.float32).tiny))
    # An image's logarithms are its outputs over the temperature but for a constant.
    a, b = (one - one.mean(axis=1, keepdims=True) for one in (logits.astype(np.float64), seen))
    factor = float((a * b).sum() / (a * a).sum()) if a.any() else 0.0
    if factor > 0 and math.isfinite(factor):
        yield f"has the temperature {1 / factor:.4g}", probabilities(logits, 1 / factor)
