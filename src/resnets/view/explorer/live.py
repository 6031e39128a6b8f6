"""What networks did with images -> the part of the page's JSON that its view "Your image" reads.

Feature maps are kept as signed bytes, a step a channel (value = byte x step, so the error is at most half a step);
everything else is kept exactly, as float32. All of an image is one block of bytes, deflated, which the page inflates.
"""

import base64
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.explain.record import ImageRecord, Maps, NetworkRecord, Sum
from resnets.structure import Structure

ROOM = 5_000_000  # bytes for all images together before they are deflated, so that a page stays below 8 MB
STEPS = 127  # on either side of zero
LARGEST = 640  # pixels of a picture's longer side
QUALITY = 85  # of its JPEG

Arrays = dict[str, NDArray[Any]]
Part = tuple[float, float, float, float]  # left, top, right, bottom of what a network saw, as parts of the picture


@dataclass(frozen=True, kw_only=True)
class LiveClassifier:
    """A classifier whose activations are in the page."""

    network: str  # its name in the page
    classes: tuple[str, ...]
    temperature: float
    abstain_below: float
    preprocessing: Mapping[str, Any]  # size, resize, fit, interpolation, mean, std, channels
    record: NetworkRecord


@dataclass(frozen=True)
class LiveImage:
    """An image as it stands upright, before any preprocessing."""

    name: str
    picture: Image.Image


@dataclass(frozen=True)
class LiveRecord:
    """What one classifier did with one image."""

    classifier: int
    image: int
    part: Part
    record: ImageRecord


@dataclass(frozen=True)
class Live:
    """All classifiers with all images."""

    classifiers: tuple[LiveClassifier, ...]
    images: tuple[LiveImage, ...]
    records: tuple[LiveRecord, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values for the page."""
        return {
            "classifiers": [_classifier(one) for one in self.classifiers],
            "images": [_image(one) for one in self.images],
            "records": [_record(one, self.classifiers[one.classifier]) for one in self.records],
        }


def cells_for(built: Structure, classes: int, records: int) -> int:
    """How many cells of feature maps each of `records` images may keep, beside what is kept of it anyway."""
    operations = built.operations
    windows = [one.parameters // one.output[0] for one in operations if one.kind == "conv"]
    channels = sum(one.output[0] for one in operations if one.kind == "add")
    _, rows, columns = next(one.input for one in operations if one.kind == "global-pool")
    blocks = sum(one.kind == "add" for one in operations)
    floats = 2 * sum(windows) + 2 * channels + classes * (rows * columns + blocks)
    pixels = built.spec.in_channels * built.image_size[0] * built.image_size[1]
    return max(0, ROOM // max(1, records) - 4 * floats - pixels)


def quantized(
    maps: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Channels as signed bytes, and each channel's step. Zero stays zero, and signs stay."""
    steps = (np.abs(maps).max(axis=(1, 2)) / STEPS).astype(np.float32)
    divisors = np.where(steps > 0, steps, 1).astype(np.float64)[:, None, None]
    return np.clip(np.rint(maps / divisors), -STEPS, STEPS).astype(np.int8), steps


def _classifier(one: LiveClassifier) -> dict[str, Any]:
    filters = one.record.filters
    arrays = {"kernels": filters.kernels, "filterBiases": filters.biases, "biases": one.record.biases}
    return {
        "network": one.network,
        "classes": list(one.classes),
        "temperature": one.temperature,
        "abstainBelow": one.abstain_below,
        "preprocessing": dict(one.preprocessing),
        "first": filters.operation,
        "last": one.record.last,
        "pool": one.record.pool,
        **packed(arrays),
    }


def _image(one: LiveImage) -> dict[str, Any]:
    width, height = one.picture.size
    small = one.picture.convert("RGB")
    small.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"name": one.name, "width": width, "height": height, "uri": uri}


def _record(one: LiveRecord, classifier: LiveClassifier) -> dict[str, Any]:
    record = one.record
    strongest = record.strongest
    arrays: Arrays = {"logits": record.logits, "without": record.without}
    if record.class_maps is not None:
        arrays["classMaps"] = record.class_maps
    arrays["strongestRows"] = strongest.rows.astype(np.float32)
    arrays["strongestColumns"] = strongest.columns.astype(np.float32)
    arrays["strongestValues"] = strongest.values
    for response in record.responses.values():
        arrays[f"{response.operation}/window"] = response.window
        arrays[f"{response.operation}/kernel"] = response.kernel
    arrays |= dict(_volume(record.stem))
    for sum_ in record.sums:
        arrays |= dict(_sum(sum_, stored=classifier.record.last == "other"))
    arrays["pixels"] = record.pixels
    return {
        "classifier": one.classifier,
        "image": one.image,
        "part": one.part,
        "answers": list(record.answers),
        "norms": [[sum_.output.name, sum_.shortcut_norm, sum_.residual_norm] for sum_ in record.sums],
        "responses": [
            [one.operation, one.filter, one.row, one.column, one.bias, one.value] for one in record.responses.values()
        ],
        **packed(arrays),
    }


def _volume(maps: Maps, *, stored: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
    name = maps.name
    yield f"{name}/channels", maps.channels.astype(np.float32)
    yield f"{name}/strength", maps.strength
    yield f"{name}/mean", maps.mean
    yield f"{name}/peak", maps.peak
    if stored:
        yield from _quantized(f"{name}/output", maps.values)


def _sum(one: Sum, *, stored: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """A block's arrays; its output is stored where the page cannot find it from the sum."""
    yield from _volume(one.output, stored=stored)
    for kind, values in (("shortcut", one.shortcut), ("residual", one.residual), ("sum", one.total)):
        yield from _quantized(f"{one.output.name}/{kind}", values)


def _quantized(name: str, values: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    found, steps = quantized(values)
    yield f"{name}/steps", steps
    yield name, found


def packed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Arrays as one block of bytes, deflated and in base 64, and of each its kind, shape and first byte."""
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)  # float32 first, so that all stand aligned
    table: list[tuple[str, str, Sequence[int], int]] = []
    place = 0
    for name, array in ordered:
        table.append((name, array.dtype.name, array.shape, place))
        place += array.nbytes
    whole = b"".join(
        np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes() for _, array in ordered
    )
    return {"arrays": table, "bytes": base64.b64encode(zlib.compress(whole, 9)).decode()}
