"""Settings of a run do what they say within it: what is judged and kept, and what the network is shown."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

import resnets
from resnets.network import ResNet
from resnets.training.run_folder import RunFolder
from tests import pictures
from tests.training.samples import TINY

QUICK: dict[str, Any] = {"batch_size": 8, "spec": TINY}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos", size=(24, 24))


def test_the_average_of_the_weights_is_what_is_validated_and_kept(photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    resnets.train(photos, out=folder.path, plan="usual", settings={**QUICK, "epochs": 1, "ema": 0.5})
    kept, state = (safetensors.torch.load_file(path) for path in (folder.classifier, folder.state))
    assert all(torch.equal(tensor, state[f"average.{name}"]) for name, tensor in kept.items())
    assert not torch.equal(kept["fc.weight"], state["network.fc.weight"])
    row = json.loads(folder.metrics.read_text())
    judged = dataclasses.replace(resnets.load(folder.path), temperature=1.0).evaluate(photos)
    assert judged.loss == pytest.approx(row["val_loss"], rel=1e-5)  # another batch size, other last bits


@pytest.mark.parametrize(("settings", "sides"), [
    ({"progressive": 0.5}, [12, 12, 12, 12, 12, 12, 16, 20, 24, 24]),
    ({"train_size": 16}, [16] * 10),
    ({}, [24] * 10),
])  # fmt: skip
def test_the_network_is_shown_images_of_the_size_that_the_epoch_asks_for(
    settings: dict[str, Any], sides: list[int], photos: Path, tmp_path: Path
) -> None:
    shown: list[int] = []

    def look(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, ResNet) and module.training:
            shown.append(inputs[0].shape[-1])

    hook = register_module_forward_pre_hook(look)
    try:
        resnets.train(
            photos, out=tmp_path / "run", plan="usual", settings={**QUICK, "batch_size": 24, "epochs": 10, **settings}
        )
    finally:
        hook.remove()
    assert shown == sides


def test_an_imbalanced_default_run_learns(tmp_path: Path) -> None:
    """Three colours that anyone can tell, 50 to 1: with weights on the terms of smoothed labels 13.8% were right."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [300, 6, 6])
    images = random.integers(0, 90, (len(labels), 8, 8, 3), dtype=np.uint8)
    images[np.arange(len(labels)), :, :, labels] += 120
    judged = np.concatenate([np.flatnonzero(labels == label)[-6:] for label in range(3)])
    arrays = {
        "train_images": images,
        "train_labels": labels,
        "val_images": images[judged],
        "val_labels": labels[judged],
    }
    np.savez(tmp_path / "colours.npz", **arrays)
    settings = {"epochs": 10, "spec": {"depths": [1, 1, 1], "widths": [8, 16, 32], "stem": {"widths": [8]}}}
    classifier = resnets.train(tmp_path / "colours.npz", out=tmp_path / "run", plan="usual", settings=settings)
    assert classifier.origin["recipe"]["class_weights"] == "balanced"
    assert classifier.evaluate(tmp_path / "colours.npz", split="val").top1.value > 0.95
