"""A class activation map is the logit, position by position; its picture shows where without colour alone."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resnets import resnet
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.explain.cam import class_activation_map
from resnets.explain.overlay import overlay
from tests import kinds

NETWORKS: tuple[tuple[str, int, int], ...] = (
    ("resnet18", 64, 3),
    ("resnet50d", 64, 3),
    ("xresnet34", 64, 3),
    ("cifar_resnet20", 32, 3),
    ("resnext50_32x4d", 64, 5),
)


def classifier(name: str, size: int, channels: int, classes: int = 7) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet(name, num_classes=classes, in_channels=channels)
    half = (0.5,) * channels
    fields: dict[str, Any] = {"size": size, "resize": size, "channels": channels, "mean": half, "std": half}
    names = tuple(f"class {number}" for number in range(classes))
    return Classifier(network=network, classes=names, preprocessing=Preprocessing(**fields))


def noise(count: int, size: int, channels: int) -> torch.Tensor:
    random = np.random.default_rng(0)
    return torch.from_numpy(random.integers(0, 256, (count, size, size, channels), dtype=np.uint8))


@pytest.mark.parametrize(("name", "size", "channels"), NETWORKS)
def test_the_mean_of_a_map_and_the_bias_are_the_logit(name: str, size: int, channels: int) -> None:
    made = classifier(name, size, channels)
    pixels, classes = noise(3, size, channels), torch.tensor([0, 6, 2])
    maps = class_activation_map(made, pixels, classes)
    bias = made.network.fc.bias.detach()[classes]
    logits = made.logits(pixels)[torch.arange(3), classes]
    # float32 sums of up to 2,048 products, in another order
    torch.testing.assert_close(maps.mean(dim=(1, 2)) + bias, logits, rtol=1e-4, atol=1e-4)


def test_a_map_is_as_coarse_as_the_last_stage() -> None:
    assert class_activation_map(classifier("resnet18", 96, 3), noise(2, 96, 3), torch.tensor([1, 1])).shape == (2, 3, 3)


def test_a_map_finds_the_corner_that_makes_the_logit() -> None:
    """Of images that are black but for a corner, the map's deviation from the black image's is in that corner."""
    made = classifier("cifar_resnet20", 32, 3)
    black = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    lit = black.clone()
    lit[:, :6, 26:] = 255
    first = torch.tensor([0])
    change = (class_activation_map(made, lit, first) - class_activation_map(made, black, first))[0].abs()
    row, column = divmod(int(change.argmax()), change.shape[1])
    assert row < 3
    assert column > 4


def shown(peak: tuple[int, int], channels: int = 3) -> NDArray[np.uint8]:
    activation = np.full((4, 4), -1.0, dtype=np.float32)
    activation[peak] = 5
    return overlay(np.full((64, 64, channels), 128, dtype=np.uint8), activation)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_picture_is_brightest_at_the_peak_and_in_grey_has_its_lines(channels: int) -> None:
    picture = shown((0, 3), channels).astype(int)
    assert picture.shape == (64, 64, 3)
    grey = picture.mean(axis=2)
    assert grey[8, 56] > grey[50, 10] + 30
    lines = (picture == 255).all(axis=2)
    assert lines.any()
    assert not lines[32:].any()
    assert not lines[:, :32].any()


@pytest.mark.parametrize("value", [-3.0, 0.0, float("nan")])
def test_where_nothing_speaks_for_the_class_the_image_stays_grey(value: float) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    picture = overlay(pixels, np.full((2, 2), value, dtype=np.float32))
    np.testing.assert_array_equal(picture, np.repeat(np.round(pixels.mean(axis=2, keepdims=True)), 3, axis=2))


def test_in_pre_activation_the_map_is_of_the_activated_maps() -> None:
    made = kinds.classifier("pre-activation")
    pixels, classes = noise(3, kinds.SIZE, 3), torch.tensor([0, 1, 2])
    maps = class_activation_map(made, pixels, classes)
    logits = made.logits(pixels)[torch.arange(3), classes]
    torch.testing.assert_close(maps.mean(dim=(1, 2)) + made.network.fc.bias.detach(), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["max", "average and max", "generalized mean"])
def test_a_pool_that_is_no_mean_has_no_map_and_says_so(kind: str) -> None:
    with pytest.raises(InputError, match='is the logit position by position for pool = "average" alone'):
        class_activation_map(kinds.classifier(kind), noise(1, kinds.SIZE, 3), torch.tensor([0]))
