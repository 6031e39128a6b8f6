"""Files that are no weights of this family, or weights put together wrongly: refused in one line that says why."""

import os
import pickle
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.weights.conversion import convert
from tests.peers import torchvision
from tests.weights.publishers import cifar
from tests.weights.test_foreign_layouts import trained

Weights = dict[str, Tensor]


@cache
def _right() -> Weights:
    torch.manual_seed(0)
    module = trained(cifar.Kuangliu(), 32)
    return {name.replace("layer", "group").replace("linear", "out"): one for name, one in module.state_dict().items()}


def right() -> Weights:
    """A network's weights under names of nobody's, which convert."""
    return {name: tensor.clone() for name, tensor in _right().items()}


def exchanged(*pairs: tuple[str, str]) -> Weights:
    """The right weights, with what stands under each two prefixes exchanged."""
    tensors = right()
    before = right()
    for one, two in pairs:
        for name in before:
            if name.startswith(f"{one}."):
                other = f"{two}{name.removeprefix(one)}"
                tensors[name], tensors[other] = before[other], before[name]
    return tensors


def changed(change: Callable[[str, Tensor], Tensor]) -> Weights:
    return {name: change(name, tensor) for name, tensor in right().items()}


def without(*starts: str) -> Weights:
    return {name: tensor for name, tensor in right().items() if not name.startswith(starts)}


def twice() -> Weights:
    tensors: Weights = {}
    for name, tensor in right().items():
        tensors[name] = tensor
        if name == "group2.0.conv2.weight":
            tensors["group2.0.conv3.weight"] = tensor
    return tensors


def shuffled(name: str) -> Weights:
    """The channels of one norm in another order."""
    return changed(lambda one, x: x.flip(0) if one.startswith(f"{name}.") and x.ndim else x)


def preactivated() -> Weights:
    """kuangliu's PreActResNet: a norm before each convolution, none behind the stem, bare shortcuts."""
    tensors: Weights = {"conv1.weight": torch.randn(8, 3, 3, 3)}
    for stage, (c_in, width) in enumerate(((8, 8), (8, 16), (16, 32)), 1):
        for index, before in enumerate((c_in, width)):
            place = f"group{stage}.{index}."
            for number, channels in enumerate((before, width), 1):
                norm = nn.BatchNorm2d(channels).state_dict()
                tensors |= {f"{place}bn{number}.{name}": one for name, one in norm.items()}
                tensors[f"{place}conv{number}.weight"] = torch.randn(width, channels, 3, 3)
            if before != width:
                tensors[f"{place}shortcut.0.weight"] = torch.randn(width, before, 1, 1)
    return tensors | {"out.weight": torch.randn(10, 32), "out.bias": torch.randn(10)}


def plain(*channels: int, norms: bool = False) -> nn.Module:
    """Convolutions in a row, and linear layers behind them: VGG, with norms and without."""
    layers: list[nn.Module] = []
    for one, two in zip((3, *channels), channels, strict=False):
        layers += [nn.Conv2d(one, two, 3, padding=1), *([nn.BatchNorm2d(two)] if norms else []), nn.ReLU()]
    return nn.Sequential(nn.Sequential(*layers), nn.Sequential(nn.Linear(channels[-1], 20), nn.Linear(20, 10)))


def alexnet() -> nn.Module:
    layers = nn.Conv2d(3, 8, 11, 4), nn.Conv2d(8, 16, 5), nn.Conv2d(16, 24, 3), nn.Conv2d(24, 16, 3)
    return nn.Sequential(nn.Sequential(*layers), nn.Sequential(nn.Linear(16 * 36, 20), nn.Linear(20, 10)))


def densenet() -> nn.Module:
    return torchvision.models.DenseNet(4, (2, 2, 1, 1), 8, num_classes=5)


def vision_transformer() -> nn.Module:
    return torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)


def convnext() -> nn.Module:
    setting = torchvision.models.convnext.CNBlockConfig
    return torchvision.models.ConvNeXt([setting(8, 16, 1), setting(16, None, 1)], num_classes=5)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "a VGG": lambda: plain(8, 8, 16, 16, 32, 32),
    "a VGG with norms": lambda: plain(8, 8, 16, 16, 32, 32, norms=True),
    "an AlexNet": alexnet,
    "a DenseNet": densenet,
    "a vision transformer": vision_transformer,
    "a MobileNet": lambda: torchvision.models.mobilenet_v3_small(num_classes=5, width_mult=0.25),
    "a SqueezeNet": lambda: torchvision.models.squeezenet1_1(num_classes=5),
    "a ConvNeXt": convnext,
    "an LSTM": lambda: nn.LSTM(8, 16, 2),
}

STATISTICS = r"(divergence|wrong order)"
# What is wrong -> the weights, and what the line must say.
WEIGHTS: dict[str, tuple[Callable[[], Any], str]] = {
    "a convolution is missing": (lambda: without("group2.1.conv2.weight"), "fit no network"),
    "a norm is missing": (lambda: without("group2.1.bn2"), "fit no network"),
    "a layer stands twice": (twice, "fit no network"),
    "a stage's first block is missing": (lambda: without("group2.0"), "fit no network"),
    "kernels are transposed as TensorFlow has them": (
        lambda: changed(lambda _, x: x.permute(2, 3, 1, 0) if x.ndim == 4 else x), "fit no network|no convolution",
    ),
    "all kernels have in and out exchanged": (
        lambda: changed(lambda _, x: x.transpose(0, 1) if x.ndim == 4 else x), "fit no network",
    ),
    "square kernels have in and out exchanged": (
        lambda: changed(lambda _, x: x.transpose(0, 1) if x.ndim == 4 and len(x) == x.shape[1] else x), STATISTICS,
    ),
    "one square kernel has in and out exchanged": (
        lambda: changed(lambda name, x: x.transpose(0, 1) if name == "group3.1.conv1.weight" else x), "layer3.1.bn1",
    ),
    "two blocks are exchanged": (lambda: exchanged(("group1.0", "group1.1")), STATISTICS),
    "two layers of a block are exchanged": (
        lambda: exchanged(("group1.1.conv1", "group1.1.conv2"), ("group1.1.bn1", "group1.1.bn2")), STATISTICS,
    ),
    "two norms are exchanged": (lambda: exchanged(("group2.1.bn1", "group2.1.bn2")), STATISTICS),
    "two convolutions are exchanged": (lambda: exchanged(("group3.1.conv1", "group3.1.conv2")), STATISTICS),
    "a norm has its channels in another order": (lambda: shuffled("group3.0.bn1"), "layer3.0.bn1"),
    "a norm has fresh statistics": (
        lambda: changed(
            lambda name, x: torch.full_like(x, float(name.endswith(("var", "weight"))))
            if name.startswith("group2.1.bn1.") and x.ndim
            else x
        ),
        "layer2.1.bn1 are those of a norm that was never trained",
    ),
    "all kernels are random": (lambda: changed(lambda _, x: torch.randn_like(x) if x.ndim == 4 else x), STATISTICS),
    "variances are negative": (lambda: changed(lambda name, x: -x if name.endswith("var") else x), "negative"),
    "pre-activation": (preactivated, "fit no network"),
    "no number": (lambda: changed(lambda _, x: x * float("nan") if x.is_floating_point() else x), "diverged"),
    "whole numbers": (lambda: changed(lambda _, x: x.to(torch.int8)), "w.pth"),
    "no weights": (dict, "holds no weights; its entries are none"),
    "the optimizer's state alone": (
        lambda: {"optimizer": {"state": {0: {"exp_avg": torch.randn(8, 3, 3, 3)}}, "param_groups": []}}, "no weights",
    ),
    "arrays without names": (lambda: [np.zeros((8, 3, 3, 3), np.float32)], "holds a list"),
    "one number": (lambda: 3.14, "holds a float"),
}  # fmt: skip


def refusal(path: Path, network: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        convert(path, network, new_head=True)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert path.name in message
    return message


def test_what_is_changed_below_converts_as_it_is(tmp_path: Path) -> None:
    torch.save(right(), tmp_path / "w.pth")
    assert convert(tmp_path / "w.pth")[1]


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_put_together_wrongly_are_refused(what: str, tmp_path: Path) -> None:
    made, words = WEIGHTS[what]
    torch.save(made(), tmp_path / "w.pth")
    assert re.search(words, refusal(tmp_path / "w.pth"))


def test_what_only_statistics_speak_against_is_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    torch.save(exchanged(("group1.0", "group1.1")), tmp_path / "w.pth")
    assert "if you know better, converting it with trust=True takes it as it is" in refusal(tmp_path / "w.pth")
    classifier, notes = convert(tmp_path / "w.pth", trust=True)
    assert torch.equal(classifier.network.state_dict()["layer1.0.conv1.weight"], right()["group1.1.conv1.weight"])
    assert any(re.match(rf"taken as asked, though .*{STATISTICS}", note) for note in notes)


def test_a_trained_vgg_with_norms_is_no_network_whose_shortcuts_have_no_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    body = plain(8, 16, 16, 32, 32, norms=True)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    module = trained(nn.Sequential(next(body.children()), *head), 32)
    torch.save(module.state_dict(), tmp_path / "w.pth")
    assert "a plain row of layers such as a VGG" in refusal(tmp_path / "w.pth")


@pytest.mark.parametrize("network", [None, "resnet18"])
@pytest.mark.parametrize("what", MODULES)
def test_networks_of_another_family_are_refused(what: str, network: str | None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(MODULES[what]().state_dict(), tmp_path / "w.pth")
    refusal(tmp_path / "w.pth", network)


def test_a_named_network_that_it_is_not_names_the_first_layer_that_does_not_fit(tmp_path: Path) -> None:
    torch.save(right(), tmp_path / "w.pth")
    message = refusal(tmp_path / "w.pth", "cifar_resnet20")
    assert "convolutions, where the network has" in message
    assert "conv1 has the shape (8, 3, 3, 3); stem of the network has (16, 3, 3, 3)" in message


TEXT = {
    "text": (b"the quick brown fox\n" * 50, "w.pth"),
    "a page": (b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "a web page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 100\n", "LFS"),
    "nothing": (b"", "w.pth"),
}


@pytest.mark.parametrize("what", TEXT)
def test_files_that_hold_no_weights_are_named_for_what_they_are(what: str, tmp_path: Path) -> None:
    content, words = TEXT[what]
    (tmp_path / "w.pth").write_bytes(content)
    assert words in refusal(tmp_path / "w.pth")


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    torch.save(right(), tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(tmp_path / "w.pth")


class _Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_is_refused_and_the_code_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"state_dict": _Canary(tmp_path / "sang")}))
    message = refusal(tmp_path / "w.pth")
    assert "mkdir" in message
    assert not (tmp_path / "sang").exists()
