"""Specs: what they refuse, how they turn into each other, how they are written down."""

import dataclasses
import json
from typing import Any

import pytest

from resnets import spec_values, variants
from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.spec import ResNetSpec, Stem, blocks

VALID: dict[str, Any] = {"depths": (1, 1, 1, 1)}

INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "fewer widths than depths": ({"widths": (64, 128)}, "one width for each stage"),
    "more depths than widths": ({"depths": (1, 1, 1, 1, 1)}, "one width for each stage"),
    "no stage": ({"depths": (), "widths": ()}, r"depths = \(\): must be a list of whole numbers"),
    "a depth of zero": ({"depths": (1, 0, 1, 1)}, r"depths\[1\] = 0: must be a whole number from 1 to"),
    "a negative width": ({"widths": (64, 128, -256, 512)}, r"widths\[2\] = -256: must be a whole number"),
    "a depth that is true": ({"depths": (1, True, 1, 1)}, r"depths\[1\] = True: must be a whole number"),
    "a depth in words": ({"depths": ("one", 1, 1, 1)}, r"depths\[0\] = 'one': must be a whole number"),
    "depths that are one number": ({"depths": 4}, "depths = 4: must be a list"),
    "a fraction of a class": ({"num_classes": 10.0}, r"num_classes = 10\.0: must be a whole number"),
    "less than no class": ({"num_classes": -1}, "num_classes = -1: must be a whole number from 0 to"),
    "no channel": ({"in_channels": -3}, "in_channels = -3: must be a whole number from 1 to"),
    "no group": ({"groups": 0}, "groups = 0: must be a whole number from 1 to"),
    "more groups than channels enter a block": (
        {"block": "basic", "stem": Stem(widths=(16,)), "groups": 32, "group_width": 4},
        "16 channels cannot be parted into 32 groups",
    ),
    "group norm of few channels": (
        {"stem": Stem(widths=(24, 24, 64)), "norm": "group"},
        'norm = "group": 24 channels cannot be parted into 32 groups',
    ),
    "a pool of a stem that is no pool": ({"stem": {"pool": "max"}}, "must be a table of its fields"),
    "an unknown attention": ({"attention": "cbam"}, "attention = 'cbam': must be one of none, se, eca"),
    "an unknown activation": ({"activation": "swish"}, "activation = 'swish': must be one of relu, silu, mish"),
    "an output stride of 12": ({"output_stride": 12}, "output_stride = 12: must be 8, 16 or 32"),
    "all dropped out": ({"dropout": 1.0}, r"dropout = 1\.0: must be a number from 0 to below 1"),
    "a first stage that is a third": ({"first_stride": 3}, "first_stride = 3: must be 1 or 2"),
    "an even projection": ({"projection_kernel": 2}, "projection_kernel = 2: must be odd"),
    "a group of half a channel": (
        {"widths": (8, 16, 32, 64), "groups": 32, "group_width": 4},
        "8 \\* 4 / 64 = 0.5 channels; it must be whole",
    ),
    "padding where channels shrink": (
        {"widths": (64, 32, 16, 8), "shortcut": "pad"},
        'channels shrink from 256 to 128: padding only adds channels; use shortcut = "projection"',
    ),
    "padding after too wide a stem": (
        {"block": "basic", "stem": Stem(widths=(128,)), "shortcut": "pad"},
        "channels shrink from 128 to 64",
    ),
    "max pools beside a shortcut that keeps every row": (
        {"antialias": "max"},
        'antialias = "max" with shortcut = "projection": its pools leave a last odd row out, .* use shortcut = "pooled',
    ),
    "an unknown block": ({"block": "inverted"}, "block = 'inverted': must be one of basic, bottleneck"),
    "an unknown shortcut": ({"shortcut": "A"}, "shortcut = 'A': must be one of pad, projection"),
    "an unknown place of the stride": ({"stride_at": "conv3"}, "stride_at = 'conv3': must be one of conv1, conv2"),
    "an unknown pool": ({"pool": "median"}, "pool = 'median': must be one of average, max, both, gem"),
    "an unknown initialization": ({"init": "zeros"}, "init = 'zeros': must be one of he, xresnet"),
    "a flag that is a number": ({"zero_last_norm": 1}, "zero_last_norm = 1: must be true or false"),
    "a stem that is a number": ({"stem": 7}, "stem = 7: must be"),
    "a million blocks": (
        {"depths": (1, 10**6, 1, 1)},
        r"depths\[1\] = 1000000: must be a whole number from 1 to 4,096",
    ),
    "too many blocks together": ({"depths": (4000, 4000, 1, 1)}, r"depths = \(4000, 4000, 1, 1\): 8,002 blocks"),
    "a million stages": ({"depths": (1,) * 10**6, "widths": (1,) * 10**6}, "of which there are at most 16"),
    "ten billion channels": (
        {"in_channels": 10**10},
        "in_channels = 10000000000: must be a whole number from 1 to 65,536",
    ),
    "a width of many digits": ({"widths": (64, 128, 256, 10**5000)}, r"widths\[3\] = a number of thousands of digits"),
    "a billion classes": ({"num_classes": 10**9}, "num_classes = 1000000000: must be"),
    "too many groups": ({"groups": 60_000}, "groups = 60000, group_width = 64: 3,840,000 channels in a block"),
    "more weights than a memory has": ({"widths": (65_536,) * 4}, "weights; at most 2,147,483,648"),
}


@pytest.mark.usefixtures("unchecked")  # the types are wrong on purpose
@pytest.mark.parametrize(("fields", "rule"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_spec_is_refused_by_the_rule_it_breaks(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        ResNetSpec(**VALID | fields)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("unchecked")  # the types are wrong on purpose
@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"kernel": 0}, "stem.kernel = 0: must be a whole number"),
        ({"stride": "2"}, "stem.stride = '2': must be a whole number"),
        ({"pool": "no"}, "stem.pool = 'no': must be one of max, conv, none"),
        ({"widths": ()}, r"stem.widths = \(\): must be a list"),
        ({"widths": (32, 0)}, r"stem.widths\[1\] = 0: must be a whole number"),
        ({"kernel": 9999}, "stem.kernel = 9999: must be a whole number from 1 to 255"),
        ({"stride": 10**30}, f"stem.stride = {10**30}: must be a whole number from 1 to 255"),
    ],
)
def test_an_invalid_stem_is_refused_by_the_rule_it_breaks(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        Stem(**fields)


@pytest.mark.usefixtures("unchecked")  # the types are wrong on purpose
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "mine: depths is missing: .* depths = "),
        ({"depths": 3}, "mine: depths = 3: must be a list"),
        ({"depths": [1, 0]}, r"mine: depths\[1\] = 0"),
        ({"depths": [1], "shortcuts": "pad"}, "mine: unknown field 'shortcuts'; did you mean shortcut?"),
        ({"depths": [1], "stem": {"kernal": 3}}, "mine, stem: unknown field 'kernal'; did you mean kernel?"),
        ({"depths": [1], "stem": {"kernel": 0}}, "mine: stem.kernel = 0: must be a whole number"),
        ({"depths": [1], "num_classes": "ten"}, "mine: num_classes = 'ten'"),
        ({"depths": [1, 1], "widths": [64]}, "mine: .* one width for each stage"),
    ],
)
def test_values_that_make_no_spec_are_refused_with_where_they_stand(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        spec_values.from_dict(values, where="mine")


@pytest.mark.parametrize("name", CATALOG)
def test_a_spec_survives_json(name: str) -> None:
    spec = find(name).spec
    assert spec_values.from_dict(json.loads(json.dumps(spec_values.to_dict(spec)))) == spec


def test_widths_double_a_stage_where_only_depths_are_given() -> None:
    assert spec_values.from_dict({"depths": [1, 2, 3]}).widths == (64, 128, 256)


def test_fields_of_the_stem_are_replaced_one_by_one() -> None:
    changed = spec_values.with_fields(find("resnet50d").spec, {"stem": {"pool": "none"}, "num_classes": 7})
    assert changed.stem == Stem(widths=(32, 32, 64), kernel=3, pool="none")
    assert spec_values.with_fields(changed, {"stem": {}}) == changed
    assert dataclasses.replace(changed, stem=find("resnet50d").spec.stem, num_classes=1000) == find("resnet50d").spec


def test_resnet_b_c_and_d_lead_from_the_2015_network_to_timms() -> None:
    paper = find("resnet50_2015").spec
    b = variants.resnet_b(paper)
    c = variants.resnet_c(b)
    d = variants.resnet_d(c)
    assert b == find("resnet50b").spec == find("resnet50").spec
    assert variants.zero_gamma(c) == find("resnet50c").spec
    assert variants.zero_gamma(d) == find("resnet50d").spec
    assert variants.resnet_d(paper) == d
    assert variants.resnet_c(d) == d, "a modifier that has been applied changes nothing"


def test_xresnet50_is_resnet50d_with_fastais_initialization() -> None:
    d, x = find("resnet50d").spec, find("xresnet50").spec
    assert dataclasses.replace(d, init="xresnet") == x
    assert variants.xresnet(find("resnet50_2015").spec) == x
    assert x.zero_last_norm


def test_the_papers_shortcut_options_are_fields() -> None:
    kinds = {option: find(f"resnet34_{option}").spec.shortcut for option in "abc"}
    assert kinds == {"a": "pad", "b": "projection", "c": "projection-always"}
    assert find("resnet34_b").spec == find("resnet34").spec


@pytest.mark.usefixtures("unchecked")  # the option is wrong on purpose
def test_an_unknown_shortcut_option_is_refused() -> None:
    with pytest.raises(InputError, match="option = 'E': must be one of A, B, C, D"):
        variants.shortcut_option(find("resnet34").spec, "E")  # pyright: ignore[reportArgumentType] # on purpose


def test_resnext_and_wide_resnet_change_the_inside_of_the_branch_alone() -> None:
    plain = find("resnet50").spec
    assert (
        variants.resnext(plain, cardinality=32, base_width=4) == find("resnext50_32x4d").spec == find("resnext50").spec
    )
    assert variants.wide(plain, 2) == find("wide_resnet50_2").spec
    widths = {name: [block.width for block in blocks(find(name).spec)] for name in ("resnet50", "resnext50")}
    assert widths["resnext50"] == [2 * width for width in widths["resnet50"]]
    assert [b.width for b in blocks(find("wide_resnet50_2").spec)] == widths["resnext50"]


def test_small_images_keep_their_positions_through_the_stem() -> None:
    assert variants.small_images(find("resnet50d").spec).stem == Stem(widths=(64,), kernel=3, stride=1, pool="none")


@pytest.mark.parametrize(
    ("name", "depth"), [("resnet18", 18), ("resnet152d", 152), ("cifar_resnet1202", 1202), ("xresnet101", 101)]
)
def test_the_depth_is_the_number_in_the_name(name: str, depth: int) -> None:
    assert find(name).spec.depth == depth


def test_a_stage_halves_positions_in_its_first_block_except_the_first_stage() -> None:
    strides = [(block.stage, block.index, block.stride) for block in blocks(find("resnet18").spec)]
    assert [(stage, index) for stage, index, stride in strides if stride == 2] == [(2, 0), (3, 0), (4, 0)]


def test_a_spec_as_the_first_format_wrote_it_is_whole_and_means_the_same() -> None:
    spec = find("resnet50d").spec
    new = {
        "expansion", "preactivation", "first_stride", "projection_kernel", "reduce_first", "attention",
        "attention_reduction",
        "antialias", "norm", "activation", "conv_bias", "output_stride", "pool", "dropout",
    }  # fmt: skip
    old = {name: value for name, value in spec_values.to_dict(spec).items() if name not in new}
    old["stem"] = {**old["stem"], "pool": True}
    assert spec_values.is_whole(old)
    assert spec_values.from_dict(old) == spec
    assert spec_values.is_whole(spec_values.to_dict(spec)), "though what is None is left out"
    assert not spec_values.is_whole({"depths": [1, 1], "num_classes": 3})


def test_a_plain_network_has_no_shortcut_anywhere_and_must_not_start_at_zero() -> None:
    plain = variants.plain(variants.zero_gamma(find("cifar_resnet20").spec))
    assert {block.shortcut for block in blocks(plain)} == {"none"}
    assert not plain.zero_last_norm
    with pytest.raises(InputError, match='shortcut = "none" with zero_last_norm = true: without shortcuts every block'):
        dataclasses.replace(plain, zero_last_norm=True)
