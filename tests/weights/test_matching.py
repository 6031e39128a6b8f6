"""A file's layers held against a network's, by order and shape."""

import re

import pytest
import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.spec import ResNetSpec, Stem
from resnets.weights.layers import grouped, ordered
from resnets.weights.matching import match

SPEC = ResNetSpec(
    depths=(2, 1), widths=(4, 8), block="basic", stem=Stem(widths=(4,), kernel=3, stride=1, pool="none"), num_classes=3
)


def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return ResNet(SPEC).state_dict()


def matched(tensors: dict[str, Tensor], *, kept: bool = True) -> dict[str, Tensor]:
    return match(ordered(grouped(tensors), kept=kept), SPEC).tensors()


def refusal(tensors: dict[str, Tensor], *, kept: bool = True) -> str:
    with pytest.raises(InputError) as caught:
        matched(tensors, kept=kept)
    return str(caught.value)


def test_names_that_say_nothing_are_matched_by_order() -> None:
    ours = {name: one for name, one in weights().items() if not name.endswith("tracked")}
    found = matched({f"param_{number}": one for number, one in enumerate(ours.values())})
    assert all(torch.equal(found[name], one) for name, one in ours.items())


def test_a_shortcut_may_stand_before_its_branch() -> None:
    ours = weights()
    first = [name for name in ours if "downsample" in name]
    names = [name for name in ours if name not in first]
    place = names.index("layer2.0.conv1.weight")
    theirs = {name.replace("layer", "s").replace("downsample", "side"): ours[name]
              for name in [*names[:place], *first, *names[place:]]}  # fmt: skip
    found = matched(theirs)
    assert all(torch.equal(found[name], one) for name, one in ours.items())


def test_each_layer_is_explained() -> None:
    lines = match(ordered(grouped({f"net.{name}": one for name, one in weights().items()})), SPEC).explained()
    assert len(lines) == 2 * 8 + 1  # eight convolutions with their norms, and the classifier
    assert re.fullmatch(r"net\.layer2\.0\.conv1 +->  layer2\.0\.conv1  8 x 4 x 3 x 3", lines[10])


def test_a_bias_before_a_norm_goes_into_its_mean() -> None:
    theirs: dict[str, Tensor] = {}
    for name, one in weights().items():
        theirs[f"net.{name}"] = one
        if name == "layer1.1.conv2.weight":
            theirs["net.layer1.1.conv2.bias"] = torch.arange(4.0)
    assert torch.equal(matched(theirs)["layer1.1.bn2.running_mean"], -torch.arange(4.0))


def test_the_first_layer_that_does_not_fit_is_named() -> None:
    missing = {name: one for name, one in weights().items() if "layer1.1.conv2" not in name}
    assert refusal(missing) == (
        "7 convolutions, where the network has 8; layer2.0.conv1 has the shape (8, 4, 3, 3); stage 1, block 1 of the "
        "network has (4, 4, 3, 3) there"
    )
    narrow = {name: one[:6] if "layer2.0.conv1" in name else one for name, one in weights().items()}
    assert "layer2.0.conv1 has the shape (6, 4, 3, 3); stage 2, block 0" in refusal(narrow)


def test_an_order_that_the_names_contradict_is_refused() -> None:
    ours = weights()
    late = {name: one for name, one in ours.items() if not name.startswith("layer1.0")}
    late |= {name: one for name, one in ours.items() if name.startswith("layer1.0")}
    assert "so the order of the file is not the order of its names" in refusal(late)


def test_equal_layers_whose_names_do_not_say_which_is_first_are_refused_without_an_order() -> None:
    words = {"conv1": "convolve", "conv2": "expand", "bn1": "convolve_norm", "bn2": "expand_norm"}
    theirs = {}
    for name, one in weights().items():
        stem = name.startswith(("conv1", "bn1", "fc"))
        theirs[name if stem else re.sub("conv1|conv2|bn1|bn2", lambda found: words[found[0]], name)] = one
    assert "their names do not say which of them is" in refusal(theirs, kept=False)


def test_a_part_of_one_block_in_the_module_of_another_is_refused() -> None:
    theirs = {name.replace("layer1.1.conv1", "layer1.0.conv3").replace("layer1.1.bn1", "layer1.0.bn3"): one
              for name, one in weights().items()}  # fmt: skip
    assert "holds a part of stage 1, block 1 and of another block" in refusal(theirs)
