"""Batch norms held against what their convolutions make of photographs."""

import pytest
import torch
from torch import nn

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.spec import ResNetSpec, Stem
from resnets.weights import plausibility


@pytest.fixture
def network() -> ResNet:
    """Random kernels, and the statistics that they give."""
    torch.manual_seed(0)
    spec = ResNetSpec(depths=(2, 2), widths=(8, 8), block="basic", num_classes=3,
                      stem=Stem(widths=(8,), kernel=3, stride=1, pool="none"))  # fmt: skip
    made = ResNet(spec)
    for norm in made.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)
            norm.momentum = 1.0
    with torch.no_grad():
        made.train()(plausibility.photographs(made).flip(0, 3))
    return made.eval()


def test_a_network_agrees_with_its_own_statistics_and_is_left_as_it_was(network: ResNet) -> None:
    before = {name: one.clone() for name, one in network.state_dict().items()}
    assert plausibility.check(network)[0].startswith("its batch norms agree with its layers in this order")
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())


def test_exchanged_blocks_are_named(network: ResNet) -> None:
    blocks = list(network.get_submodule("layer1").children())
    network.add_module("layer1", nn.Sequential(*reversed(blocks)))
    with pytest.raises(InputError, match=r"layer1\.0 and layer1\.1 stand in the wrong order"):
        plausibility.check(network)


def test_a_norm_of_another_layer_is_named(network: ResNet) -> None:
    norm = network.get_submodule("layer2.1.bn1")
    with torch.no_grad():
        norm.get_buffer("running_var").mul_(9)
    with pytest.raises(InputError, match=r"the statistics of layer2\.1\.bn1 are not those of the convolution"):
        plausibility.check(network)


def test_one_norm_that_was_never_trained_among_others_is_refused(network: ResNet) -> None:
    norm = network.get_submodule("layer2.1.bn1")
    assert isinstance(norm, nn.BatchNorm2d)
    norm.reset_running_stats()
    with pytest.raises(InputError, match=r"layer2\.1\.bn1 are those of a norm that was never trained"):
        plausibility.check(network)


def test_negative_variances_are_refused(network: ResNet) -> None:
    network.get_submodule("bn1").get_buffer("running_var").neg_()
    with pytest.raises(InputError, match="the variance of bn1 has negative values"):
        plausibility.check(network)


def test_a_network_that_was_never_trained_is_said_to_be_unchecked(network: ResNet) -> None:
    assert "could not be checked" in plausibility.check(ResNet(network.spec))[0]
