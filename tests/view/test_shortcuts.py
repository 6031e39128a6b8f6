"""Why a shortcut is what it is, and what the other options would cost there."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from resnets.base.errors import InputError
from resnets.catalog import find
from resnets.spec import Block, BranchKind, ResNetSpec, Stem, blocks
from resnets.structure import structure
from resnets.variants import ShortcutOption, shortcut_option
from resnets.view.shortcuts import LOOKS, Cost, options, rule, why

OPTIONS: tuple[ShortcutOption, ...] = ("A", "B", "C", "D")


def block_of(spec: ResNetSpec, stage: int, index: int) -> Block:
    (block,) = [block for block in blocks(spec) if (block.stage, block.index) == (stage, index)]
    return block


@pytest.mark.parametrize(
    ("name", "stage", "index", "reason"),
    [
        ("resnet50", 1, 0, "channels 64 → 256, stride 1: projection"),
        ("resnet50", 1, 1, "same shape (256 channels, stride 1): identity"),
        ("resnet50", 2, 0, "channels 256 → 512, stride 2: projection"),
        ("resnet18", 1, 0, "same shape (64 channels, stride 1): identity"),
        (
            "resnet34_a", 2, 0,
            "option A pads 64 → 128 channels with zeros and keeps every other row and column (stride 2): no parameters",
        ),
        ("resnet34_a", 2, 1, "same shape (128 channels, stride 1): identity"),
        ("resnet34_c", 1, 0, "same shape (64 channels, stride 1), but option C projects everywhere: projection"),
        ("resnet34_c", 2, 0, "channels 64 → 128, stride 2: projection"),
        ("resnet50d", 1, 0, "channels 64 → 256, stride 1: projection"),
        (
            "resnet50d", 3, 0,
            "channels 512 → 1024, stride 2: 2×2 average pool, then projection of stride 1 (ResNet-D)",
        ),
    ],
)  # fmt: skip
def test_a_shortcut_is_what_it_is_for_a_reason_with_numbers(name: str, stage: int, index: int, reason: str) -> None:
    spec = find(name).spec
    assert why(spec, block_of(spec, stage, index)) == reason


def test_a_shape_that_stays_is_named_whole_where_it_is_known() -> None:
    spec = find("resnet50").spec
    assert why(spec, block_of(spec, 1, 1), (256, 56, 56)) == "same shape (256 × 56 × 56): identity"


def test_padding_says_only_what_it_does() -> None:
    wider = ResNetSpec(depths=(1,), widths=(64,), shortcut="pad")
    assert why(wider, block_of(wider, 1, 0)) == "option A pads 64 → 256 channels with zeros: no parameters"
    smaller = ResNetSpec(depths=(1, 1), widths=(64, 64), block="basic", shortcut="pad")
    assert why(smaller, block_of(smaller, 2, 0)) == (
        "option A keeps every other row and column (stride 2): no parameters"
    )


def test_channels_that_stay_under_a_stride_are_said_to_stay() -> None:
    spec = ResNetSpec(depths=(1, 1), widths=(64, 64), block="basic")
    assert why(spec, block_of(spec, 2, 0)) == "channels stay 64, stride 2: projection"


@pytest.mark.parametrize("name", ["resnet18", "resnet34_c", "resnet50", "resnext50_32x4d", "cifar_resnet20"])
@pytest.mark.parametrize("size", [224, (97, 65)])
def test_an_option_costs_what_the_whole_network_with_that_option_pays_there(
    name: str, size: int | tuple[int, int]
) -> None:
    spec = find(name).spec
    built = structure(spec, size)
    for option in OPTIONS:
        other = structure(shortcut_option(spec, option), size)
        for block in blocks(spec):
            shortcut = [
                operation
                for operation in other.stage(f"stage {block.stage}")
                if (operation.block, operation.branch) == (block.index, "shortcut")
            ]
            paid = Cost(sum(row.parameters for row in shortcut), sum(row.macs for row in shortcut))
            assert options(block, built)[option] == paid


def test_options_at_resnet50s_second_stage_cost_the_known_numbers() -> None:
    spec = find("resnet50").spec
    projection = Cost(256 * 512 + 2 * 512, 256 * 512 * 28 * 28)
    assert options(block_of(spec, 2, 0), structure(spec, 224)) == {
        "A": Cost(0, 0), "B": projection, "C": projection, "D": projection,
    }  # fmt: skip
    always = options(block_of(spec, 2, 1), structure(spec, 224))
    assert {option for option, cost in always.items() if cost and cost.macs} == {"C"}


def test_padding_is_impossible_where_channels_shrink_and_only_there() -> None:
    spec = ResNetSpec(depths=(1, 1), widths=(32, 64), block="basic", stem=Stem(widths=(64,)))
    built = structure(spec, 64)
    assert options(block_of(spec, 1, 0), built)["A"] is None
    assert options(block_of(spec, 2, 0), built)["A"] == Cost(0, 0)


def test_only_resnet_ds_shortcut_rounds_down_as_max_pools_do() -> None:
    spec = find("cifar_resnet8_wide").spec
    built = structure(spec, 32)
    pooled = Cost(64 * 256 + 2 * 256, 64 * 256 * 7 * 7)  # from 15 x 15 positions
    assert options(block_of(spec, 2, 0), built) == {"A": None, "B": None, "C": None, "D": pooled}


def test_a_block_that_the_network_does_not_have_is_refused() -> None:
    spec = find("resnet18").spec
    stranger = replace(block_of(spec, 2, 0), index=7)
    with pytest.raises(InputError, match=re.escape("stage 2, block 7: the network has no such block")):
        options(stranger, structure(spec, 64))


def test_every_kind_of_shortcut_has_its_own_stroke_and_names() -> None:
    assert set(LOOKS) == set(get_args(BranchKind))
    for names in ("label", "short", "sign", "meaning", "dash"):
        assert len({getattr(look, names) for look in LOOKS.values()}) == len(LOOKS)


def test_a_networks_rule_names_the_option() -> None:
    assert rule(find("resnet34_a").spec.shortcut) == "shortcuts pad where the shape changes (option A)"
    assert rule(find("resnet50d").spec.shortcut).endswith("(ResNet-D)")
