"""Whole modules and TorchScript record strides: a network of another topology with the same shapes is refused."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from resnets.base.errors import InputError
from resnets.weights.conversion import convert
from tests.peers import torchvision
from tests.weights.publishers import cifar, imagenet
from tests.weights.test_foreign_layouts import images, trained


def set_to(module: nn.Module, name: str, **fields: int) -> None:
    for field, value in fields.items():
        setattr(module.get_submodule(name), field, (value, value))


def stride_at_the_second(module: nn.Module) -> None:
    set_to(module, "layer2.0.conv1", stride=1)
    set_to(module, "layer2.0.conv2", stride=2)


def stride_at_the_stages_end(module: nn.Module) -> None:
    set_to(module, "layer1.1.conv2", stride=2)
    set_to(module, "layer2.0.conv1", stride=1)
    set_to(module, "layer2.0.downsample.0", stride=1)


def stem_without_stride(module: nn.Module) -> None:
    set_to(module, "conv1", stride=1)


def dilated(module: nn.Module) -> None:
    set_to(module, "layer3.1.conv1", dilation=2, padding=2)


def unpadded(module: nn.Module) -> None:
    set_to(module, "layer3.1.conv1", padding=0)


CHANGES: dict[str, tuple[Callable[[nn.Module], None], str]] = {
    "stride at a block's second convolution": (stride_at_the_second, "layer2.0.conv1 has stride 1 in the file, and"),
    "stride at a stage's end": (stride_at_the_stages_end, "layer1.1.conv2 has stride 2 in the file, and"),
    "a stem without stride": (stem_without_stride, "conv1 has stride 1 in the file, and conv1 of the network 2:"),
    "dilation": (dilated, "layer3.1.conv1 has padding 2 in the file, and layer3.1.conv1 of the network 1:"),
    "no padding": (unpadded, "layer3.1.conv1 has padding 0 in the file, and"),
}


def spec(folder: Path) -> Path:
    path = folder / "small.toml"
    path.write_text(
        "depths = [2, 2, 2]\nwidths = [8, 12, 16]\nblock = 'basic'\nstem = {widths = [8]}\nnum_classes = 5\n"
    )
    return path


def refusal(path: Path, network: Path | None) -> str:
    with pytest.raises(InputError) as caught:
        convert(path, network)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "the file's network has another topology" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("named", [True, False])
def test_what_is_changed_below_converts_as_it_is(named: bool, tmp_path: Path) -> None:
    torch.save(imagenet.Torchvision(5, basic=True), tmp_path / "w.pt")
    assert convert(tmp_path / "w.pt", spec(tmp_path) if named else None)[1]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_pickled_module_of_another_topology_is_refused(what: str, named: bool, tmp_path: Path) -> None:
    change, words = CHANGES[what]
    module = imagenet.Torchvision(5, basic=True)
    change(module)
    torch.save(module, tmp_path / "w.pt")
    assert words in refusal(tmp_path / "w.pt", spec(tmp_path) if named else None)


def test_a_module_in_a_dictionary_and_a_wrapper_is_read_as_well(tmp_path: Path) -> None:
    module = imagenet.Torchvision(5, basic=True)
    dilated(module)
    torch.save({"epoch": 3, "net": nn.DataParallel(module)}, tmp_path / "w.pt")
    assert "layer3.1.conv1 has padding 2 in the file" in refusal(tmp_path / "w.pt", spec(tmp_path))


def strided_first(module: nn.Module) -> nn.Module:
    for number in (3, 4, 5):
        set_to(module, f"conv{number}_x.0.residual_function.0", stride=2)
        set_to(module, f"conv{number}_x.0.residual_function.3", stride=1)
    return module


@pytest.mark.parametrize("first", [False, True])
def test_where_the_stride_stands_is_read_rather_than_guessed(first: bool, tmp_path: Path) -> None:
    module = cifar.Weiaicunzai(bottleneck=True)
    module = trained(strided_first(module) if first else module, 32)
    torch.save(module, tmp_path / "w.pt")
    classifier, notes = convert(tmp_path / "w.pt")
    assert classifier.network.spec.stride_at == ("conv1" if first else "conv2")
    assert not any("with a stride or a pool elsewhere" in note for note in notes)
    given = images(32, 9, 4)
    with torch.inference_mode():
        torch.testing.assert_close(classifier.network.eval()(given), module(given), rtol=1e-4, atol=1e-4)


def test_names_of_nobodys_and_strides_of_another_network_are_refused(tmp_path: Path) -> None:
    module = cifar.Weiaicunzai()
    set_to(module, "conv4_x.0.residual_function.0", stride=1)
    set_to(module, "conv4_x.0.shortcut.0", stride=1)
    torch.save(module, tmp_path / "w.pt")
    assert "looks like a network of 2-2-2-2 basic blocks" in refusal(tmp_path / "w.pt", None)
    assert "conv4_x.0.residual_function.0 has stride 1 in the file" in refusal(tmp_path / "w.pt", None)


@pytest.mark.parametrize("way", [torch.jit.script, lambda one: torch.jit.trace(one, images(64, 9, 1))])
def test_torchscript_of_another_topology_is_refused(way: Callable[[nn.Module], Any], tmp_path: Path) -> None:
    resnet = torchvision.models.resnet
    network = resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], 5, replace_stride_with_dilation=[False, False, True])
    named = tmp_path / "small.toml"
    named.write_text("base = 'resnet50'\ndepths = [1, 1, 1, 1]\nnum_classes = 5\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(way(network.eval()), tmp_path / "w.pt")
    assert "layer4.0.conv2 has stride 1 in the file, and" in refusal(tmp_path / "w.pt", named)
    named.write_text("base = 'resnet50'\ndepths = [1, 1, 1, 1]\nnum_classes = 5\noutput_stride = 16\n")
    assert convert(tmp_path / "w.pt", named)[1]


def test_a_network_of_another_topology_is_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    module = imagenet.Torchvision(5, basic=True)
    stem_without_stride(module)
    torch.save(module, tmp_path / "w.pt")
    assert "if you know better, converting it with trust=True takes it as it is" in refusal(
        tmp_path / "w.pt", spec(tmp_path)
    )
    assert convert(tmp_path / "w.pt", spec(tmp_path), trust=True)[1]
