"""`evaluate` on 10,000 small PNG files in a zip, against decoding them and running the network and nothing more: CPU
seconds of all threads.

    .venv/bin/python -m benchmarks.evaluation
"""

import io
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import resnets
from benchmarks.measuring import Measured, Wanted, in_turns
from resnets.data.preprocessing import Preprocessing
from resnets.network import ResNet

COUNT, BATCH, ROUNDS = 10_000, 256, 3
PREPROCESSING = Preprocessing(size=32, resize=32)


def make(archive: Path) -> None:
    """Smooth noise in two folders of a zip."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for index in range(COUNT):
            coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            file = io.BytesIO()
            coarse.resize((32, 32), Image.Resampling.BICUBIC).save(file, "PNG")
            packed.writestr(f"{'ab'[index % 2]}/{index:05}.png", file.getvalue())


def bare(archive: Path, network: ResNet) -> float:
    started = time.process_time()
    with zipfile.ZipFile(archive) as packed, torch.inference_mode():
        names = packed.namelist()
        for start in range(0, COUNT, BATCH):
            files = (packed.read(name) for name in names[start : start + BATCH])
            pixels = np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
            network(PREPROCESSING.normalize(torch.from_numpy(pixels)))
    return time.process_time() - started


def lines() -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="evaluation-benchmark-") as name:
        archive = Path(name) / "images.zip"
        make(archive)
        network = resnets.resnet("cifar_resnet20", num_classes=2).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
        classifier = resnets.Classifier(network=network, classes=("a", "b"), preprocessing=PREPROCESSING)

        def ours() -> float:
            started = time.process_time()
            classifier.evaluate(archive)
            return time.process_time() - started

        yield in_turns(
            f"evaluate on {COUNT:,} PNG files of 32 x 32 in a zip, cifar_resnet20", ours,
            lambda: bare(archive, network), unit="CPU s", peer_name="decoding and the network alone", rounds=ROUNDS,
            wanted=Wanted(2.0, most=True),
        )  # fmt: skip


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
