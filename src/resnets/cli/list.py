"""`resnets list`: which networks there are, and which published weights of them."""

from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.cli.terminal import as_json, write_result
from resnets.view.table import render


def list_networks(
    pattern: str = "*",
    /,
    *,
    weights: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    format: Literal["text", "md"] = "text",  # noqa: A002 - the option's name
) -> None:
    """List the networks with their size and published accuracy, or the published weights.

    Parameters
    ----------
    pattern
        Part of a name, or a pattern such as `resnet*d`. Upper and lower case are the same.
    weights
        List published weights: name, network, accuracy, license, and whether they are already on this machine.
    json
        Print one JSON document, with nothing rounded.
    format
        Aligned columns, or a Markdown table.

    Examples
    --------
    resnets list
    resnets list "xresnet*"
    resnets list cifar --format md
    resnets list --weights resnet50d
    """
    if weights:
        from resnets.view.weights import weights_records, weights_table
        from resnets.weights import hub, published

        records = weights_records(published.matching(pattern), hub.cached)
        text = as_json(records) if json else render([weights_table(records)], format)
    else:
        from resnets import catalog
        from resnets.view.networks import list_records, list_table

        rows = catalog.matching(pattern)
        text = as_json(list_records(rows)) if json else render([list_table(rows)], format)
    write_result(text, None)
