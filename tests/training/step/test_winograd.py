"""The gradients of 3x3 kernels in Winograd's basis, against torch's own in float64, and where they are found so."""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnets import resnet
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import Batch
from resnets.network import ResNet
from resnets.training import execution
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step import winograd
from resnets.training.step.step import Step
from resnets.training.step.winograd import WinogradGradients, kernel_gradient, pays

TOLERANCE = 2e-5  # of the largest gradient: torch's own float32 gradients are off by up to 3e-5 for such sums


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def in_float64(images: Tensor, gradient: Tensor) -> Tensor:
    kernel = torch.zeros(gradient.shape[1], images.shape[1], 3, 3, dtype=torch.float64, requires_grad=True)
    F.conv2d(images.double(), kernel, padding=1).backward(gradient.double())
    assert kernel.grad is not None
    return kernel.grad


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the images for which a kernel's gradient was found in Winograd's basis."""
    shapes: list[tuple[int, ...]] = []

    def noted(images: Tensor, gradient: Tensor) -> Tensor:
        shapes.append(tuple(images.shape))
        return kernel_gradient(images, gradient)

    monkeypatch.setattr(winograd, "kernel_gradient", noted)
    return shapes


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (7, 5, 13, 10), (1, 4, 1, 3), (40, 64, 4, 4), (5, 33, 57, 18)])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_the_gradient_is_that_of_float64(shape: tuple[int, int, int, int], memory_format: torch.memory_format) -> None:
    images = random(*shape).contiguous(memory_format=memory_format)
    gradient = random(shape[0], 6, *shape[2:], seed=1).contiguous(memory_format=memory_format)
    expected = in_float64(images, gradient)
    found = kernel_gradient(images, gradient)
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, atol=TOLERANCE * float(expected.abs().max()), rtol=0)


def test_images_are_taken_a_few_at_a_time_and_none_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    images, gradient = random(7, 3, 8, 8), random(7, 4, 8, 8, seed=1)
    whole = kernel_gradient(images, gradient)
    monkeypatch.setattr(winograd, "AT_ONCE", 1)
    monkeypatch.setattr(winograd, "FEWEST_AT_ONCE", 8)  # tiles: two images
    found = kernel_gradient(images, gradient)
    torch.testing.assert_close(found, whole, atol=TOLERANCE * float(whole.abs().max()), rtol=0)


def wide() -> ResNet:
    torch.manual_seed(0)
    return resnet("cifar_resnet20", depths=(1, 1), widths=(64, 64), stem={"widths": [64]}, num_classes=4)


def gradients(network: ResNet, *, within: WinogradGradients | None) -> list[Tensor]:
    network = network.to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue] # torch has it
    network.zero_grad()
    with within or nullcontext():
        F.cross_entropy(network(random(16, 3, 16, 16)), torch.arange(16) % 4).backward()
    return [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]


def test_a_network_gets_the_same_gradients_from_the_convolutions_that_it_suits(asked: list[tuple[int, ...]]) -> None:
    network = wide()
    usual = gradients(network, within=None)
    assert not asked
    found = gradients(network, within=WinogradGradients())
    assert asked == [(16, 64, 8, 8), (16, 64, 16, 16), (16, 64, 16, 16)]  # not the stem's, nor the strided one's
    for one, other in zip(found, usual, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4 * float(other.abs().max()), rtol=0)


def test_a_block_that_is_computed_again_for_its_gradients_is_computed_the_same_way(
    asked: list[tuple[int, ...]],
) -> None:
    network = wide()
    found = gradients(network, within=WinogradGradients())
    network.gradient_checkpointing = True
    again = gradients(network, within=WinogradGradients())
    assert len(asked) == 6
    assert all(map(torch.equal, again, found))


def frozen(convolution: nn.Conv2d) -> nn.Conv2d:
    return convolution.requires_grad_(requires_grad=False)


@pytest.mark.parametrize(
    "make",
    {
        "few channels": lambda: nn.Conv2d(64, 63, 3, padding=1, bias=False),
        "another kernel": lambda: nn.Conv2d(64, 64, 1, bias=False),
        "stride": lambda: nn.Conv2d(64, 64, 3, 2, padding=1, bias=False),
        "no padding": lambda: nn.Conv2d(64, 64, 3, bias=False),
        "dilation": lambda: nn.Conv2d(64, 64, 3, padding=1, dilation=2, bias=False),
        "groups": lambda: nn.Conv2d(128, 128, 3, padding=1, groups=2, bias=False),
        "a bias": lambda: nn.Conv2d(64, 64, 3, padding=1),
        "a frozen kernel": lambda: frozen(nn.Conv2d(64, 64, 3, padding=1, bias=False)),
    }.items(),
    ids=lambda case: case[0],
)
def test_other_convolutions_are_torchs(make: tuple[str, Callable[[], nn.Conv2d]], asked: list[tuple[int, ...]]) -> None:
    convolution = make[1]()
    with WinogradGradients():
        convolution(random(8, convolution.in_channels, 16, 16).requires_grad_()).sum().backward()
    assert not asked


def test_it_is_for_float32_gradients_of_enough_tiles() -> None:
    kernel = random(64, 64, 3, 3).requires_grad_()
    images = random(4, 64, 16, 16)
    assert pays(images, kernel)
    assert not pays(images[:3], kernel)  # 48 tiles
    assert not pays(images.double(), kernel)
    with torch.no_grad():
        assert not pays(images, kernel)
    with torch.autocast("cpu", torch.bfloat16):
        assert not pays(images, kernel)


def test_a_step_of_training_takes_this_way_where_the_plan_says_so(
    asked: list[tuple[int, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    losses: list[list[float]] = []
    random_pixels = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (16, 16, 16, 3), dtype=torch.uint8, generator=random_pixels)
    batch = Batch(pixels, torch.arange(16) % 4)
    for way in (Execution(), Execution(winograd=True)):
        classifier = Classifier(network=wide(), classes=tuple("abcd"), preprocessing=Preprocessing(size=16, resize=16))
        recipe = Recipe(batch_size=16, lr=0.05)
        step = Step(classifier, recipe, way, class_counts=np.full(4, 4), steps=10, images=16)
        with step.epoch(0):
            losses.append([float(step(batch, 0, number)[0]) for number in range(2)])
    assert len(asked) == 2 * 3  # steps and convolutions, of the second way alone
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)  # float32 after a step
    assert not caplog.records


def test_the_clock_of_ways_times_this_one(asked: list[tuple[int, ...]]) -> None:
    clock = execution.step_clock(wide(), random(16, 3, 16, 16), torch.arange(16) % 4)
    clock(Execution())
    assert not asked
    clock(dataclasses.replace(Execution(), winograd=True))
    assert len(asked) == 3 * (1 + execution.STEPS)
