"""`resnets report`: a page about how good a classifier is, with the images it gets wrong."""

import shlex
import webbrowser
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.files import check_place
from resnets.cli.evaluate import read_class_map
from resnets.cli.terminal import watched, write_result


def report(
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
    out: Annotated[Path, Parameter(alias="-o")] = Path("report.html"),
    open: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
) -> None:
    """Judge a classifier on labelled images and write a page that needs nothing else.

    Scores with intervals, the confusion matrix, each class, calibration, and the images that it gets most wrong with
    where they speak for the wrong answer.

    Examples:

    `resnets report runs/photos more-photos/ -o photos.html --open`

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    data
        Labelled images in any form that `resnets train` takes.
    split
        Which split to judge on, or all images. By default test, else val, else the images held out when the classifier
        was trained on this very data, else all.
    class_map
        For data whose classes have other names than the classifier's: a .json object, or a .csv of two columns, from
        the data's class to the classifier's class or its number.
    columns
        Of a .csv or .tsv: which columns are the image and its label (and its split), by name or number from 1, where
        they cannot be told: --columns id,class.
    images
        Of a .csv or .tsv: the folder that its paths are relative to, where that is not the table's or one below it.
    skip_bad
        Leave out images that cannot be read, and list them, instead of refusing.
    batch_size
        Images a step.
    device
        Where to compute.
    out
        Write to this file.
    open
        Open the page in a browser.
    """
    from resnets import api
    from resnets.data.table_columns import table_options
    from resnets.report.evaluated import judge
    from resnets.report.page import write

    if batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: must be at least 1")
    check_place(out)
    meanings = read_class_map(class_map) if class_map is not None else None
    loaded = api.load(classifier, device=device)
    chosen = [*(["--split", split] if split else []), *(["--class-map", str(class_map)] if class_map else [])]
    chosen += [*table_options(columns, images), *(["--skip-bad"] if skip_bad else [])]
    command = shlex.join(["resnets", "report", str(classifier), data, *chosen, "-o", str(out)])
    with watched() as watch:
        found = judge(
            loaded, data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad,
            batch_size=batch_size, command=command, watch=watch,
        )  # fmt: skip
        write(out, found)
    top1 = found.evaluation.top1
    write_result(f"top-1  {top1.value:.2%} of {top1.count:,} images ({found.on})\nreport {out}\n")
    if open:
        webbrowser.open(out.resolve().as_uri())
