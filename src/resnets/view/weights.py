"""Published weights as a table, and as the JSON values beneath it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from resnets.catalog import find
from resnets.structure import totals
from resnets.view.table import Cell, Table
from resnets.weights.published import Pretrained


def weights_records(rows: Iterable[Pretrained], cached: Callable[[Pretrained], Path | None]) -> list[dict[str, Any]]:
    """Published weights with their network's size, accuracy and preprocessing, and where `cached` finds them."""
    parameters: dict[str, int] = {}
    records: list[dict[str, Any]] = []
    for row in rows:
        if row.network not in parameters:
            parameters[row.network] = totals(find(row.network).spec, 224).parameters
        path = cached(row)
        records.append({
            "name": row.name,
            "network": row.network,
            "where": row.where,
            "parameters": parameters[row.network],
            "published": dataclasses.asdict(row.published) if row.published else None,
            "preprocessing": {
                field: list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType] # numbers
                for field, value in row.preprocessing.items()
            },
            "licence": row.licence,
            "source": row.source,
            "cached": str(path) if path else None,
        })  # fmt: skip
    return records


def weights_table(records: Iterable[Mapping[str, Any]]) -> Table:
    """One row a set of weights, of what `weights_records` gives."""
    return Table(
        caption="Published weights",
        headers=(
            "weights",
            "network",
            "parameters (M)",
            "image",
            "top-1 %",
            "top-5 %",
            "published by",
            "licence",
            "here",
        ),
        alignments="llrrrrlll",
        rows=tuple(map(_row, records)),
        notes=(
            "top-1 %, top-5 %: the accuracy that is published for images of this size; empty where none is known.",
            "here: yes where they are in torch's or huggingface_hub's cache on this machine.",
        ),
    )


def _row(record: Mapping[str, Any]) -> tuple[Cell, ...]:
    published: Mapping[str, Any] = record["published"] or {}
    top1, top5 = (f"{100 * published[key]:.2f}" if published.get(key) else "" for key in ("top1", "top5"))
    return (
        record["name"],
        record["network"],
        f"{record['parameters'] / 1e6:.2f}",
        str(record["preprocessing"]["size"]),
        top1,
        top5,
        published.get("by", ""),
        record["licence"],
        "yes" if record["cached"] else "",
    )
