"""The network that a file's layers are of, from their shapes."""

from dataclasses import replace

import pytest
import torch

from resnets.base.errors import InputError
from resnets.catalog import find
from resnets.network import ResNet
from resnets.spec import ResNetSpec, Stem
from resnets.weights.guessing import Guess, guess
from resnets.weights.layers import grouped, ordered

SMALL = Stem(widths=(8,), kernel=3, stride=1, pool="none")
LARGE = Stem(widths=(8,))
DEEP = Stem(widths=(4, 4, 8), kernel=3)
SPECS = {
    "basic": ResNetSpec(depths=(1, 2), widths=(8, 12), block="basic", stem=SMALL, num_classes=3),
    "bottlenecks": ResNetSpec(depths=(2, 1, 1), widths=(4, 8, 12), stem=LARGE, num_classes=5),
    "grouped": ResNetSpec(depths=(1, 1), widths=(16, 32), stem=LARGE, groups=2, group_width=16, num_classes=5),
    "deep stem": ResNetSpec(depths=(1, 2), widths=(8, 12), stem=DEEP, shortcut="pooled-projection", num_classes=5),
    "one channel": ResNetSpec(depths=(1, 1), widths=(8, 12), block="basic", stem=SMALL, in_channels=1, num_classes=3),
}


def guessed(spec: ResNetSpec) -> Guess:
    torch.manual_seed(0)
    return guess(ordered(grouped(ResNet(spec).state_dict())))


@pytest.mark.parametrize("name", SPECS)
def test_a_custom_spec_is_found_from_the_shapes(name: str) -> None:
    assert guessed(SPECS[name]).row.spec == SPECS[name]


def test_a_row_of_the_catalog_is_found_by_its_name_and_the_classes_are_the_files() -> None:
    row = find("cifar_resnet20")
    found = guessed(replace(row.spec, shortcut="projection", num_classes=4))
    assert found.row.spec.num_classes == 4
    assert any("by the shapes of its layers" in note for note in found.notes)


def test_networks_of_the_same_shapes_are_named() -> None:
    assert any(
        "the same shapes, with a stride or a pool elsewhere" in note for note in guessed(SPECS["bottlenecks"]).notes
    )


def test_shortcuts_without_weights_in_an_untrained_file_are_not_guessed() -> None:
    with pytest.raises(InputError, match="a plain row of layers such as a VGG too"):
        guessed(replace(SPECS["basic"], shortcut="pad"))
