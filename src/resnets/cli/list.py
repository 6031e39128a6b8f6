"""`resnets list`: which networks there are."""

import json as json_format
import sys
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets import catalog
from resnets.catalog import CATALOG, Row
from resnets.view import table


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
    if json:
        sys.stdout.write(json_format.dumps(table.list_records(rows), indent=2) + "\n")
    else:
        sys.stdout.write(table.render([table.list_table(rows)], format))


def matching(pattern: str) -> list[Row]:
    """The rows whose names `pattern` matches or is part of. Raises InputError with the nearest names."""
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?["):
        wanted = f"*{wanted}*"
    return [row for name, row in CATALOG.items() if fnmatchcase(name, wanted)] or [catalog.find(pattern.lower())]
