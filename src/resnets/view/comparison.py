"""What two networks differ in, as tables and, for a page or a program, as JSON values."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from resnets.operation import Operation
from resnets.structure import MACS_CONVENTION, Structure
from resnets.view.alignment import Change, Comparison, Deltas, Pair, Status, local_name
from resnets.view.parts import differences
from resnets.view.table import Cell, Table

SIGNS: Mapping[Status, str] = {"added": "+", "removed": "−", "changed": "~", "moved": "→", "same": " "}


def comparison_table(names: tuple[str, str], comparison: Comparison) -> list[Table]:
    """What each stage costs more or less in the second network, then every operation that is marked, if any is."""
    summary = _summary(names, comparison)
    return [summary, _marks(names, comparison)] if comparison.marked else [summary]


def comparison_record(names: tuple[str, str], comparison: Comparison) -> dict[str, Any]:
    """Both networks' totals, what the second has more or less, and every pair, unmarked ones too, as JSON values."""
    counts = _counts(comparison)
    return {
        "first": _totals(names[0], comparison.first),
        "second": _totals(names[1], comparison.second),
        "macs_convention": MACS_CONVENTION,
        "spec_changes": list(comparison.spec_changes),
        "differences": list(differences(comparison.first.spec, comparison.second.spec)),
        "deltas": dataclasses.asdict(comparison.total),
        "stages": [
            {
                "stage": stage.stage,
                "deltas": dataclasses.asdict(stage.deltas),
                "counts": {status: counts[stage.stage, status] for status in SIGNS},
            }
            for stage in comparison.stages
        ],
        "pairs": [_pair_record(pair) for pair in comparison.pairs],
    }


def describe(pair: Pair) -> str:
    """What is marked in a pair, in words: `kernel 7 → 3; channels out 64 → 32`. Empty where nothing is."""
    only = pair.first if pair.second is None else pair.second if pair.first is None else None
    parts = [_operation(only, stride=not pair.changes)] if only else []  # a stride that moved is said by the move
    return "; ".join([*parts, *map(_change, pair.changes)])


def _summary(names: tuple[str, str], comparison: Comparison) -> Table:
    counts = _counts(comparison)
    statuses: list[Status] = ["added", "removed", "changed", "moved"]
    rows = [
        (stage.stage, *_signed(stage.deltas), *(str(counts[stage.stage, status] or "") for status in statuses))
        for stage in comparison.stages
    ]
    totals = (str(sum(counts[stage.stage, status] for stage in comparison.stages) or "") for status in statuses)
    networks = zip(names, (comparison.first, comparison.second), strict=True)
    spec = f"The specs differ in {'; '.join(comparison.spec_changes)}."
    words = differences(comparison.first.spec, comparison.second.spec)
    return Table(
        caption=_caption(names, comparison),
        headers=("stage", "parameters", "MACs", "bytes", *(f"{SIGNS[status]} {status}" for status in statuses)),
        alignments="lrrr" + "r" * len(statuses),
        rows=tuple(rows),
        foot=(
            ("difference", *_signed(comparison.total), *totals),
            *((name, *_plain(built), *("" for _ in statuses)) for name, built in networks),
        ),
        notes=(
            f"MACs: {MACS_CONVENTION}, for one image. bytes: every operation's output in float32, for one image.",
            spec if comparison.spec_changes else "The specs are the same.",
            *([f"In words: {'; '.join(words)}."] if words else []),
        ),
    )


def _marks(names: tuple[str, str], comparison: Comparison) -> Table:
    same = len(comparison.pairs) - len(comparison.marked)
    return Table(
        caption=f"Operations in which {names[1]} differs from {names[0]}",
        headers=("", "stage", "block", "branch", "operation", "what", "parameters", "MACs", "bytes"),
        alignments="llrlllrrr",
        rows=tuple(_mark(pair) for pair in comparison.marked),
        notes=(
            "+ added, − removed, ~ changed, → nothing but a move within the branch. "
            f"{same:,} operation{' is' if same == 1 else 's are'} the same.",
            "Marked is what was chosen. Sizes, channels that come in, costs and receptive fields follow from it: "
            "an operation that is not marked may cost more or less too.",
        ),
    )


def _mark(pair: Pair) -> tuple[Cell, ...]:
    block = "" if pair.block is None else str(pair.block)
    names = dict.fromkeys(local_name(operation) for operation in (pair.first, pair.second) if operation)
    return (
        SIGNS[pair.status],
        pair.stage,
        block,
        pair.branch,
        " → ".join(names),
        describe(pair),
        *_signed(pair.deltas),
    )


def _pair_record(pair: Pair) -> dict[str, Any]:
    return {
        "stage": pair.stage,
        "block": pair.block,
        "branch": pair.branch,
        "first": pair.first.name if pair.first else None,
        "second": pair.second.name if pair.second else None,
        "status": pair.status,
        "changes": [_change_record(change) for change in pair.changes],
        "deltas": dataclasses.asdict(pair.deltas),
        "words": describe(pair),
    }


def _change_record(change: Change) -> dict[str, Any]:
    return {
        "attribute": change.attribute,
        "first": change.first,
        "second": change.second,
        "kind": change.kind,
        "from": change.origin.name if change.origin else None,
        "to": change.destination.name if change.destination else None,
        "words": _change(change),
    }


def _totals(name: str, built: Structure) -> dict[str, Any]:
    return {
        "name": name,
        "image_size": list(built.image_size),
        "parameters": built.parameters,
        "macs": built.macs,
        "activation_bytes": built.activation_bytes,
    }


def _counts(comparison: Comparison) -> Mapping[tuple[str, Status], int]:
    return Counter((pair.stage, pair.status) for pair in comparison.pairs)


def _change(change: Change) -> str:
    if change.origin and change.destination:
        return f"stride {change.origin.stride} moved from {_who(change.origin)} to {_who(change.destination)}"
    return f"{change.attribute} {change.first} → {change.second}"


def _who(operation: Operation) -> str:
    return f"{local_name(operation)} ({_window(operation)})"


def _window(operation: Operation) -> str:
    """`3×3 conv`, `2×2 avg-pool`; the bare kind where there is no window."""
    windowed = operation.kind in ("conv", "max-pool", "avg-pool", "blur")
    return f"{operation.kernel}×{operation.kernel} {operation.kind}" if windowed else operation.kind


def _operation(operation: Operation, *, stride: bool) -> str:
    """`3×3 conv, 128 → 128 channels, stride 2, 32 groups`"""
    channels = dict.fromkeys(str(shape[0]) for shape in (operation.input, operation.output))
    parts = [_window(operation), f"{' → '.join(channels)} channels"]
    if stride and operation.stride > 1:
        parts.append(f"stride {operation.stride}")
    if operation.dilation > 1:
        parts.append(f"dilation {operation.dilation}")
    if operation.groups > 1 and operation.kind != "blur":
        parts.append(f"{operation.groups} groups")
    return ", ".join(parts)


def _caption(names: tuple[str, str], comparison: Comparison) -> str:
    sizes = ["×".join(map(str, built.image_size)) for built in (comparison.first, comparison.second)]
    if sizes[0] == sizes[1]:
        return f"From {names[0]} to {names[1]}, at {sizes[0]} pixels"
    return f"From {names[0]} at {sizes[0]} pixels to {names[1]} at {sizes[1]} pixels"


def _signed(deltas: Deltas) -> tuple[str, str, str]:
    def signed(number: int) -> str:
        return "0" if number == 0 else f"{'+' if number > 0 else '−'}{abs(number):,}"

    return signed(deltas.parameters), signed(deltas.macs), signed(deltas.activation_bytes)


def _plain(built: Structure) -> tuple[str, str, str]:
    return f"{built.parameters:,}", f"{built.macs:,}", f"{built.activation_bytes:,}"
