"""Networks as tables: a list of networks, the papers' stage table, every operation of one network.

Each is a `Table`, which `resnets.view.table` writes down. What a program reads instead are the records beneath
(`list_records`, `network_record`): JSON values, with nothing rounded.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resnets.catalog import Row
from resnets.operation import Kind, Operation
from resnets.spec_values import to_dict
from resnets.structure import MACS_CONVENTION, Structure, Totals, totals
from resnets.view.parts import head, unusual
from resnets.view.table import Bracket, Cell, Table

WINDOWS: tuple[Kind, ...] = ("conv", "max-pool", "avg-pool", "blur", "pad")  # kinds that have a kernel or a stride


def list_records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Networks with their size, cost at their image size, source and published accuracy, as JSON values."""
    return [_summary(row, totals(row.spec, row.image_size)) for row in rows]


def list_table(rows: Iterable[Row]) -> Table:
    """One row a network: parameters, multiply-accumulates at its image size, published accuracy and by whom."""
    return Table(
        caption="Residual networks",
        headers=("network", "parameters (M)", "GMACs", "image", "top-1 %", "on", "published by"),
        alignments="lrrrrll",
        rows=tuple(_list_row(record) for record in list_records(rows)),
        notes=(
            f"GMACs: {MACS_CONVENTION}, in billions, for one square image of the size given.",
            "top-1 %: the accuracy its publisher reports for one central crop.",
        ),
    )


def network_record(row: Row, built: Structure, *, operations: bool = True) -> dict[str, Any]:
    """A network with its spec, totals, stages and, unless not wanted, operations, as JSON values."""
    record = {
        **_summary(row, built),
        "spec": to_dict(row.spec),
        **built.as_dict(),
        "stages": [dataclasses.asdict(stage) for stage in _stages(built)],
    }
    if not operations:
        del record["operations"]
    return record


def stage_table(networks: Sequence[tuple[str, Structure]]) -> Table:
    """The layers of each stage, a network a column, as He et al. 2015 print theirs (table 1).

    networks: the name and the structure of each; an image size of its own for each will do.
    """
    names, structures = [name for name, _ in networks], [built for _, built in networks]
    columns = [{stage.stage: stage for stage in _stages(built)} for built in structures]
    rows: list[tuple[Cell, ...]] = []
    for label in _merged([list(column) for column in columns]):
        stages = [column.get(label) for column in columns]
        outputs = dict.fromkeys(_shape(stage.output) for stage in stages if stage)
        cells = ["–" if stage is None else Bracket(stage.layers, stage.repeats) for stage in stages]
        rows.append((label, " or ".join(outputs), *cells))
    parts = [unusual(built.spec) for built in structures]
    named = _merged([list(part) for part in parts])  # what at least one of the networks has its own way
    foot: Sequence[tuple[str, Callable[[Structure], str]]] = (
        ("shortcuts", lambda built: built.spec.shortcut),
        ("a stage's stride", _where_the_stride_is),
        *((name, _part(name)) for name in named if name not in ("anti-aliasing", "last pool", "dropout")),
        ("parameters", lambda built: f"{built.parameters:,}"),
        ("MACs", lambda built: _in_units(built.macs)),
        ("MACs, fvcore's", lambda built: _in_units(built.fvcore_macs)),
        ("activations", lambda built: f"{built.activation_bytes / 2**20:.2f} MiB"),
    )
    return Table(
        caption=_caption(networks),
        headers=("stage", "output", *names),
        alignments="l" * (2 + len(names)),
        rows=tuple(rows),
        foot=tuple((label, "", *map(describe, structures)) for label, describe in foot),
        notes=(
            f"MACs: {MACS_CONVENTION}, for one image.",
            "fvcore's, which timm's tables print, add two for each number into a norm and one for each into the "
            "global pool.",
            "activations: every operation's output in float32, for one image.",
        ),
    )


def operation_table(name: str, built: Structure) -> Table:
    """Every operation of a network in the order in which they run, with totals."""
    dilated = any(operation.dilation > 1 for operation in built.operations)
    columns = [column for column in _OPERATION_COLUMNS if dilated or column[0] != "dilation"]
    totals = {
        "name": "total",
        "parameters": built.parameters,
        "macs": built.macs,
        "activation_bytes": built.activation_bytes,
    }
    return Table(
        caption=f"Every operation of {_at(name, built)}",
        headers=tuple(title for title, _, _ in columns),
        alignments="".join(alignment for _, alignment, _ in columns),
        rows=tuple(_operation_row(operation.as_dict(), columns) for operation in built.operations),
        foot=(_operation_row(totals, columns),),
        notes=(
            f"MACs: {MACS_CONVENTION}, for one image. As fvcore counts, which is what timm's tables print: "
            f"{built.fvcore_macs:,}.",
            "bytes: the output in float32, for one image. "
            "Receptive field: the input pixels, along one axis, that the first output position reads: "
            "how many (field), from which on (start; negative: padding), and how far apart those of neighbouring "
            "positions are (jump).",
        ),
    )


def _summary(row: Row, built: Structure | Totals) -> dict[str, Any]:
    return {
        "name": row.name,
        "source": row.source,
        "image_size": [row.image_size, row.image_size],
        "parameters": built.parameters,
        "macs": built.macs,
        "macs_convention": MACS_CONVENTION,
        "published": dataclasses.asdict(row.published) if row.published else None,
    }


def _list_row(record: Mapping[str, Any]) -> tuple[Cell, ...]:
    published = record["published"]
    accuracy = (f"{100 * published['top1']:.2f}", published["data"], published["by"]) if published else ("", "", "")
    return (
        record["name"],
        f"{record['parameters'] / 1e6:.2f}",
        f"{record['macs'] / 1e9:.2f}",
        str(record["image_size"][0]),
        *accuracy,
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """A row of the stage table, for one network."""

    stage: str
    output: tuple[int, int]
    layers: tuple[str, ...]
    repeats: int | None = None


def _stages(built: Structure) -> list[_Stage]:
    windows = [operation for operation in built.stage("stem") if operation.kind in WINDOWS]
    stem = [operation for operation in windows if not operation.name.startswith("maxpool")]
    stages = [_Stage("stem", stem[-1].output[1:], tuple(_layer(conv, stride=True) for conv in stem))]
    if pool := windows[len(stem) :]:
        stages.append(_Stage("pool", pool[-1].output[1:], tuple(_layer(one, stride=True) for one in pool)))
    for number, depth in enumerate(built.spec.depths, 1):
        stage = built.stage(f"stage {number}")
        residual = [row for row in stage if (row.block, row.branch) == (0, "residual")]
        layers = [_layer(row) for row in residual if row.kind == "conv" and not row.of_attention]
        stages.append(_Stage(f"stage {number}", stage[-1].output[1:], (*layers, *_attention(residual)), depth))
    return [*stages, _Stage("head", (1, 1), (head(built.spec),))]


def _attention(residual: Sequence[Operation]) -> Iterator[str]:
    """`SE, 256 → 16 → 256` or `ECA, kernel 5`; nothing where a block has no attention."""
    for row in residual:
        if row.name.endswith(".se.fc1"):
            yield f"SE, {row.input[0]} → {row.output[0]} → {row.input[0]}"
        elif row.kind == "channel-conv":
            yield f"ECA, kernel {row.parameters}"


def _layer(conv: Operation, *, stride: bool = False) -> str:
    """`3×3, 128, C=32`: kernel, channels out and, where there is one, cardinality. `3×3 max pool` of a pool."""
    names: Mapping[Kind, str] = {"max-pool": " max pool", "avg-pool": " average pool", "blur": " blur"}
    parts = [f"{conv.kernel}×{conv.kernel}{names.get(conv.kind, '')}"]
    if conv.kind != "conv":
        return ", ".join([*parts, *([f"stride {conv.stride}"] if conv.stride > 1 else [])])
    parts.append(str(conv.output[0]))
    if conv.dilation > 1:
        parts.append(f"dilation {conv.dilation}")
    if conv.groups > 1:
        parts.append(f"C={conv.groups}")
    if stride and conv.stride > 1:
        parts.append(f"stride {conv.stride}")
    return ", ".join(parts)


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """Every label of several lists that agree about their order, once."""
    merged: list[str] = []
    for order in orders:
        position = 0
        for label in order:
            if label in merged:
                position = merged.index(label) + 1
            else:
                merged.insert(position, label)
                position += 1
    return merged


def _where_the_stride_is(built: Structure) -> str:
    """In the first block of each later stage; a stage's resolution is halved there."""
    if built.spec.antialias != "none":
        layer = {"average": "2×2 average", "blur": "3×3 blur", "max": "2×2 max pool"}[built.spec.antialias]
        return f"a {layer} behind the {'first ' if built.spec.block == 'basic' else ''}3×3"
    if built.spec.block == "basic":
        return "first 3×3"
    return "first 1×1" if built.spec.stride_at == "conv1" else "3×3"


def _part(name: str) -> Callable[[Structure], str]:
    return lambda built: unusual(built.spec).get(name, "–")


def _in_units(count: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3f} {letter}"
    return str(count)


def _caption(networks: Sequence[tuple[str, Structure]]) -> str:
    sizes = {built.image_size for _, built in networks}
    if len(sizes) > 1:
        return "; ".join(_at(name, built) for name, built in networks)
    return _at(", ".join(name for name, _ in networks), networks[0][1])


def _at(name: str, built: Structure) -> str:
    return f"{name} at {_shape(built.image_size)} pixels"


def _shape(sizes: Iterable[int]) -> str:
    return "×".join(map(str, sizes))


def _value(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: str(record[key]) if record.get(key) is not None else ""


def _count(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: f"{record[key]:,}"


def _size(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: _shape(record.get(key, ()))


def _window(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: str(record[key]) if record.get("kind") in WINDOWS else ""


def _field(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: str(record["receptive_field"][key]) if "receptive_field" in record else ""


_Column = tuple[str, str, Callable[[Mapping[str, Any]], str]]
_OPERATION_COLUMNS: Sequence[_Column] = (
    ("operation", "l", _value("name")),
    ("stage", "l", _value("stage")),
    ("block", "r", _value("block")),
    ("branch", "l", _value("branch")),
    ("kind", "l", _value("kind")),
    ("kernel", "r", _window("kernel")),
    ("stride", "r", _window("stride")),
    ("padding", "r", _window("padding")),
    ("groups", "r", _window("groups")),
    ("dilation", "r", _window("dilation")),
    ("input", "r", _size("input")),
    ("output", "r", _size("output")),
    ("parameters", "r", _count("parameters")),
    ("MACs", "r", _count("macs")),
    ("bytes", "r", _count("activation_bytes")),
    ("field", "r", _field("size")),
    ("jump", "r", _field("jump")),
    ("start", "r", _field("start")),
)


def _operation_row(record: Mapping[str, Any], columns: Sequence[_Column]) -> tuple[Cell, ...]:
    return tuple(cell(record) for _, _, cell in columns)
