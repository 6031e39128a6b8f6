"""`resnets train`: from labelled images to a classifier."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from resnets.base.interruption import SAVE_EVERY
from resnets.cli.terminal import as_json, as_text, watched, write_result
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.classifier.file import Classifier
    from resnets.runs.seeds import Spread


def train(
    data: str,
    network: str | None = None,
    /,
    *,
    spec: Path | None = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    columns: str | None = None,
    images: Path | None = None,
    weights: str | None = None,
    body: str | None = None,
    recipe: str | None = None,
    set: Annotated[list[str] | None, Parameter(negative="")] = None,  # noqa: A002 - the option's name
    epochs: int | None = None,
    seeds: int | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    leave_out: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    plan: Literal["auto", "usual"] = "auto",
    save_every: float = SAVE_EVERY,
    workers: int | None = None,
    tensorboard: Annotated[bool, Parameter(negative="")] = False,
    samples: bool = True,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a classifier on labeled images.

    Everything that you do not choose follows from the data, and each choice is explained. The folder of the run gets
    classifier.safetensors (the best epoch on validation), report.html, metrics.jsonl, recipe.toml, curves.svg,
    confusion.svg, and last/, the state that --resume continues from. Ctrl-C saves before it stops.

    Parameters
    ----------
    data
        Images in a folder per class; train/, val/ and test/ folders of them; either of these as .zip or .tar; a .csv or
        .tsv of images and labels; CIFAR-10 or CIFAR-100; a folder of IDX files; a MedMNIST .npz; the word digits; or
        what is beyond the disk: shards ('shards/{000..099}.tar', also http:// and s3://), s3://BUCKET/FOLDER, Parquet
        files, hf:OWNER/NAME.
    network
        A name from `resnets list`, or a .toml spec. By default it is the recipe's, or follows from the image size.
    spec
        Network as a .toml file, instead of NETWORK.
    out
        Folder of the run. By default a new one under runs/.
    columns
        Columns of a .csv or .tsv file, by name or number: IMAGE,LABEL or IMAGE,LABEL,SPLIT. By default they are
        guessed.
    images
        Folder that the paths in a .csv or .tsv file are relative to. By default it is found.
    weights
        Start from trained weights: a file, a classifier, or a name from `resnets list --weights`.
    body
        Network to take if the file of weights holds several, such as teacher.
    recipe
        A name from `resnets recipe list`, or a .toml file of settings, such as recipe.toml of another run. With
        --weights the default is finetune.
    set
        Change one setting, NAME=VALUE; can be repeated. recipe.toml has the names: lr=0.1, preprocessing.size=128,
        spec.shortcut=pad.
    epochs
        How often to go through the training images. The same as --set epochs=N.
    seeds
        Train this many times, with different seeds, and report mean and standard deviation.
    resume
        Continue the run in --out, or the newest run of this data.
    skip_bad
        Leave out images that cannot be read, and list them, instead of stopping.
    leave_out
        Leave out the images that this file lists, as `resnets check --fix-list` writes it.
    device
        Where to compute; auto takes a GPU if there is one.
    plan
        How to find the fastest way to compute: auto measures if the run is long enough; usual does not.
    save_every
        Seconds between saves within an epoch.
    workers
        Processes that read and decode images which do not fit in memory; 0 uses threads instead. By default one per
        CPU if there are at least four. The result does not depend on it.
    tensorboard
        Also write TensorBoard's files (extra `tensorboard`).
    samples
        Keep up to 512 of the images in the run, as samples.zip. `resnets export` checks its files on them.
    json
        Print the result as one JSON document.

    Examples
    --------
    resnets train digits
    resnets train photos/ resnet18 --weights resnet18.safetensors
    resnets train photos/ --weights timm/resnet50.a1_in1k --recipe linear-probe
    resnets train photos/ resnet34 -o runs/photos --set lr=0.05 --set preprocessing.size=128
    resnets train cifar-10-python.tar.gz cifar_resnet56 --recipe he2015-cifar --seeds 5
    resnets train photos/ -o runs/photos --resume
    """
    from resnets import api
    from resnets.data.table_columns import table_options
    from resnets.training.recipes import plan as plans

    settings = plans.parse_settings([*(set or []), *([f"epochs={epochs}"] if epochs is not None else [])])
    options: dict[str, Any] = {
        "columns": columns, "images": images, "weights": weights, "body": body, "out": out, "recipe": recipe,
        "settings": settings, "resume": resume, "skip_bad": skip_bad, "leave_out": leave_out,
        "device": device, "plan": plan, "save_every": save_every, "workers": workers, "tensorboard": tensorboard,
        "samples": samples,
    }  # fmt: skip
    with watched() as watch:
        if seeds is None:
            text = _run(
                api.train(data, spec or network, watch=watch, **options), [data, *table_options(columns, images)], json
            )
        else:
            text = _spread(api.train_seeds(data, spec or network, seeds=seeds, watch=watch, **options), json)
    write_result(text)


def _run(classifier: "Classifier", data: list[str], json: bool) -> str:
    from resnets.training.best_epoch import named_epoch
    from resnets.training.run_folder import RunFolder

    assert classifier.path is not None  # train has just written it
    folder = RunFolder(classifier.path.parent)
    val = classifier.metrics["val"]
    if json:
        return as_json({"run": str(folder.path), "classifier": str(folder.classifier), "metrics": classifier.metrics})
    return (
        f"best on validation: {val['top1']:.2%} of {val['count']:,} images, {_kept(named_epoch(val['epoch']))}\n"
        f"calibrated: temperature {classifier.temperature:.3g}, expected calibration error {val['ece_before']:.3f} "
        f"before and {val['ece']:.3f} after\n"
        f"classifier  {folder.classifier}\nreport      {folder.report}\nmetrics     {folder.metrics}\n"
        f"recipe      {folder.recipe}\n\nNext:\n"
        + "".join(f"  {shlex.join(command)}\n" for command in _next(str(folder.classifier), data))
    )


def _kept(epoch: str) -> str:
    return f"in {epoch}" if epoch.startswith("epoch") else f"by {epoch}"


def _next(classifier: str, data: list[str]) -> Iterator[list[str]]:
    """What one does with a new classifier, as commands to paste. data: where it is, and how to read it."""
    yield ["resnets", "evaluate", classifier, *data]
    if Path(data[0]).is_dir() or Path(data[0]).suffix in (".zip", ".tar"):
        yield ["resnets", "predict", classifier, data[0]]
    yield ["resnets", "export", classifier]


def _spread(spread: "Spread", json: bool) -> str:
    if json:
        return as_json(spread.as_dict())
    split_names = {"val": "validation, which chose the epoch", "test": "test"}
    tables = [
        Table(
            caption=f"{len(spread.seeds)} seeds on {split_names[split]}",
            headers=("", "mean", "deviation", *(f"seed {seed}" for seed in spread.seeds)),
            alignments="l" + "r" * (2 + len(spread.seeds)),
            rows=tuple(
                (name, _figure(name, spread.mean(split, name)), _figure(name, spread.deviation(split, name)),
                 *(_figure(name, value) for value in values))
                for name, values in figures.items()
            ),
        )
        for split, figures in spread.figures.items()
    ]  # fmt: skip
    return as_text(*tables) + f"runs  {spread.path}\n"


def _figure(name: str, value: float) -> str:
    return f"{value:.4f}" if name in ("loss", "ece") else f"{value:.2%}"
