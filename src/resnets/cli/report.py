"""`resnets report`: a page about how good a classifier is, with the images it gets wrong."""

import shlex
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
    """Score a classifier on labeled images and write a report with its worst mistakes.

    The report is one HTML file that loads nothing else. It shows the scores with intervals, the confusion matrix, each
    class, the calibration, and the most confident mistakes, with the parts of the image that led to the wrong answer.

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
    out
        The file to write.
    open
        Open the report in a browser.

    Examples
    --------
    resnets report runs/photos more-photos/ -o photos.html --open
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
        import webbrowser

        webbrowser.open(out.resolve().as_uri())
