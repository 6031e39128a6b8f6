"""`resnets list`: which networks there are, and which published weights of them."""

from typing import Annotated, Literal

from cyclopts import Parameter

from resnets import catalog
from resnets.cli.terminal import as_json, write_result
from resnets.view.networks import list_records, list_table
from resnets.view.table import render
from resnets.weights import published


def list_networks(
    pattern: str = "*",
    /,
    *,
    weights: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    format: Literal["text", "md"] = "text",  # noqa: A002 - the option's name
) -> None:
    """List the networks, their parameters, multiply-accumulates and published accuracy, or the weights to be had.

    Examples:

    `resnets list`

    `resnets list "xresnet*"`

    `resnets list cifar --format md`

    `resnets list --weights resnet50d`

    Parameters
    ----------
    pattern
        Part of a name, or a pattern such as `resnet*d`; case does not matter.
    weights
        List published weights instead, by the names that `resnets convert` takes: of which network, how accurate,
        under which licence, and whether they are on this machine already.
    json
        Print one JSON document, with nothing rounded.
    format
        Aligned columns, or a Markdown table.
    """
    if weights:
        from resnets.view.weights import weights_records, weights_table
        from resnets.weights import hub

        records = weights_records(published.matching(pattern), hub.cached)
        text = as_json(records) if json else render([weights_table(records)], format)
    else:
        rows = catalog.matching(pattern)
        text = as_json(list_records(rows)) if json else render([list_table(rows)], format)
    write_result(text, None)
