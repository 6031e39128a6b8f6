"""`resnets train`: from labelled images to a classifier."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.cli.terminal import as_json, watched


def train(
    data: str,
    network: str | None = None,
    /,
    *,
    spec: Path | None = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    recipe: Path | None = None,
    set: Annotated[list[str] | None, Parameter(negative="")] = None,  # noqa: A002 - the option's name
    epochs: int | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    save_every: float = 60.0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a classifier on labelled images; what is not said is chosen from the data, and explained.

    The run's folder holds classifier.safetensors (the best on validation), metrics.jsonl, recipe.toml, curves.svg,
    confusion.svg, and last/, from which --resume goes on. Ctrl-C saves before it stops.

    Examples:

    `resnets train digits`

    `resnets train photos/ resnet34 -o runs/photos --set lr=0.05 --set preprocessing.size=128`

    `resnets train cifar-10-python.tar.gz cifar_resnet56 --epochs 90`

    `resnets train photos/ -o runs/photos --resume`

    Parameters
    ----------
    data
        A folder with a folder of images per class; or train/, val/ and test/ folders of such; a .zip or .tar of
        either; a .csv with path,label[,split]; CIFAR-10 or CIFAR-100; a folder of IDX files; a MedMNIST .npz; or
        the word digits.
    network
        A name that `resnets list` prints, or the path of a .toml spec. Chosen by image size where not given.
    spec
        The same as a .toml file for NETWORK: a network of your own.
    out
        The run's folder. A new one under runs/ where not given.
    recipe
        A TOML file with settings, such as the recipe.toml of another run.
    set
        One setting, NAME=VALUE; may be repeated. recipe.toml shows the names: lr=0.1, preprocessing.size=128,
        spec.shortcut=pad.
    epochs
        The same as --set epochs=N.
    resume
        Go on with the run in --out, or with the newest one of this data, where it was stopped.
    skip_bad
        Leave out images that cannot be decoded, and list them, instead of refusing to start.
    device
        Where to compute; auto takes a GPU if there is one.
    save_every
        Seconds between saves within an epoch.
    json
        Print the result as one JSON document.
    """
    from resnets import api
    from resnets.training import recipe as recipes
    from resnets.training.checkpoint import RunFolder

    settings = recipes.parse_settings([*(set or []), *([f"epochs={epochs}"] if epochs is not None else [])])
    with watched() as watch:
        classifier = api.train(
            data, spec or network, out=out, recipe=recipe, settings=settings or None, resume=resume, skip_bad=skip_bad,
            device=device, save_every=save_every, watch=watch,
        )  # fmt: skip
    assert classifier.path is not None  # train has just written it
    folder = RunFolder(classifier.path.parent)
    val = classifier.metrics["val"]
    if json:
        result = {"run": str(folder.path), "classifier": str(folder.classifier), "metrics": classifier.metrics}
        sys.stdout.write(as_json(result))
        return
    sys.stdout.write(
        f"best on validation: {val['top1']:.2%} of {val['count']:,} images, in epoch {val['epoch']}\n"
        f"classifier  {folder.classifier}\ncurves      {folder.curves}\nconfusion   {folder.confusion}\n"
        f"metrics     {folder.metrics}\nrecipe      {folder.recipe}\n"
    )
