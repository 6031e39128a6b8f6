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
    """Find a good learning rate: try many, draw the loss for each, and suggest one.

    Nothing that is trained on the way is kept.

    Parameters
    ----------
    data
        Labeled images, in any form that `resnets train` takes.
    network
        A network's name or .toml spec, as for `resnets train`.
    spec
        Network as a .toml file, instead of NETWORK.
    columns
        Columns of a .csv or .tsv file, by name or number: IMAGE,LABEL or IMAGE,LABEL,SPLIT. By default they are
        guessed.
    images
        Folder that the paths in a .csv or .tsv file are relative to. By default it is found.
    weights
        Weights to start from, as for `resnets train`.
    recipe
        Recipe whose optimizer, batch size and augmentation are used: a name or a file.
    set
        Change one setting, NAME=VALUE; can be repeated.
    steps
        How many learning rates to try, with one training step each.
    skip_bad
        Leave out images that cannot be read, and list them, instead of stopping.
    device
        Where to compute; auto takes a GPU if there is one.
    out
        Where to draw the curve.
    json
        Print the suggestion and the curve as one JSON document.

    Examples
    --------
    resnets lr-find photos/ resnet18 -o lr.svg
    resnets lr-find photos/ resnet18 --weights resnet18.safetensors --set batch_size=32
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
