"""JPEG photographs, randomly cropped to 224 pixels, flipped and normalized: images a second, and the ratio to timm's
loader with a worker process for each core.

    .venv/bin/python -m benchmarks.photographs ARCHIVE [SHORT]   (a zip of photographs; their shorter side, 375 pixels)

Photographs of the archive are scaled to 4:3. Every file is decoded each time it is needed, on both sides: we keep the
pictures of a small set in memory, so links to the files make the set too large for that. Both sides take turns, timed
from the first batch's arrival on; the ratio is the median of the rounds.

Measured on 2 cores of a shared machine, nearly idle, photographs of ants and bees at 500 x 375 (scaled up from a
shorter side of 224), 7 rounds: ours 369 images/s, timm's loader with two workers 269; 1.34 times (1.25 to 1.43). Both
spend most of their time on the same decoding and resizing in Pillow, which no loader saves.
"""

import statistics
import sys
import tempfile
import zipfile
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from benchmarks.loading import rate
from resnets.base.cpus import usable_cpus
from resnets.data.augmentation_settings import Augmentation
from resnets.data.loading import MEMORY_LIMIT
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import TrainingBatches
from tests.peers import ImageDataset, create_loader

PHOTOGRAPHS, BATCH, BATCHES, ROUNDS = 120, 32, 21, 7
ASPECT, QUALITY = 4 / 3, 90
PREPROCESSING = Preprocessing(size=224, resize=256)


def make(folder: Path, archive: Path, size: tuple[int, int]) -> None:
    """Fill `folder` with photographs of this size, and with links to them until they are too many to keep."""
    enough = MEMORY_LIMIT * 5 // 4 // (size[0] * size[1] * 3)
    (folder / "photographs").mkdir()
    with zipfile.ZipFile(archive) as packed:
        members = [name for name in packed.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
        chosen = members[:: max(1, len(members) // PHOTOGRAPHS)][:PHOTOGRAPHS]
        for copy in range(-(-enough // len(chosen))):
            for index, member in enumerate(chosen):
                path = folder / "photographs" / f"{index:03}-{copy:03}.jpg"
                if copy:
                    path.hardlink_to(path.with_name(f"{index:03}-000.jpg"))
                    continue
                with packed.open(member) as file, Image.open(file) as image:
                    image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path, quality=QUALITY)


def ours(folder: Path) -> Generator[Tensor]:
    augmentation = Augmentation(augment="resized-crop", min_area=0.08)
    batches = TrainingBatches(open_source(folder), PREPROCESSING, augmentation, batch_size=BATCH, seed=0)
    for batch in batches.epoch(0):
        yield PREPROCESSING.normalize(batch.images)


def theirs(folder: Path) -> Generator[Tensor]:
    """What timm's train.py makes, without the change of colours that is its default: we make none."""
    options: dict[str, Any] = {"color_jitter": None, "scale": (0.08, 1.0), "interpolation": "bilinear"}
    device = torch.device("cpu")
    loader: Iterable[tuple[Tensor, Tensor]] = create_loader(
        ImageDataset(str(folder)),
        (3, 224, 224),
        BATCH,
        is_training=True,
        num_workers=usable_cpus(),
        device=device,
        **options,
    )
    for images, _ in loader:
        yield images


def measured(batches: Generator[Tensor]) -> float:
    with closing(batches):
        return rate(islice(batches, BATCHES))


def main(archive: Path, short: int = 375) -> None:
    torch.set_num_threads(1)
    own, peers = list[float](), list[float]()
    with tempfile.TemporaryDirectory(prefix="photographs-benchmark-") as folder:
        make(Path(folder), archive, (round(short * ASPECT), short))
        for _ in range(ROUNDS):
            peers.append(measured(theirs(Path(folder))))
            own.append(measured(ours(Path(folder))))
    ratios = sorted(o / p for o, p in zip(own, peers, strict=True))
    peer = f"timm, {usable_cpus()} workers"
    print(f"{'ours':18} {statistics.median(own):8,.0f} images/s")
    print(f"{peer:18} {statistics.median(peers):8,.0f} images/s")
    print(f"{'ratio':18} {statistics.median(ratios):8.2f}   ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
