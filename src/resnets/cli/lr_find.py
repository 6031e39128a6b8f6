"""`resnets lr-find`: the learning rate at which the loss falls fastest."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from resnets.base.files import check_place, write_whole
from resnets.cli.terminal import as_json, watched, write_result


def lr_find(
    data: str,
    network: str | None = None,
    /,
    *,
    spec: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    weights: str | None = None,
    recipe: str | None = None,
    set: Annotated[list[str] | None, Parameter(negative="")] = None,  # noqa: A002 - the option's name
    steps: int = 100,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    out: Annotated[Path, Parameter(alias="-o")] = Path("lr.svg"),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Try learning rates from tiny to too large, draw the losses, and suggest one. Nothing trained is kept.

    Examples:

    `resnets lr-find photos/ resnet18 -o lr.svg`

    `resnets lr-find photos/ resnet18 --weights resnet18.safetensors --set batch_size=32`

    Parameters
    ----------
    data
        Labelled images in any form that `resnets train` takes.
    network
        A network's name or .toml spec, as for `resnets train`.
    spec
        The same as a .toml file for NETWORK.
    columns
        Of a .csv or .tsv: which columns are the image and its label (and its split), by name or number from 1, where
        they cannot be told: --columns id,class.
    images
        Of a .csv or .tsv: the folder that its paths are relative to, where that is not the table's or one below it.
    weights
        Weights to start from, as for `resnets train`.
    recipe
        A recipe's name or file; its optimizer, batch size and augmentation are used.
    set
        One setting, NAME=VALUE; may be repeated.
    steps
        Rates to try, one step of training each.
    skip_bad
        Leave out images that cannot be decoded instead of refusing to start.
    device
        Where to compute; auto takes a GPU if there is one.
    out
        The picture of the curve.
    json
        Print the suggestion and the curve as one JSON document.
    """
    from resnets import api
    from resnets.report import plots
    from resnets.training.recipes.plan import parse_settings

    check_place(out)
    options: dict[str, Any] = {
        "columns": columns, "images": images, "weights": weights, "recipe": recipe,
        "settings": parse_settings(set or []), "skip_bad": skip_bad, "device": device,
    }  # fmt: skip
    with watched() as watch:
        found = api.lr_find(data, spec or network, steps=steps, watch=watch, **options)
    write_whole(out, plots.learning_rates(found.curve, found.suggestion))
    if json:
        write_result(as_json({"curve_svg": str(out), **found.as_dict()}))
        return
    write_result(
        f"learning rate  {found.suggestion:.2g} for {found.images} images a step (--set lr={found.lr:.2g})\n"
        f"curve          {out}\n"
    )
