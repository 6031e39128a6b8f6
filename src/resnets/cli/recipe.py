"""`resnets recipe`: the named recipes, and each as a file to start one's own from."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from resnets.base.errors import InputError, nearest
from resnets.base.files import check_place
from resnets.cli.help import examples
from resnets.cli.terminal import as_json, as_text, write_result
from resnets.view.table import Table

recipe = App(
    name="recipe", help="List the named recipes, or write one as a file to edit.", help_epilogue="",
    help_format="markdown",
)  # fmt: skip


def list_recipes(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """List the recipes, with what each is for and where it comes from.

    Parameters
    ----------
    json
        Print one JSON document.

    Examples
    --------
    resnets recipe list
    """
    from resnets.training.recipes.named import RECIPES

    if json:
        write_result(as_json([row.as_dict() for row in RECIPES.values()]), None)
        return
    table = Table(
        caption="Recipes",
        headers=("name", "what it is", "network", "source"),
        alignments="llll",
        rows=tuple((row.name, row.summary, row.network or "any", row.source) for row in RECIPES.values()),
        notes=(
            "`resnets recipe show NAME` prints its scores and settings. All other settings are chosen from the data.",
        ),
    )
    write_result(as_text(table), None)


def show(
    name: str,
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Print a recipe as a TOML file: each setting, with an explanation.

    Save it, edit it, and give it to `resnets train --recipe FILE`.

    Parameters
    ----------
    name
        A name from `resnets recipe list`.
    json
        Print one JSON document of what the recipe sets.
    out
        Write to this file instead of standard output.

    Examples
    --------
    resnets recipe show rsb-a3 -o my.toml
    resnets train photos/ --recipe my.toml
    """
    from resnets.training.recipes.named import RECIPES
    from resnets.training.recipes.named_recipe import to_toml

    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; {nearest(name, RECIPES)}")
    if out is not None:
        check_place(out)
    row = RECIPES[name]
    write_result(as_json(row.as_dict()) if json else to_toml(row), out)


recipe.command(list_recipes, name="list", help_epilogue=examples(list_recipes))
recipe.command(show, help_epilogue=examples(show))
