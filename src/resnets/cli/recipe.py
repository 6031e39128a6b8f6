"""`resnets recipe`: the named recipes, and each as a file to start one's own from."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from resnets.base.errors import InputError, nearest
from resnets.base.files import check_place
from resnets.cli.terminal import as_json, as_text, write_result
from resnets.view.table import Table

recipe = App(name="recipe", help="The named recipes: where each comes from, what it scored, and what it sets.")


@recipe.command(name="list")
def list_recipes(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """List the recipes that `resnets train --recipe NAME` knows.

    Parameters
    ----------
    json
        Print one JSON document.
    """
    from resnets.training.recipes.named import RECIPES

    if json:
        write_result(as_json([row.as_dict() for row in RECIPES.values()]), None)
        return
    table = Table(
        caption="Recipes",
        headers=("name", "what it is", "source"),
        alignments="lll",
        rows=tuple((row.name, row.summary, row.source) for row in RECIPES.values()),
        notes=(
            "`resnets recipe show NAME` prints its scores and settings; what it does not set is chosen from the data.",
        ),
    )
    write_result(as_text(table), None)


@recipe.command
def show(
    name: str,
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Print a recipe as a TOML file, with what every setting is.

    Examples:

    `resnets recipe show rsb-a3 > my.toml`, edit it, then `resnets train photos/ --recipe my.toml`

    Parameters
    ----------
    name
        A name that `resnets recipe list` prints.
    json
        Print one JSON document of what it sets.
    out
        Write to this file instead of standard output.
    """
    from resnets.training.recipes.named import RECIPES, to_toml

    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; {nearest(name, RECIPES)}")
    if out is not None:
        check_place(out)
    row = RECIPES[name]
    write_result(as_json(row.as_dict()) if json else to_toml(row), out)
