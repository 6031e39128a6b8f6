"""Whitening against scikit-learn's, and in a run."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from torch import Tensor, nn

import resnets
from resnets import resnet
from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.spec import Stem
from resnets.training.recipes.recipe import Recipe
from resnets.training.step.whitening import LEAST_VARIANCE, whiten
from tests import pictures


def images(count: int = 40, size: int = 24, channels: int = 3) -> Tensor:
    """Smooth noise, as neighbours in photographs are alike."""
    noise = torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))
    return 4 * F.avg_pool2d(noise, 3, stride=1, padding=1) + 0.3


def first_convolution(network: ResNet) -> nn.Conv2d:
    return next(module for module in network.modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize(("name", "channels"), [("cifar_resnet20", 3), ("resnet18", 3), ("resnet50d", 1)])
def test_the_first_filters_are_the_principal_directions_of_scikit_learn(name: str, channels: int) -> None:
    network = resnet(name, in_channels=channels)
    convolution = first_convolution(network)
    seen = images(channels=channels)
    whiten(network, seen)
    patches = F.unfold(seen, convolution.kernel_size, stride=convolution.stride[0]).transpose(1, 2).flatten(0, 1)
    theirs = PCA(svd_solver="covariance_eigh").fit(patches.double().numpy())
    filters = convolution.weight.detach().flatten(1)[0::2].double().numpy()[: patches.shape[1]]
    scale = np.sqrt(theirs.explained_variance_[: len(filters)] + LEAST_VARIANCE)
    alike = np.abs((filters * scale[:, None] * theirs.components_[: len(filters)]).sum(1))
    assert alike == pytest.approx(1, abs=1e-3)  # theirs up to its sign; ours went through float32


def test_responses_have_variance_one_and_no_correlation() -> None:
    network = resnet("cifar_resnet20", stem=Stem(widths=(54,), kernel=3, stride=1, pool="none"), shortcut="projection")
    seen = images()
    whiten(network, seen)
    weight = first_convolution(network).weight.detach()
    assert torch.equal(weight[0::2], -weight[1::2])
    responses = F.conv2d(seen, weight[0::2]).transpose(0, 1).flatten(1)
    assert np.cov(responses.numpy()) == pytest.approx(np.eye(27), abs=0.01)  # LEAST_VARIANCE is 0.7% of the least


def test_channels_beyond_the_directions_keep_their_weights() -> None:
    network = resnet(
        "cifar_resnet20", in_channels=1, stem=Stem(widths=(24,), kernel=3, stride=1, pool="none"), shortcut="projection"
    )
    before = first_convolution(network).weight.detach().clone()
    whiten(network, images(channels=1))
    after = first_convolution(network).weight.detach()
    assert torch.equal(after[18:], before[18:])
    assert not torch.isclose(after[:18], before[:18]).all(dim=(1, 2, 3)).any()


def test_a_run_begins_with_it_and_learns(tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos", count=20)
    spec = {"depths": [1, 1, 1], "widths": [8, 16, 32], "stem": {"widths": [8]}}
    settings = {"epochs": 4, "batch_size": 8, "lr": 0.02, "spec": spec}
    plain, whitened = (
        resnets.train(photos, out=tmp_path / name, settings={**settings, "whiten": whitened}, plan="usual")
        for name, whitened in (("plain", False), ("whitened", True))
    )
    ours, theirs = (first_convolution(one.network).weight.detach().flatten(1) for one in (whitened, plain))
    opposites = F.cosine_similarity(ours[0::2], ours[1::2])
    assert (opposites < -0.5).all()  # as they began
    assert not (F.cosine_similarity(theirs[0::2], theirs[1::2]) < -0.5).all()
    assert whitened.metrics["val"]["top1"] > 0.6  # three classes


def test_a_first_convolution_at_rate_zero_stays_and_a_head_may_start_at_zero(tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos", count=6)
    settings = {"epochs": 3, "batch_size": 8, "whiten": True, "head": "zero", "spec": {"depths": [1, 1, 1]}}
    still = resnets.train(photos, out=tmp_path / "still", settings={**settings, "lr": 0.0}, plan="usual")
    moved = resnets.train(photos, out=tmp_path / "moved", settings={**settings, "first_lr": 0.0}, plan="usual")
    assert torch.equal(first_convolution(still.network).weight, first_convolution(moved.network).weight)
    assert not still.network.fc.weight.any()
    assert not still.network.fc.bias.any()
    assert moved.network.fc.weight.any()
    assert not torch.equal(still.network.bn1.weight, moved.network.bn1.weight)


def test_weights_and_whitening_exclude_each_other() -> None:
    with pytest.raises(InputError, match="whiten: replaces the first layer of the trained weights"):
        Recipe(whiten=True, weights="resnet18.safetensors")
