"""Attention, blurs, pre-activation and dilation in tables, comparisons and the explorer."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resnets.catalog import Row, find
from resnets.spec import ResNetSpec, blocks
from resnets.structure import Structure, structure
from resnets.view.alignment import compare
from resnets.view.comparison import comparison_table, describe
from resnets.view.explorer.page import page
from resnets.view.networks import WINDOWS, operation_table, stage_table
from resnets.view.parts import unusual
from resnets.view.shortcuts import Cost, look, options
from resnets.view.table import Table, as_text
from tests.accessibility import assert_accessible

FOUR = ("seresnext50_32x4d", "resnetblur50", "ecaresnet50t", "resnet110_preact")
DILATED = replace(find("resnet50").spec, output_stride=8)


def built(name: str) -> Structure:
    return structure(find(name).spec, find(name).image_size)


def foot(table: Table) -> dict[str, tuple[str, ...]]:
    return {str(row[0]): tuple(map(str, row[2:])) for row in (*table.rows, *table.foot)}


# Tables and comparisons.


def test_the_stage_table_says_what_is_unusual_and_only_that() -> None:
    rows = foot(stage_table([(name, built(name)) for name in (*FOUR, "resnet50")]))
    assert rows["attention"] == (
        "squeeze-and-excitation, reduction 16", "–", "efficient channel attention", "–", "–",
    )  # fmt: skip
    assert rows["a stage's stride"][1] == "a 3×3 blur behind the 3×3"
    assert rows["pool"][1] == "[3×3 max pool; 3×3 blur, stride 2]"
    assert rows["order"][3] == "norm, activation, convolution (pre-activation)"
    assert rows["head"][3] == "norm, ReLU, global average pool, 10-d fc"
    assert rows["stage 1"][0] == "[1×1, 128; 3×3, 128, C=32; 1×1, 256; SE, 256 → 16 → 256] × 3"
    assert rows["stage 4"][2] == "[1×1, 512; 3×3, 512; 1×1, 2048; ECA, kernel 7] × 3"
    assert not {"attention", "order", "norm", "activation"} & set(foot(stage_table([("resnet50", built("resnet50"))])))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"norm": "group"}, {"norm": "group norm"}),
        ({"activation": "leaky-relu"}, {"activation": "leaky ReLU"}),
        ({"conv_bias": True}, {"convolutions": "with bias"}),
        ({"pool": "gem"}, {"last pool": "global generalized-mean pool"}),
        ({"output_stride": 16}, {"output stride": "16, then dilation instead of strides"}),
        ({"dropout": 0.25}, {"dropout": "25% of the features"}),
        ({}, {}),
    ],
)
def test_each_field_is_said_in_words(changes: dict[str, Any], words: dict[str, str]) -> None:
    assert unusual(replace(find("resnet50").spec, **changes)) == words


@pytest.mark.parametrize("changes", [{"num_classes": 0}, {"output_stride": 8}, {"pool": "both", "norm": "frozen"}])
def test_every_table_is_written_for_unusual_networks(changes: dict[str, Any]) -> None:
    network = structure(replace(find("seresnet18").spec, **changes), 64)
    columns = operation_table("one", network).headers
    assert ("dilation" in columns) == ("output_stride" in changes)
    assert as_text(stage_table([("one", network)]))


def test_a_comparison_says_how_attention_and_order_differ() -> None:
    def notes(first: str, second: str) -> str:
        return comparison_table((first, second), compare(built(first), built(second)))[0].notes[-1]

    assert notes("resnext50_32x4d", "seresnext50_32x4d") == (
        "In words: attention: none → squeeze-and-excitation, reduction 16."
    )
    assert notes("cifar_resnet110", "resnet110_preact") == (
        "In words: order: convolution, norm, activation → norm, activation, convolution (pre-activation)."
    )


def test_squeeze_and_excitation_is_added_and_its_reduction_changes() -> None:
    added = compare(built("seresnext50_32x4d"), built("resnext50_32x4d")).marked
    assert {pair.status for pair in added} == {"removed"}
    assert {pair.first.name.split(".")[2] for pair in added if pair.first} == {"se"}
    stronger = structure(replace(find("seresnet50").spec, attention_reduction=4), 224)
    assert {describe(pair) for pair in compare(built("seresnet50"), stronger).marked} == {"reduction 16 → 4"}


def test_attention_never_pairs_with_what_is_none() -> None:
    for first, second in (("seresnet18", "resnet50"), ("ecaresnet50t", "seresnet50"), ("seresnet34", "resnet50d")):
        for pair in compare(built(first), built(second)).pairs:
            if pair.first and pair.second:
                assert pair.first.of_attention == pair.second.of_attention


def test_a_blur_takes_the_stride_and_another_activation_is_marked_where_it_stands() -> None:
    blurred = compare(built("resnet50"), built("resnetblur50")).marked
    assert describe(blurred[2]) == "stride 2 moved from conv2 (3×3 conv) to aa (3×3 blur)"
    smooth = compare(built("resnet18"), structure(replace(find("resnet18").spec, activation="silu"), 224))
    assert {describe(pair) for pair in smooth.marked} == {"activation relu → silu"}
    assert {pair.status for pair in smooth.marked} == {"changed"}


@pytest.mark.parametrize(
    "spec",
    [
        find("resnet200_preact").spec,
        find("senet154").spec,
        replace(find("senet154").spec, output_stride=8, conv_bias=True),
        replace(find("resnet50d").spec, norm="frozen", output_stride=16),
    ],
    ids=["pre-activation", "3x3 projections", "dilated 3x3 projections with bias", "frozen and dilated"],
)
def test_the_own_option_costs_what_the_network_pays(spec: ResNetSpec) -> None:
    short = replace(spec, depths=(2, 2, 2, 2))
    network, letter = structure(short, 64), "D" if short.shortcut == "pooled-projection" else "B"
    for block in blocks(short):
        paid = [
            one for one in network.stage(f"stage {block.stage}") if (one.block, one.branch) == (block.index, "shortcut")
        ]
        cost = Cost(sum(one.parameters for one in paid), sum(one.macs for one in paid))
        assert options(block, network)[letter] == cost


def test_a_larger_projection_is_called_what_it_is() -> None:
    spec = find("senet154").spec
    labels = [look(spec, block).label for block in blocks(spec) if block.shortcut == "projection"]
    assert labels == ["1×1 projection", *["3×3 projection"] * 3]


# The explorer.


@cache
def content() -> str:
    """One page about all four and a dilated network, made once."""
    shown = [(find(name), built(name)) for name in FOUR]
    return page([*shown, (Row("dilated", DILATED, "of this test"), structure(DILATED, 224))])


@pytest.fixture
def tab(opened_file: Callable[..., Any], tmp_path: Path) -> Any:
    """The page, opened."""
    path = tmp_path / "page.html"
    path.write_text(content())
    return opened_file(path)


def go(tab: Any, at: str) -> None:
    tab.evaluate("hash => { location.hash = hash; return new Promise(done => setTimeout(done)); }", at)


def test_the_familys_numbers_equal_the_module_trace(tab: Any, unchecked: None) -> None:
    import torch

    from resnets.network import ResNet
    from tests.trace import trace

    read = """async ([network, names]) => {
      const found = [];
      for (const name of names) {
        location.hash = `network=${network}&at=${name}`;
        await new Promise(done => setTimeout(done));
        const value = field => document.querySelector(`#inspector [data-field="${field}"]`)?.textContent ?? "";
        found.push(["input", "output", "kernel", "stride", "padding", "groups", "parameters", "macs"].map(value));
      }
      return found;
    }"""
    for name in FOUR:
        with torch.device("meta"):
            traced = trace(ResNet(find(name).spec).eval(), torch.zeros(1, 3, *built(name).image_size))
        few = [
            one for one in traced if not re.match(r"layer\d\.(?:[2-9]|1.)|layer[2-4]\.1\.|layer[34]\.0", one["name"])
        ]
        for row, one in zip(tab.evaluate(read, [name, [each["name"] for each in few]]), few, strict=True):
            numbers = [[int(number.replace(",", "")) for number in re.findall(r"[\d,]+", cell)] for cell in row]
            windowed = one["kind"] in WINDOWS
            window = [[one[key]] if windowed else [] for key in ("kernel", "stride", "padding", "groups")]
            sizes = [list(one["input"]), list(one["output"])]
            assert numbers == [*sizes, *window, [one["parameters"]], [one["macs"]]], (name, one["name"])


WIDE = """() => [...document.querySelectorAll('#canvas .step')].flatMap(step => {
  const room = step.querySelector('rect').getBoundingClientRect().width;
  const wide = text => text.getBoundingClientRect().width > room;
  return [...step.querySelectorAll('text')].filter(wide).map(text => text.textContent);
})"""
OUTSIDE = """() => {
  const frame = document.querySelector('#canvas').getBoundingClientRect();
  return [...document.querySelectorAll('#canvas text, #canvas rect')].filter(one => {
    const { left, right } = one.getBoundingClientRect();
    return left < frame.left || right > frame.right;
  }).map(one => one.textContent);
}"""


def test_blocks_are_drawn_as_they_run_and_their_words_fit_on_any_screen(tab: Any) -> None:
    formulas = {
        "seresnext50_32x4d": ("ReLU(residual + shortcut)", "shortcut: 1×1 projection", 1),
        "resnetblur50": ("ReLU(residual + shortcut)", "shortcut: 1×1 projection", 0),
        "ecaresnet50t": ("ReLU(residual + shortcut)", "shortcut: average pool, then 1×1", 1),
        "resnet110_preact": ("residual + shortcut", "shortcut: padded identity, of the activated input", 0),
        "dilated": ("ReLU(residual + shortcut)", "shortcut: 1×1 projection", 0),
    }
    for width in (1440, 390):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(100)
        for name, (formula, shortcut, attends) in formulas.items():
            go(tab, f"network={name}&at=layer2.0")
            titles = tab.locator("#canvas svg > text").all_text_contents()[:2]
            assert titles == [f"layer2.0: {formula}", shortcut]
            assert (tab.locator("#canvas .side").count() > 0) == bool(attends)
            spec = DILATED if name == "dilated" else find(name).spec
            drawn = {one.get_attribute("data-at") for one in tab.locator("#canvas .step").all()}
            assert drawn == {
                one.name for one in structure(spec, 64).stage("stage 2") if one.block == 0
            }, name  # fmt: skip
            assert (tab.evaluate(WIDE), tab.evaluate(OUTSIDE)) == ([], []), (name, width)
            for at in ("", "stage2", "stem", "head"):
                go(tab, f"network={name}&at={at}")
                assert tab.evaluate(OUTSIDE) == [], (name, at, width)
    go(tab, "network=resnet110_preact&at=layer2.1")
    assert "shortcut: identity, of the input as it is" in (tab.locator("#canvas").text_content() or "")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("seresnext50_32x4d layer2.0.se", ["512 maps", "Hu et al. 2018"]),
        (
            "seresnext50_32x4d layer2.0.se.fc1",
            ["16,416", "32 filters × 512 channels × 1 × 1 + 32 biases", "16,384 weights", "the whole image"],
        ),
        ("ecaresnet50t layer2.0.se.conv", ["5 neighbouring channels", "Wang et al. 2020", "5 weights × 512 channels"]),
        ("resnetblur50 layer2.0.aa", ["Zhang 2019", "⌊(56 + 2 − 3) / 2⌋ + 1 = 28", "9 fixed weights × 128 channels"]),
        ("dilated layer4.1.conv2", ["⌊(28 + 8 − 4 × 2 − 1) / 1⌋ + 1 = 28", "Chen et al. 2017", "dilation"]),
    ],
)  # fmt: skip
def test_each_kind_is_explained_with_its_numbers_and_its_source(at: str, words: list[str], tab: Any) -> None:
    network, operation = at.split()
    go(tab, f"network={network}&at={operation}")
    text = tab.locator("#inspector").inner_text()
    assert [one for one in words if one not in text] == []


def test_axe_finds_nothing_serious_in_the_family(tab: Any) -> None:
    for at in ("network=ecaresnet50t&at=layer2.1.se.conv", "network=resnetblur50&view=walk&at=layer2.0.aa"):
        go(tab, at)
        assert_accessible(tab)
