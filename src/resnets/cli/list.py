"""`resnets list`: which networks there are."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets import catalog
from resnets.catalog import CATALOG, Row
from resnets.cli.terminal import as_json, write_result
from resnets.view.networks import list_records, list_table
from resnets.view.table import render


def list_networks(
    pattern: str = "*",
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
    format: Literal["text", "md"] = "text",  # noqa: A002 - the option's name
) -> None:
    """List the networks: their parameters, multiply-accumulates and published accuracy.

    Examples:

    `resnets list`

    `resnets list "xresnet*"`

    `resnets list cifar --format md`

    Parameters
    ----------
    pattern
        Part of a name, or a pattern such as `resnet*d`; case does not matter.
    json
        Print one JSON document, with nothing rounded.
    format
        Aligned columns, or a Markdown table.
    """
    rows = matching(pattern)
    write_result(as_json(list_records(rows)) if json else render([list_table(rows)], format), None)


def matching(pattern: str) -> list[Row]:
    """The rows whose names `pattern` matches or is part of. Raises InputError with the nearest names."""
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?["):
        wanted = f"*{wanted}*"
    return [row for name, row in CATALOG.items() if fnmatchcase(name, wanted)] or [catalog.find(pattern.lower())]
