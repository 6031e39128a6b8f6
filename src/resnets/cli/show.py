"""`resnets show`: what a network is made of."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets import catalog
from resnets.catalog import Row
from resnets.cli.terminal import as_json, write_result
from resnets.errors import InputError
from resnets.files import check_place
from resnets.structure import Structure, parse_image_size, structure
from resnets.view.networks import network_record, operation_table, stage_table
from resnets.view.table import Table, render


def show(
    *networks: str,
    spec: Path | None = None,
    image_size: str | None = None,
    format: Literal["text", "md", "tex", "json"] = "text",  # noqa: A002 - the option's name
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    operations: bool = True,
) -> None:
    """Show networks stage by stage, side by side, then every operation of each.

    An operation's row has its shapes, parameters, multiply-accumulates, memory and receptive field.

    Examples:

    `resnets show resnet50`

    `resnets show resnet50_2015 resnet50d --no-operations`

    `resnets show resnet34 --image-size 160x224 --format md -o resnet34.md`

    `resnets show --spec mine.toml`

    Parameters
    ----------
    networks
        Names that `resnets list` prints, or paths of TOML files that each hold a spec.
    spec
        A TOML file that holds a spec, shown after the networks.
    image_size
        Pixels of a side, or height x width: 224, 160x224. Each network's own where not given.
    format
        Aligned columns, Markdown, LaTeX (booktabs), or JSON.
    json
        The same as `--format json`.
    out
        Write to this file instead of standard output.
    operations
        Show every operation too, not only the stages.
    """
    chosen: list[str | Path] = [*networks, *([spec] if spec else [])]
    if not chosen:
        raise InputError("no network given: name one, as in `resnets show resnet50`, or give --spec FILE.toml")
    if spec and spec.suffix != ".toml":
        raise InputError(f"--spec {spec}: must be the path of a .toml file")
    if out is not None:
        check_place(out)
    size = parse_image_size(image_size) if image_size is not None else None
    rows = [catalog.resolve(network) for network in chosen]
    built = [(row, structure(row.spec, size or row.image_size)) for row in rows]
    form = "json" if json else format
    result = _document(built, operations) if form == "json" else render(_tables(built, operations), form)
    write_result(result, out)


def _document(built: list[tuple[Row, Structure]], operations: bool) -> str:
    records = [network_record(row, structure, operations=operations) for row, structure in built]
    return as_json({"networks": records})


def _tables(built: list[tuple[Row, Structure]], operations: bool) -> list[Table]:
    named = [(row.name, structure) for row, structure in built]
    return [stage_table(named), *(operation_table(*one) for one in named if operations)]
