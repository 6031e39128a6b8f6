"""Two networks laid side by side: what is marked, what is not, and what it costs."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnets.catalog import find
from resnets.operation import Operation
from resnets.spec import ResNetSpec, Stem
from resnets.spec_values import from_dict
from resnets.structure import Structure, structure
from resnets.view import alignment
from resnets.view.alignment import Comparison, Deltas, Pair, compare, local_name
from resnets.view.comparison import comparison_record, comparison_table, describe
from resnets.view.table import as_text, render

Golden = Callable[[str, str], None]

DOZEN = (
    "resnet18", "resnet34_a", "resnet34_c", "resnet50", "resnet50_2015", "resnet50c", "resnet50d", "xresnet34",
    "resnext50_32x4d", "wide_resnet50_2", "cifar_resnet20", "cifar_resnext29_8x64d",
)  # fmt: skip


@cache
def built(name: str) -> Structure:
    row = find(name)
    return structure(row.spec, row.image_size)


def compared(first: str, second: str) -> Comparison:
    return compare(built(first), built(second))


def line(pair: Pair) -> str:
    """`→ stage 2.0 residual conv1`, of the operation in the second network where there is one."""
    operation = pair.second or pair.first
    assert operation
    where = pair.stage if pair.block is None else f"{pair.stage}.{pair.block}"
    return f"{pair.status} {where} {pair.branch} {local_name(operation)}"


def marks(first: str, second: str) -> list[str]:
    return [line(pair) for pair in compared(first, second).marked]


def counts(comparison: Comparison) -> dict[str, int]:
    return dict(Counter(pair.status for pair in comparison.pairs))


# What is marked.


def test_the_2015_network_differs_from_todays_in_three_moved_strides_and_in_nothing_else() -> None:
    comparison = compared("resnet50_2015", "resnet50")
    assert [line(pair) for pair in comparison.marked] == [
        f"moved stage {stage}.0 residual {name}" for stage in (2, 3, 4) for name in ("conv1", "conv2")
    ]
    assert {describe(pair) for pair in comparison.marked} == {
        "stride 2 moved from conv1 (1×1 conv) to conv2 (3×3 conv)"
    }
    assert comparison.spec_changes == ('stride_at: "conv1" → "conv2"',)


def test_resnet_d_has_a_deep_stem_and_shortcuts_whose_stride_moved_to_an_added_pool() -> None:
    stem = [
        "changed stem trunk conv1.0",
        *(f"added stem trunk conv1.{position}" for position in range(1, 7)),
    ]
    shortcuts = [
        line
        for stage in (2, 3, 4)
        for line in (f"added stage {stage}.0 shortcut downsample.0", f"moved stage {stage}.0 shortcut downsample.1")
    ]
    assert marks("resnet50", "resnet50d") == [*stem, *shortcuts]
    strides = [f"moved stage {stage}.0 residual {name}" for stage in (2, 3, 4) for name in ("conv1", "conv2")]
    assert sorted(marks("resnet50_2015", "resnet50d")) == sorted([*stem, *shortcuts, *strides])


def test_a_moved_stride_names_where_from_and_where_to_on_both_operations() -> None:
    pool, conv = (pair for pair in compared("resnet50", "resnet50d").marked if pair.stage == "stage 2")
    for pair, strides in ((pool, (None, 2)), (conv, (2, 1))):
        (change,) = pair.changes
        assert (change.attribute, change.kind, change.first, change.second) == ("stride", "moved", *strides)
        assert change.origin is not None
        assert change.destination is not None
        assert (change.origin.kind, change.destination.kind) == ("conv", "avg-pool")
    assert describe(pool) == (
        "2×2 avg-pool, 256 channels; stride 2 moved from downsample.0 (1×1 conv) to downsample.0 (2×2 avg-pool)"
    )


def test_a_deep_stem_pairs_its_first_convolution_with_the_7x7_and_its_last_norm_with_the_norm() -> None:
    stem = [pair for pair in compared("resnet50", "resnet50c").pairs if pair.stage == "stem"]
    names = [(pair.first and pair.first.name, pair.second and pair.second.name) for pair in stem]
    assert names == [
        ("conv1", "conv1.0"), (None, "conv1.1"), (None, "conv1.2"), (None, "conv1.3"), (None, "conv1.4"),
        (None, "conv1.5"), (None, "conv1.6"), ("bn1", "bn1"), ("act1", "act1"), ("maxpool", "maxpool"),
    ]  # fmt: skip
    assert describe(stem[0]) == "kernel 7 → 3; padding 3 → 1; channels out 64 → 32"


def test_xresnet_differs_from_resnet_as_resnet_d_does_and_in_how_it_starts() -> None:
    assert marks("resnet50", "xresnet50") == marks("resnet50", "resnet50d")
    assert compared("resnet50", "xresnet50").spec_changes == (
        "stem.widths: [64] → [32, 32, 64]",
        "stem.kernel: 7 → 3",
        'shortcut: "projection" → "pooled-projection"',
        'init: "he" → "xresnet"',
        "zero_last_norm: false → true",
    )
    assert marks("resnet50d", "xresnet50") == []
    assert compared("resnet50d", "xresnet50").spec_changes == ('init: "he" → "xresnet"',)


def test_resnet34_is_resnet18_with_blocks_added() -> None:
    comparison = compared("resnet18", "resnet34")
    added = [pair for pair in comparison.pairs if pair.status == "added"]
    assert {(pair.stage, pair.block) for pair in added} == {
        (f"stage {stage}", block) for stage, depths in enumerate(((2, 3), (2, 4), (2, 6), (2, 3)), 1)
        for block in range(*depths)
    }  # fmt: skip
    assert counts(comparison) == {"same": len(comparison.first.operations), "added": len(added)}


def test_resnext_has_other_groups_and_widths_and_moves_nothing() -> None:
    comparison = compared("resnet50", "resnext50_32x4d")
    assert {line(pair).split()[-1] for pair in comparison.marked} == {"conv1", "conv2"}
    assert counts(comparison) == {"same": len(comparison.first.operations) - 32, "changed": 32}
    first_block = [describe(pair) for pair in comparison.marked if (pair.stage, pair.block) == ("stage 1", 0)]
    assert first_block == ["channels out 64 → 128", "groups 1 → 32; channels out 64 → 128"]


def test_options_a_b_and_c_add_and_remove_shortcuts_and_touch_nothing_else() -> None:
    begins = [f"stage {stage}.0 shortcut" for stage in (2, 3, 4)]
    assert marks("resnet34_a", "resnet34_b") == [
        line
        for where in begins
        for line in (f"removed {where} downsample", f"added {where} downsample.0", f"added {where} downsample.1")
    ]
    b_to_c = compared("resnet34_b", "resnet34_c")
    assert {(pair.status, pair.branch) for pair in b_to_c.marked} == {("added", "shortcut")}
    assert len(b_to_c.marked) == 2 * (16 - 3)  # a convolution and a norm, in each block but the three that had them


def test_a_stride_that_a_replaced_shortcut_had_has_not_moved() -> None:
    replaced = [pair for pair in compared("resnet34_a", "resnet34d").marked if pair.branch == "shortcut"]
    assert {(describe(pair), pair.changes) for pair in replaced if pair.stage == "stage 2"} == {
        ("pad, 64 → 128 channels, stride 2", ()),
        ("2×2 avg-pool, 64 channels, stride 2", ()),
        ("1×1 conv, 64 → 128 channels", ()),
        ("norm, 128 channels", ()),
    }


def test_channels_that_come_in_are_marked_on_the_image_alone() -> None:
    spec = find("resnet50").spec
    grey = compare(structure(spec, 64), structure(replace(spec, in_channels=1, num_classes=7), 64))
    assert [(line(pair), describe(pair)) for pair in grey.marked] == [
        ("changed stem trunk conv1", "channels in 3 → 1"),
        ("changed head trunk fc", "channels out 1000 → 7"),
    ]


def test_another_image_size_marks_nothing_and_costs_more() -> None:
    spec = find("resnet50d").spec
    comparison = compare(structure(spec, 64), structure(spec, 97))
    assert comparison.marked == ()
    assert comparison.total.parameters == 0
    assert min(comparison.total.macs, comparison.total.activation_bytes) > 0


def test_the_channels_of_a_shortcut_follow_from_the_residual_branch() -> None:
    spec = find("resnet18").spec
    wider = compare(structure(spec, 64), structure(replace(spec, widths=(64, 128, 256, 640)), 64))
    assert [line(pair) for pair in wider.marked] == [
        f"changed stage 4.{block} residual {name}" for block in (0, 1) for name in ("conv1", "conv2")
    ]
    assert [pair.branch for pair in wider.pairs if pair.status == "same" and pair.deltas.macs] == ["shortcut", "trunk"]


def test_a_basic_block_against_a_bottleneck_pairs_convolutions_by_name() -> None:
    block = [pair for pair in compared("resnet34", "resnet50").marked if (pair.stage, pair.block) == ("stage 2", 0)]
    assert [(line(pair), describe(pair)) for pair in block if pair.status != "added"] == [
        (
            "changed stage 2.0 residual conv1",
            "kernel 3 → 1; stride 2 moved from conv1 (3×3 conv) to conv2 (3×3 conv); padding 1 → 0",
        ),
        ("moved stage 2.0 residual conv2", "stride 2 moved from conv1 (3×3 conv) to conv2 (3×3 conv)"),
    ]
    assert [line(pair) for pair in block if pair.status == "added"] == [
        f"added stage 2.0 residual {name}" for name in ("act2", "conv3", "bn3")
    ]


def test_a_stage_that_one_network_lacks_is_added_or_removed_whole() -> None:
    removed = compared("resnet18", "cifar_resnet20")
    assert {pair.status for pair in removed.pairs if pair.stage == "stage 4"} == {"removed"}
    added = compared("cifar_resnet20", "resnet18")
    assert {pair.status for pair in added.pairs if pair.stage == "stage 4"} == {"added"}
    assert [stage.stage for stage in added.stages] == ["stem", *(f"stage {n}" for n in range(1, 5)), "head"]


def test_stages_beyond_the_ninth_stay_in_order() -> None:
    def deep(stages: int) -> Structure:
        return structure(ResNetSpec(depths=(1,) * stages, widths=(8,) * stages, block="basic"), 32)

    comparison = compare(deep(11), deep(2))
    assert [stage.stage for stage in comparison.stages] == ["stem", *(f"stage {n}" for n in range(1, 12)), "head"]


# What it costs.


@pytest.mark.parametrize("first", ["resnet50_2015", "resnet18", "cifar_resnet20"])
@pytest.mark.parametrize("second", ["resnet50d", "resnext50_32x4d", "cifar_resnext29_8x64d"])
def test_deltas_are_the_differences_of_the_structures_numbers(first: str, second: str) -> None:
    comparison = compared(first, second)
    a, b = comparison.first, comparison.second

    def cost(operations: tuple[Operation, ...], attribute: str) -> int:
        return sum(getattr(operation, attribute) for operation in operations)

    assert comparison.total == Deltas(
        b.parameters - a.parameters, b.macs - a.macs, b.activation_bytes - a.activation_bytes
    )
    for stage in comparison.stages:
        for attribute in ("parameters", "macs", "activation_bytes"):
            expected = cost(b.stage(stage.stage), attribute) - cost(a.stage(stage.stage), attribute)
            assert getattr(stage.deltas, attribute) == expected
    assert sum((pair.deltas for pair in comparison.pairs), Deltas()) == comparison.total


def test_moving_the_stride_to_the_3x3_costs_231_million_macs_in_the_three_1x1s() -> None:
    comparison = compared("resnet50_2015", "resnet50")
    costs = [pair.deltas.macs for pair in comparison.pairs if pair.deltas.macs]
    assert costs == [77_070_336] * 3
    assert comparison.total.macs == 231_211_008
    assert comparison.total.parameters == 0


# Whatever the networks.


def check_alignment(first: Structure, second: Structure) -> None:
    """Every operation in exactly one pair, both orders kept, within a place, of one kind, and the deltas add up."""
    comparison = compare(first, second)
    assert tuple(pair.first for pair in comparison.pairs if pair.first) == first.operations
    assert tuple(pair.second for pair in comparison.pairs if pair.second) == second.operations
    for pair in comparison.pairs:
        operations = [operation for operation in (pair.first, pair.second) if operation]
        assert {(o.stage, o.block, o.branch) for o in operations} == {(pair.stage, pair.block, pair.branch)}
        assert len({operation.kind for operation in operations}) == 1
    assert comparison.total == Deltas(
        second.parameters - first.parameters,
        second.macs - first.macs,
        second.activation_bytes - first.activation_bytes,
    )
    check_moves(comparison)


def check_moves(comparison: Comparison) -> None:
    """What moved is marked on the operation that lost it and on the one that has it, and on no other."""
    moved = [(pair, change) for pair in comparison.pairs for change in pair.changes if change.kind == "moved"]
    for pair, change in moved:
        assert change.origin is not None
        assert change.destination is not None
        assert change.origin.stride == change.destination.stride > 1
        assert (pair.first == change.origin) != (pair.second == change.destination)
    assert set(Counter((change.origin, change.destination) for _, change in moved).values()) <= {2}


def mirrored(comparison: Comparison) -> Counter[tuple[str | None, str | None, str, int]]:
    status = {"added": "removed", "removed": "added"}
    return Counter(
        (
            pair.second.name if pair.second else None,
            pair.first.name if pair.first else None,
            status.get(pair.status, pair.status),
            -pair.deltas.macs,
        )
        for pair in comparison.pairs
    )


def plain(comparison: Comparison) -> Counter[tuple[str | None, str | None, str, int]]:
    return Counter(
        (
            pair.first.name if pair.first else None,
            pair.second.name if pair.second else None,
            pair.status,
            pair.deltas.macs,
        )
        for pair in comparison.pairs
    )


@pytest.mark.parametrize("first", DOZEN)
def test_every_operation_of_two_catalog_networks_is_in_exactly_one_pair_in_order(first: str) -> None:
    for second in DOZEN:
        check_alignment(built(first), built(second))


def test_reading_from_the_other_side_swaps_added_and_removed_and_turns_signs() -> None:
    for first, second in combinations(DOZEN, 2):
        assert plain(compared(second, first)) == mirrored(compared(first, second))


@pytest.mark.parametrize("name", DOZEN)
def test_a_network_differs_from_itself_in_nothing(name: str) -> None:
    comparison = compared(name, name)
    assert comparison.marked == ()
    assert comparison.spec_changes == ()
    assert comparison.total == Deltas()


@st.composite
def spec_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a small spec, as plain values."""
    stages = draw(st.integers(1, 4))
    shortcut = draw(st.sampled_from(["pad", "projection", "projection-always", "pooled-projection", "none"]))
    widths = draw(st.lists(st.sampled_from([4, 8, 16]), min_size=stages, max_size=stages))
    fields: dict[str, Any] = {"block": "basic"}
    if draw(st.booleans()):
        fields = {
            "block": "bottleneck",
            "stride_at": draw(st.sampled_from(["conv1", "conv2"])),
            "groups": draw(st.integers(1, 3)),
            "group_width": draw(st.sampled_from([16, 64])),
        }
    return fields | {
        "depths": draw(st.lists(st.integers(1, 3), min_size=stages, max_size=stages)),
        "widths": sorted(widths) if shortcut == "pad" else widths,
        "stem": {
            "widths": draw(st.lists(st.sampled_from([2, 4]), min_size=1, max_size=4)),
            "kernel": draw(st.sampled_from([1, 3, 7])),
            "stride": draw(st.integers(1, 3)),
            "pool": draw(st.booleans()),
        },
        "shortcut": shortcut,
        "in_channels": draw(st.integers(1, 3)),
        "num_classes": draw(st.integers(1, 5)),
    }


@settings(max_examples=40, deadline=None, derandomize=True)
@given(fields=st.tuples(spec_fields(), spec_fields()), sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_any_two_networks_align(fields: tuple[dict[str, Any], dict[str, Any]], sizes: tuple[int, int]) -> None:
    first, second = (structure(from_dict(one), size) for one, size in zip(fields, sizes, strict=True))
    check_alignment(first, second)
    assert plain(compare(second, first)) == mirrored(compare(first, second))
    assert json.dumps(comparison_record(("first", "second"), compare(first, second)))
    assert render(comparison_table(("first", "second"), compare(first, second)), "md")


def test_a_network_as_long_as_cifar_resnet1202_aligns_in_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Operation, Operation]] = []

    def counted(first: Operation, second: Operation) -> int:
        calls.append((first, second))
        return likeness(first, second)

    likeness = alignment._likeness  # pyright: ignore[reportPrivateUsage] # what the alignment does most
    monkeypatch.setattr(alignment, "_likeness", counted)
    comparison = compared("cifar_resnet1202", "cifar_resnet1202")
    assert len(calls) < 10 * len(comparison.pairs)  # 7 operations of a block, each against at most 5 and once more


# How it is shown.


def test_the_comparison_of_2015_with_resnet_d_reads_as_its_golden_file(golden: Golden) -> None:
    names = ("resnet50_2015", "resnet50d")
    golden("compare-resnet50_2015-resnet50d.txt", render(comparison_table(names, compared(*names)), "text"))


def test_every_mark_is_a_row_with_its_sign() -> None:
    comparison = compared("resnet34_a", "resnet50d")
    _, table = comparison_table(("resnet34_a", "resnet50d"), comparison)
    signs = {"added": "+", "removed": "−", "changed": "~", "moved": "→"}
    assert [row[0] for row in table.rows] == [signs[pair.status] for pair in comparison.marked]
    assert {row[0] for row in table.rows} == set(signs.values())
    assert all(row[5] for row in table.rows)


def test_the_summary_adds_up_to_the_difference_of_the_two_totals() -> None:
    names = ("resnet34", "cifar_resnet20")
    summary, _ = comparison_table(names, compared(*names))

    def number(cell: object) -> int:
        return int(str(cell).replace(",", "").replace("−", "-"))

    difference, first, second = summary.foot
    for column in (1, 2, 3):
        assert sum(number(row[column]) for row in summary.rows) == number(difference[column])
        assert number(second[column]) - number(first[column]) == number(difference[column])
    assert summary.caption == "From resnet34 at 224×224 pixels to cifar_resnet20 at 32×32 pixels"


def test_networks_that_are_the_same_get_a_summary_and_no_list() -> None:
    (summary,) = comparison_table(("resnet18", "resnet18"), compared("resnet18", "resnet18"))
    assert "The specs are the same." in as_text(summary)


def test_the_record_is_json_and_holds_every_pair_unmarked_ones_too() -> None:
    comparison = compared("resnet50", "resnet50d")
    record = json.loads(json.dumps(comparison_record(("resnet50", "resnet50d"), comparison)))
    assert len(record["pairs"]) == len(comparison.pairs)
    assert record["second"]["macs"] - record["first"]["macs"] == record["deltas"]["macs"] == comparison.total.macs
    stem = record["pairs"][0]
    assert (stem["first"], stem["second"], stem["status"]) == ("conv1", "conv1.0", "changed")
    assert stem["changes"][0] == {
        "attribute": "kernel", "first": 7, "second": 3, "kind": "changed", "from": None, "to": None,
        "words": "kernel 7 → 3",
    }  # fmt: skip
    (pool,) = [pair for pair in record["pairs"] if pair["second"] == "layer3.0.downsample.0"]
    (change,) = pool["changes"]
    assert (pool["first"], pool["status"]) == (None, "added")
    assert (change["kind"], change["from"], change["to"]) == (
        "moved", "layer3.0.downsample.0", "layer3.0.downsample.0",
    )  # fmt: skip
    assert record["stages"][2]["counts"] == {"same": 41, "changed": 0, "moved": 1, "added": 1, "removed": 0}


def test_a_stem_without_pool_hands_its_stride_to_nobody() -> None:
    spec = find("resnet18").spec
    cifar = replace(spec, stem=Stem(kernel=3, stride=1, pool="none"))
    comparison = compare(structure(spec, 64), structure(cifar, 64))
    assert counts(comparison) == {"same": len(comparison.first.operations) - 2, "changed": 1, "removed": 1}
