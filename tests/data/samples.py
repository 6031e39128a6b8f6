"""Small real images, the folders that tests put them in, and what came out."""

import io
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.sources import open_source


def pixels(name: str) -> NDArray[np.uint8]:
    """Random pixels, the same for the same name: 5 x 4 x 3."""
    return np.random.default_rng(list(name.encode())).integers(0, 256, (5, 4, 3), dtype=np.uint8)


def png(name: str) -> bytes:
    """`pixels(name)` as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels(name)).save(file, "PNG")
    return file.getvalue()


def noise(*shape: int) -> NDArray[np.uint8]:
    """Random pixels of this shape, the same for the same shape."""
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def fill(folder: Path, names: Iterable[str]) -> Path:
    """`folder`, with an image at every name; a name that ends with a slash is an empty folder."""
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(name))
    return folder


@contextmanager
def deep(root: Path, count: int) -> Generator[str]:
    """The last of `count` folders in each other, with an image; gone after the block, as pytest cannot remove them."""
    folders = [f"{root}{'/d' * place}" for place in range(1, count + 1)]
    for folder in folders:
        Path(folder).mkdir()
    image = f"{folders[-1]}/3.png"
    try:
        Path(image).write_bytes(png("deep"))
        yield image
    finally:
        Path(image).unlink()
        for folder in reversed(folders):
            Path(folder).rmdir()


def rows(images: ImageSet) -> list[tuple[str, str, str]]:
    """Of each image in order: its file's name, its class, its split ("" where it has none)."""
    splits = ["" if code < 0 else SPLITS[code] for code in images.splits]
    return [
        (images.image_name(index).rsplit("/", 1)[-1], images.classes[label], split)
        for index, (label, split) in enumerate(zip(images.labels, splits, strict=True))
    ]


def decoded(images: ImageSet, index: int) -> NDArray[np.uint8]:
    """The pixels of one image, whether it comes encoded or not."""
    data = images.read(index)
    return np.asarray(Image.open(io.BytesIO(data))) if isinstance(data, bytes) else data


def refusal(source: Path | str) -> str:
    """The message with which `source` is refused: one line."""
    with pytest.raises(InputError) as caught:
        open_source(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)
