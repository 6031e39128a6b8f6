"""Images as small pictures inside a page: what the network saw, and what its answer rests on."""

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from resnets.data import loading
from resnets.explain.cam import class_activation_map, is_exact
from resnets.explain.overlay import overlay
from resnets.report.evaluated import RunReport

LARGEST = 176  # pixels of a side: more is made smaller
SMALLEST = 96  # less is enlarged, pixel by pixel
QUALITY = 82  # of JPEG
BATCH = 16  # images at a time through the network


def pixels_of(run: RunReport, indices: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
    """The images at `indices` as the network sees them, each decoded once."""
    preprocessing = run.classifier.preprocessing
    chosen = sorted(set(indices))
    images = run.images
    read = loading.in_order(lambda index: loading.view(images, index, preprocessing, preprocessing.pixels), chosen)
    return dict(zip(chosen, read, strict=True))


def seen(pixels: NDArray[np.uint8]) -> str:
    """An image as a data: URI. Of channels that are not colours, their mean."""
    return uri(_fitted(pixels))


def evidence(run: RunReport, shown: Sequence[tuple[NDArray[np.uint8], int]]) -> list[str]:
    """For each image, as the network sees it, and class: a data: URI of where it speaks for the class.

    The image alone, in grey, where the network has no exact map of that.
    """
    if not is_exact(run.classifier.network):
        return [uri(_grey(_fitted(one))) for one, _ in shown]
    uris: list[str] = []
    for start in range(0, len(shown), BATCH):
        part = shown[start : start + BATCH]
        pixels = torch.as_tensor(np.stack([one for one, _ in part]))
        maps = class_activation_map(run.classifier, pixels, torch.tensor([output for _, output in part]))
        uris += [uri(overlay(_fitted(one), map_.numpy())) for (one, _), map_ in zip(part, maps, strict=True)]
    return uris


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    means: NDArray[np.float64] = pixels.mean(axis=2, keepdims=True)
    return np.round(means).astype(np.uint8)


def _fitted(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same picture at a thumbnail's size, in colour or grey."""
    plain = pixels if pixels.shape[2] == 3 else _grey(pixels)
    side = plain.shape[0]  # what a network sees is square
    if side < SMALLEST:
        factor = -(-SMALLEST // side)
        return plain.repeat(factor, axis=0).repeat(factor, axis=1)
    if side <= LARGEST:
        return plain
    small = np.asarray(_image(plain).resize((LARGEST, LARGEST), Image.Resampling.LANCZOS))
    return small if small.ndim == 3 else small[:, :, None]


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])


def uri(pixels: NDArray[np.uint8]) -> str:
    """Pixels in colour or grey (height x width x channels) as a data: URI of a JPEG."""
    buffer = io.BytesIO()
    _image(pixels).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
