"""The recipe `fastai-imagenette` beside fastai itself: one network, the same images, as many steps, three seeds each.

    .venv/bin/python -m benchmarks.imagenette FOLDER [IMAGES [SIDE SEED]]     (FOLDER: Imagenette's train/ and val/)

xresnet18 with ReLU at 64 pixels, 400 training images (the first by name) and 200 validation images of each class, all
scaled to 80 x 80 once for both; 5 epochs of 62 steps, one thread a run. Accuracy is that of the last epoch.

Measured on two cores with AVX2, beside other work, about 8 minutes of CPU a run; top-1 of 2,000 images:

    fastai 2.8.7   69.0 ± 0.4%   (68.85, 68.75, 69.50)
    ours           69.0 ± 2.1%    (70.80, 69.45, 66.70)
    as it was      67.2%          (one seed: AdamW at 4e-3 with a short warm-up)

Losses of 40 steps from the same weights, on the same batches: equal to 5e-6 over six steps, to 0.003 over 16; then
rounding and the place of eps drive them apart, by 0.022 at most.

fastai is no dependency: `pip install fastai==2.8.7` first (2.8.12 has LAMB's step in `RAdam`). 2.8.11
fails at cropping, for want of `tvpad`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import resnets
from resnets import catalog, spec_values
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import Batch
from resnets.network import ResNet
from resnets.training.recipes.named import RECIPES
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step.step import Step
from resnets.weights import checkpoint
from tests import peers  # lets torchvision be imported beside a CPU-only torch

assert peers
RUNS = Path("runs/benchmarks")
NETWORK = "xresnet18"
SIZE, SHORT = 64, 80  # pixels; fastai validates on the centre of images resized to 80 both ways
EPOCHS, BATCH, SEEDS, VAL = 5, 64, (0, 1, 2), 200
STEPS, FEW = 40, 16  # for the comparison step by step
BEFORE = {"optimizer": "adamw", "lr": 4e-3, "warmup": 0.02, "flat": 0.72, "lr_end": 0.0}  # the recipe as it was


def make(archive: Path, images: int) -> Path:
    """The first `images` of each class and VAL of each to validate on, once, at SHORT x SHORT pixels."""
    data = RUNS / f"imagenette-{SHORT}px-{images}"
    if data.exists():
        return data
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RUNS) as unfinished:
        for split, count in (("train", images), ("val", VAL)):
            for folder in sorted(path for path in (archive / split).iterdir() if path.is_dir()):
                place = Path(unfinished, data.name, split, folder.name)
                place.mkdir(parents=True)
                for path in sorted(folder.iterdir())[:count]:
                    with Image.open(path) as image:
                        small = image.convert("RGB").resize((SHORT, SHORT), Image.Resampling.BILINEAR)
                    small.save(place / f"{path.stem}.png", compress_level=1)
        Path(unfinished, data.name).rename(data)
    return data


def ours(data: Path, seed: int, **settings: Any) -> list[float]:
    """Accuracy on the validation images after each epoch."""
    stem = spec_values.to_dict(catalog.find(NETWORK).spec)["stem"]  # at 64 pixels a small one would take its place
    chosen = {
        "epochs": EPOCHS, "seed": seed, "preprocessing.size": SIZE, "preprocessing.resize": SHORT, "spec.stem": stem,
        "spec.activation": "relu", **settings,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        resnets.train(
            data, NETWORK, recipe="fastai-imagenette", settings=chosen, plan="usual", out=out, samples=False
        )  # fmt: skip
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [row["val_top1"] for row in rows]


def theirs(data: Path, seed: int) -> list[float]:
    """The same of fastai's own loader, network, optimizer and loop, put together as in its train_imagenette.py."""
    from fastai.vision import all as fv  # pyright: ignore[reportMissingImports] # no dependency

    fv.set_seed(seed, reproducible=True)
    block = fv.DataBlock(
        blocks=(fv.ImageBlock, fv.CategoryBlock), splitter=fv.GrandparentSplitter(valid_name="val"),
        get_items=fv.get_image_files, get_y=fv.parent_label,
        item_tfms=[fv.RandomResizedCrop(SIZE, min_scale=0.35), fv.FlipItem(0.5)],
        batch_tfms=[fv.Normalize.from_stats(*fv.imagenet_stats)],
    )  # fmt: skip
    learner = fastai_learner(block.dataloaders(data, bs=BATCH, num_workers=0))
    with learner.no_bar(), learner.no_logging():
        learner.fit_flat_cos(EPOCHS, 8e-3, wd=1e-2)
    return [float(row[2]) for row in learner.recorder.values]


def fastai_learner(loaders: Any) -> Any:
    """fastai's network and optimizer with the figures of fastai/imagenette's 2020-01-train.md."""
    from fastai.vision import all as fv  # pyright: ignore[reportMissingImports] # no dependency

    rule = partial(fv.ranger, mom=0.95, sqr_mom=0.99, eps=1e-6)
    loss = fv.LabelSmoothingCrossEntropy()
    return fv.Learner(loaders, getattr(fv, NETWORK)(n_out=10), opt_func=rule, loss_func=loss, metrics=[fv.accuracy])


def step_by_step(data: Path) -> tuple[list[float], list[float]]:
    """Our losses and fastai's over STEPS steps, in which both begin with the same weights and see the same batches."""
    preprocessing = Preprocessing(size=SIZE, resize=SHORT)
    paths = sorted(data.glob("train/*/*.png"))
    chosen = [paths[place] for place in np.random.default_rng(0).permutation(len(paths))[: STEPS * FEW]]
    classes = tuple(sorted({path.parent.name for path in paths}))
    pixels = torch.from_numpy(np.stack([preprocessing.pixels(preprocessing.decoded_file(path)) for path in chosen]))
    labels = torch.tensor([classes.index(path.parent.name) for path in chosen])
    network = ResNet(replace(catalog.find(NETWORK).spec, num_classes=len(classes)))
    classifier = Classifier(network=network, classes=classes, preprocessing=preprocessing)
    found = _their_losses(network, preprocessing.normalize(pixels).contiguous(), labels)
    batches = [Batch(*batch) for batch in zip(pixels.split(FEW), labels.split(FEW), strict=True)]
    return _our_losses(classifier, batches), found


def _our_losses(classifier: Classifier, batches: list[Batch]) -> list[float]:
    recipe = Recipe(**{**RECIPES["fastai-imagenette"].recipe, "epochs": 1, "batch_size": FEW})
    counts = np.ones(len(classifier.classes), np.int64)
    step = Step(classifier, recipe, Execution(), class_counts=counts, steps=STEPS, images=FEW)
    with step.epoch(0):
        return [float(step(batch, 0, number)[0]) for number, batch in enumerate(batches)]


def _their_losses(begun: ResNet, images: Tensor, labels: Tensor) -> list[float]:
    """fastai's, whose first weights are put into `begun`."""
    from fastai.vision import all as fv  # pyright: ignore[reportMissingImports] # no dependency

    losses = list[float]()

    class Listening(fv.Callback):
        def after_loss(self) -> None:
            if self.training:
                losses.append(float(self.loss.detach()))

    pairs = list(zip(images, labels, strict=True))
    torch.manual_seed(0)
    learner = fastai_learner(fv.DataLoaders.from_dsets(pairs, pairs[:FEW], bs=FEW, shuffle=False, num_workers=0))
    with tempfile.TemporaryDirectory() as folder:
        torch.save(learner.model.state_dict(), Path(folder) / "begun.pth")
        checkpoint.load(Path(folder) / "begun.pth").into(begun)
    with learner.no_bar(), learner.no_logging():
        learner.fit_flat_cos(1, 8e-3, wd=1e-2, cbs=Listening())
    return losses


SIDES: Mapping[str, Callable[[Path, int], list[float]]] = {
    "fastai": theirs,
    "ours": ours,
    "as it was": partial(ours, **BEFORE),
}


def main(archive: Path, images: int = 400) -> None:
    data = make(archive, images)
    for number, pair in enumerate(zip(*step_by_step(data), strict=True), start=1):
        if number in (1, 2, 5, 10, 20, STEPS):
            print(f"loss of step {number:2}: ours {pair[0]:.5f}, fastai's {pair[1]:.5f}", flush=True)
    tops: dict[str, list[float]] = {side: [] for side in SIDES}
    for seed in SEEDS:
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.imagenette", str(archive), str(images), side, str(seed)]
            said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            tops[side].append(100 * said["top1"][-1])
            print(f"{side:10} seed {seed}: {tops[side][-1]:.2f}% in {said['seconds']:.0f} s", flush=True)
    for side, found in tops.items():
        print(f"{side:10} {statistics.mean(found):6.2f} +- {statistics.stdev(found):.2f}%")


def one(archive: Path, images: int, side: str, seed: int) -> None:
    """One run in a process of its own."""
    begun = time.perf_counter()
    top1 = SIDES[side](make(archive, images), seed)
    print(json.dumps({"side": side, "seed": seed, "top1": top1, "seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        one(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
