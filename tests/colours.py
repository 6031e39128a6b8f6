"""A small classifier that can tell the classes of tests/pictures.py apart, and what is exported of it, made once.

Every process of a test run reads this file, also the one that only hands out the tests: torch is imported by the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import jaxtyping
import numpy as np
import pytest

import resnets
from tests import pictures

if TYPE_CHECKING:
    from resnets.classifier.file import Classifier

SIZE = 20


@contextmanager
def traceable() -> Iterator[None]:
    """No annotated shape is checked, as torch traces the code itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        yield


def told_apart(**fields: object) -> Classifier:
    """A classifier of three blocks whose last layer is solved for by ridge regression.

    Mean and deviation are lopsided, so that one in another order shows.
    """
    import torch
    from torch import nn

    from resnets.classifier.file import Classifier
    from resnets.data.preprocessing import Preprocessing

    torch.manual_seed(0)
    network = resnets.resnet(
        resnets.ResNetSpec(
            depths=(1, 1, 1), widths=(4, 8, 16), block="basic", shortcut="pad", num_classes=3,
            stem=resnets.Stem(widths=(4,), kernel=3, stride=1, pool="none"),
        )
    )  # fmt: skip
    classifier = Classifier(
        network=network,
        classes=pictures.CLASSES,
        preprocessing=Preprocessing(size=SIZE, resize=24, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.35)),
        **{"temperature": 1.7, "abstain_below": 0.4} | fields,  # pyright: ignore[reportArgumentType] # whatever a test gives
    )
    labels = np.arange(60) % 3
    shown = [pictures.picture(label, 1000 + seed, (28, 26)) for seed, label in enumerate(labels.tolist())]
    pixels = torch.from_numpy(np.stack([classifier.preprocessing.pixels(one) for one in shown]))
    with torch.no_grad():
        for norm in (one for one in network.modules() if isinstance(one, nn.BatchNorm2d)):
            norm.momentum = None  # the average over all it sees
        network.train()(classifier.preprocessing.normalize(pixels))
        features = network.eval().features(classifier.preprocessing.normalize(pixels)).double()
        centred = features - features.mean(0)
        targets = 4 * (torch.eye(3, dtype=torch.float64)[torch.from_numpy(labels)] - 1 / 3)
        weight = torch.linalg.solve(centred.T @ centred + torch.eye(16, dtype=torch.float64), centred.T @ targets)
        network.fc.weight.copy_(weight.T)
        network.fc.bias.copy_(-(features.mean(0) @ weight))
    return classifier


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos", count=8, size=(30, 26))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    found = told_apart(metrics={"val": {"top1": 0.5}}, origin={"seed": 3})
    found.save(tmp_path_factory.mktemp("classifier") / "colours.safetensors")
    return found


@pytest.fixture(scope="session")
def onnx_file(classifier: Classifier, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier as ONNX, with features."""
    with traceable():
        out = tmp_path_factory.mktemp("onnx") / "colours.onnx"
        return resnets.export(classifier, "onnx", out, data=photos, embeddings=True).path


@pytest.fixture(scope="session")
def torch_file(classifier: Classifier, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier as a torch.export program."""
    with traceable():
        return resnets.export(classifier, "torch", tmp_path_factory.mktemp("torch") / "colours.pt2", data=photos).path
