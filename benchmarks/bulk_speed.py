"""Images a second of a bulk prediction against a Pillow loader in torchvision's manner, on JPEG photographs from disk.

    .venv/bin/python -m benchmarks.bulk_speed [--photos N] [--rounds N] [--only resnet50|resnet18]

Makes N photographs (1,000) of 500 x 375 pixels, quality 90, from those in ../shared/data/flower-photos.zip. The peer is
a DataLoader of two workers over a Dataset that opens with Pillow, converts, and applies torchvision's Resize,
CenterCrop, ToTensor and Normalize. Two races; the median of the rounds' ratios is printed, peer and ours take turns:

- resnet50, float32: ours exported to ONNX; the peer's is timm's, eager. Wanted: at least 1.5.
- resnet18, int8, where decoding dominates: both run the same ONNX file by ONNX Runtime. Wanted: at least 1.3.

Weights are drawn, as they do not change the speed. Also printed: how busy our run keeps all cores, from the processor
time of the process and its children over the time it took (wanted: at least 90%). A round counts from the first image
to the last row; exporting, quantizing and loading the network are left out on both sides, starting the workers is not.

Measured on two cores, nothing else running. AMD EPYC with AVX-512 and VNNI, 1,000 photographs: resnet50 float32 2.66
times (49.3 and 18.7 images/s), cores 98% busy; resnet18 int8 1.31 times (292.6 and 221.2 images/s; 1.29 to 1.31 in four
runs), cores 96% busy. There a photograph takes one core 0.5 ms to decode, 0.9 ms to resize and 4.6 ms in resnet18 int8:
decoding does not dominate. AMD EPYC with AVX2 and no VNNI: 1.94 and 1.04 times, where the network takes 27 ms.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import resnets
from resnets.base.cpus import usable_cpus
from resnets.bulk import run as bulk_run
from resnets.classifier.file import Classifier
from resnets.classifier.predictor import Predictor
from resnets.data.preprocessing import Preprocessing
from tests.peers import timm, torchvision

BATCH = 16
SHARED = Path(__file__).parents[2] / "shared" / "data"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--photos", type=int, default=1_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--only", choices=("resnet50", "resnet18"))
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk-speed-") as place:
        folder = Path(place)
        photos = make_photos(folder / "photos", options.photos)
        if options.only != "resnet18":
            exported = export(folder, "resnet50", "onnx", photos)
            race("resnet50 float32", exported, photos, eager("resnet50"), options.rounds, wanted=1.5)
        if options.only != "resnet50":
            exported = export(folder, "resnet18", "int8", photos)
            race("resnet18 int8", exported, photos, session(exported), options.rounds, wanted=1.3)


def make_photos(folder: Path, count: int) -> list[Path]:
    """Photographs of the size that ImageNet's have most often."""
    folder.mkdir()
    with zipfile.ZipFile(SHARED / "flower-photos.zip") as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".jpg")]
        for place in range(count):
            with Image.open(io.BytesIO(archive.read(names[place % len(names)]))) as image:
                larger = image.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC)
            larger.save(folder / f"{place:06}.jpg", quality=90)
    return sorted(folder.iterdir())


def export(folder: Path, network: str, to: Literal["onnx", "int8"], photos: list[Path]) -> Path:
    """The exported file of an untrained classifier; the photographs are what its export is checked on."""
    torch.manual_seed(0)
    saved = Classifier(
        network=resnets.resnet(network), classes=tuple(map(str, range(1000))), preprocessing=Preprocessing()
    ).save(folder / f"{network}.safetensors")
    checked = folder / f"{network}-data"
    for place, photo in enumerate(photos[:64]):
        (checked / str(place % 2)).mkdir(parents=True, exist_ok=True)
        (checked / str(place % 2) / photo.name).write_bytes(photo.read_bytes())
    names = {"0": "0", "1": "1"}
    out = folder / f"{network}.onnx"
    resnets.export(saved, to, out, data=checked, class_map=names, max_drop=100.0)
    return out


class Photographs(Dataset[torch.Tensor]):
    """A dataset as torchvision's users write it."""

    def __init__(self, photos: list[Path]) -> None:
        t = torchvision.transforms
        self.photos = photos
        normalize = t.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        self.transform = t.Compose([t.Resize(256), t.CenterCrop(224), t.ToTensor(), normalize])

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.photos[index]) as image:
            return torch.as_tensor(self.transform(image.convert("RGB")))


class Bytes(Photographs):
    """The same for a network that wants uint8, height x width x channels: nothing is scaled or normalized."""

    def __init__(self, photos: list[Path]) -> None:
        super().__init__(photos)
        t = torchvision.transforms
        self.transform = t.Compose(
            [t.Resize(256), t.CenterCrop(224), t.PILToTensor(), lambda one: one.permute(1, 2, 0)]
        )


Peer = Callable[[list[Path]], None]


def eager(network: str) -> Peer:
    """timm's network, eager, behind the loader."""
    model = timm.create_model(network).eval()

    @torch.inference_mode()
    def run(photos: list[Path]) -> None:
        for images in DataLoader(Photographs(photos), BATCH, num_workers=2):
            torch.softmax(model(images), dim=1).topk(1)

    return run


def session(path: Path) -> Peer:
    """An ONNX file, by ONNX Runtime as it comes, behind the loader."""
    opened = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = opened.get_inputs()[0].name

    def run(photos: list[Path]) -> None:
        for images in DataLoader(Bytes(photos), BATCH, num_workers=2):
            np.asarray(opened.run(None, {name: np.ascontiguousarray(images.numpy())})[0]).argmax(axis=1)

    return run


def race(name: str, exported: Path, photos: list[Path], peer: Peer, rounds: int, *, wanted: float) -> None:
    """Print images a second of both, the ratio, and how busy ours keeps the cores."""
    opened = resnets.open_predictor(exported, threads=1)
    ours = partial(predict, opened, exported, photos)
    for first in (peer, partial(predict, opened, exported)):
        first(photos[:64])  # what is slow the first time
    theirs: list[float] = []
    mine: list[float] = []
    busy: list[float] = []
    for _ in range(rounds):
        theirs.append(len(photos) / seconds(lambda: peer(photos))[0])
        taken, worked = seconds(ours)
        mine.append(len(photos) / taken)
        busy.append(worked / taken / usable_cpus())
    ratio = statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
    print(f"{name}: ours {statistics.median(mine):.1f} images/s, peer {statistics.median(theirs):.1f} images/s")
    print(f"  ratio {ratio:.2f} (wanted: {wanted}), cores {statistics.median(busy):.0%} busy (wanted: 90%)", flush=True)


def predict(opened: Predictor, exported: Path, photos: list[Path]) -> None:
    """Our bulk prediction, its network opened before."""
    out = exported.with_suffix(".parquet")
    order = bulk_run.BulkRequest(
        classifier=exported,
        images=tuple(map(str, photos)),
        out=out,
        opener=lambda path, device: opened,  # noqa: ARG005
        batch_size=BATCH,
    )
    assert bulk_run.predict(order).count == len(photos)
    out.unlink()


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """How long it took, and the processor time of this process and its children."""
    before, began = os.times(), time.perf_counter()
    work()
    taken, after = time.perf_counter() - began, os.times()
    return taken, sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    main()
