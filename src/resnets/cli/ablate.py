"""`resnets ablate`: what each residual block contributes."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.cli.evaluate import read_class_map
from resnets.cli.terminal import as_json, as_text, check_table, watched, write_result


def ablate(
    classifier: Path,
    data: str,
    /,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Measure what each residual block contributes: the accuracy with the block replaced by its shortcut.

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    data
        Labeled images, in any form that `resnets train` takes.
    split
        Images to use. By default test, else val, else the images held out from training, else all.
    class_map
        If class names differ: a .json object or a two-column .csv, from each class of the data to the classifier's
        class.
    columns
        Columns of a .csv or .tsv file, by name or number: IMAGE,LABEL or IMAGE,LABEL,SPLIT. By default they are
        guessed.
    images
        Folder that the paths in a .csv or .tsv file are relative to. By default it is found.
    skip_bad
        Leave out images that cannot be read, and list them, instead of stopping.
    batch_size
        Images per step.
    device
        Where to compute; auto takes a GPU if there is one.
    json
        Print one JSON document.
    out
        Write to this file instead: .svg or .png for the network's diagram with a bar for each block, else .json or
        .txt.

    Examples
    --------
    resnets ablate runs/photos more-photos/
    resnets ablate resnet20.safetensors cifar10-test.zip -o resnet20.svg
    resnets ablate resnet20.safetensors cifar10-test.zip --json -o resnet20.json
    """
    from resnets import explaining
    from resnets.report import ablation

    if batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: must be at least 1")
    drawn = out is not None and out.suffix.lower() in ablation.ENDINGS
    if drawn and out is not None:
        ablation.check_ending(out)
    elif out is not None:
        json = check_table(out, json=json, more=ablation.ENDINGS)
    meanings = read_class_map(class_map) if class_map is not None else None
    with watched() as watch:
        found = explaining.ablate(
            classifier, data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad,
            batch_size=batch_size, device=device, watch=watch,
        )  # fmt: skip
    if drawn and out is not None:
        found.save(out)
    write_result(as_json(found.as_dict()) if json else as_text(found.table()), None if drawn else out)
