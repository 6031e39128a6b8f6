"""Small real image files for tests: classes that a network can tell apart, made from a seed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("blue", "green", "red")


def picture(label: int, seed: int, size: tuple[int, int] = (20, 20)) -> NDArray[np.uint8]:
    """Noise with more of one colour: width x height pixels of class `label`, as height x width x 3."""
    random = np.random.default_rng([label, seed])
    pixels = random.integers(0, 120, (size[1], size[0], 3), dtype=np.uint8)
    pixels[:, :, 2 - label] += 110
    return pixels


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write pixels as the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def folder(root: Path, *, count: int = 10, size: tuple[int, int] = (20, 20), suffix: str = "png") -> Path:
    """A folder per class, `count` images in each."""
    for label, name in enumerate(CLASSES):
        for seed in range(count):
            save(root / name / f"{seed:03}.{suffix}", picture(label, seed, size))
    return root
