"""CIFAR-sized training images from memory, cropped, flipped and normalized: images a second on one core, and the ratio
to torchvision's transforms under a DataLoader with two workers.

    .venv/bin/python -m benchmarks.loading
"""

import time
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.measuring import Measured, Wanted, in_turns
from resnets.data.arrays import Pixels
from resnets.data.augmentation_settings import Augmentation
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import TrainingBatches
from tests.peers import torchvision

COUNT, BATCH = 50_000, 128


class Transformed(Dataset[tuple[torch.Tensor, int]]):
    """What torchvision's CIFAR10 dataset does: a Pillow image from an array, then the transforms."""

    def __init__(self, pixels: np.ndarray) -> None:
        t = torchvision.transforms
        self.pixels = pixels
        self.transform = t.Compose(
            [t.RandomCrop(32, padding=4), t.RandomHorizontalFlip(), t.ToTensor(), t.Normalize((0.5,) * 3, (0.25,) * 3)]
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.as_tensor(self.transform(Image.fromarray(self.pixels[index]))), 0


def ours(pixels: np.ndarray) -> Iterator[torch.Tensor]:
    images = ImageSet(
        name="noise",
        classes=("a",),
        images=Pixels(pixels, "noise", (("image", len(pixels)),)),
        labels=np.zeros(len(pixels), np.int64),
        splits=np.zeros(len(pixels), np.int8),
        rows=np.arange(len(pixels)),
    )
    preprocessing = Preprocessing(size=32, resize=32)
    batches = TrainingBatches(images, preprocessing, Augmentation(), batch_size=BATCH, seed=0)
    for epoch in range(4):
        for batch in batches.epoch(epoch):
            yield preprocessing.normalize(batch.images)


def theirs(pixels: np.ndarray) -> Iterator[torch.Tensor]:
    loader = DataLoader(Transformed(pixels), BATCH, shuffle=True, num_workers=2, drop_last=True)
    for images, _ in loader:
        yield images


def rate(batches: Iterable[torch.Tensor]) -> float:
    """Images a second, from the first batch's arrival on."""
    iterator = iter(batches)
    next(iterator)
    started, count = time.perf_counter(), 0
    for images in iterator:
        count += len(images)
    return count / (time.perf_counter() - started)


def lines() -> Iterator[Measured]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    try:
        yield in_turns(
            "images of 32 x 32 from memory, cropped, flipped, normalized, a core", lambda: rate(ours(pixels)),
            lambda: rate(theirs(pixels)), unit="images/s", peer_name="torchvision under a DataLoader, two workers",
            rounds=3, wanted=Wanted(1.0),
        )  # fmt: skip
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
