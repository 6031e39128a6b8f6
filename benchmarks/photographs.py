"""JPEG photographs, randomly cropped and resized, flipped and normalized: images a second, and the ratio to
torchvision's transform on a core and to timm's loader with a worker process for each core.

    .venv/bin/python -m benchmarks.photographs [ARCHIVE]   (a zip of photographs; scikit-learn's two, if left out)

Photographs are scaled to 500 x 375, as ImageNet's are on average. Every file is decoded each time it is needed, on both
sides: we keep the pictures of a small set in memory, so links to the files make the set too large for that. Both sides
take turns, a loader timed from its first batch's arrival on.
"""

import sys
import tempfile
import time
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

from benchmarks.loading import rate
from benchmarks.measuring import Measured, Wanted, in_turns
from resnets.base.cpus import usable_cpus
from resnets.data import augmentation
from resnets.data.augmentation_settings import Augmentation
from resnets.data.loading import MEMORY_LIMIT
from resnets.data.pixel_sources import Photographs
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import TrainingBatches
from resnets.data.workers import usual_workers
from resnets.training.step.feeding import on_device
from tests.peers import ImageDataset, create_loader, torchvision

PHOTOGRAPHS, BATCH, BATCHES, ON_A_CORE = 120, 32, 21, 120
SIZE, QUALITY = (500, 375), 90
PREPROCESSING = Preprocessing(size=224, resize=256)
CPU = torch.device("cpu")
CROPS = Augmentation(augment="resized-crop", min_area=0.08)


def photographs(archive: Path | None) -> Iterator[Image.Image]:
    """PHOTOGRAPHS of an archive, or boxes of scikit-learn's two."""
    if archive is None:
        random = np.random.default_rng(0)
        samples = [Image.fromarray(image) for image in load_sample_images().images]
        for number in range(PHOTOGRAPHS):
            left, top = int(random.integers(0, 140)), int(random.integers(0, 52))
            yield samples[number % 2].crop((left, top, left + SIZE[0], top + SIZE[1]))
        return
    with zipfile.ZipFile(archive) as packed:
        members = [name for name in packed.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
        for member in members[:: max(1, len(members) // PHOTOGRAPHS)][:PHOTOGRAPHS]:
            with packed.open(member) as file, Image.open(file) as image:
                yield image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


def make(folder: Path, archive: Path | None, *, enough: int = MEMORY_LIMIT * 5 // 4) -> None:
    """Fill `folder` with photographs, and with links to them until they take `enough` bytes when decoded."""
    (folder / "photographs").mkdir(parents=True)
    for index, image in enumerate(photographs(archive)):
        first = folder / "photographs" / f"{index:03}-000.jpg"
        image.save(first, quality=QUALITY)
        for copy in range(1, -(-enough // (PHOTOGRAPHS * SIZE[0] * SIZE[1] * 3))):
            first.with_name(f"{index:03}-{copy:03}.jpg").hardlink_to(first)


def ours(folder: Path, device: torch.device = CPU) -> Generator[Tensor]:
    batches = TrainingBatches(
        open_source(folder), PREPROCESSING, CROPS, batch_size=BATCH, seed=0, workers=usual_workers()
    )
    with closing(batches):
        for batch in on_device(batches.epoch(0), device):
            yield PREPROCESSING.normalize(batch.images)


def theirs(folder: Path, device: torch.device = CPU) -> Generator[Tensor]:
    """What timm's train.py makes, without the change of colours that is its default: we make none."""
    options: dict[str, Any] = {"color_jitter": None, "scale": (0.08, 1.0), "interpolation": "bilinear"}
    loader: Iterable[tuple[Tensor, Tensor]] = create_loader(
        ImageDataset(str(folder)), (3, 224, 224), BATCH, is_training=True, num_workers=usable_cpus(),
        device=device, **options,
    )  # fmt: skip
    for images, _ in loader:
        yield images


def measured(batches: Generator[Tensor], *, count: int = BATCHES) -> float:
    with closing(batches):
        return rate(islice(batches, count))


def on_a_core(folder: Path, size: int, wanted: float) -> Measured:
    """File to resized crop in one thread, in images for each second of CPU time."""
    images = open_source(folder)
    decoder, numbers = Photographs(images, PREPROCESSING, CROPS), augmentation.table(len(images), seed=0, epoch=0)
    names = [images.image_name(row) for row in range(ON_A_CORE)]
    transform = torchvision.transforms.RandomResizedCrop(size, scale=(0.08, 1.0))

    def peer() -> float:
        started = time.process_time()
        for name in names:
            with Image.open(name) as image:
                np.asarray(transform(image.convert("RGB")))
        return len(names) / (time.process_time() - started)

    def own() -> float:
        started = time.process_time()
        for row in range(ON_A_CORE):
            decoder.pixels(row, numbers[row], size)
        return len(names) / (time.process_time() - started)

    return in_turns(
        f"photographs of 500 x 375 to a random crop of {size}, a core", own, peer, unit="images/s",
        peer_name="torchvision's RandomResizedCrop on Pillow", wanted=Wanted(wanted),
    )  # fmt: skip


def lines(archive: Path | None = None) -> Iterator[Measured]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory(prefix="photographs-benchmark-") as name:
            folder = Path(name) / "images"
            make(folder, archive)
            yield on_a_core(folder, 224, 1.8)
            yield on_a_core(folder, 128, 2.5)
            yield in_turns(
                f"photographs of 500 x 375 to a batch of crops of 224, {usable_cpus()} cores",
                lambda: measured(ours(folder)), lambda: measured(theirs(folder)), unit="images/s",
                peer_name=f"timm's loader, {usable_cpus()} workers", wanted=Wanted(1.3),
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for line in lines(*map(Path, sys.argv[1:2])):
        print(line, flush=True)
