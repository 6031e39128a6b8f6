"""`resnets evaluate`: how good a classifier is on labelled images."""

import csv
import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.files import check_place, write_whole
from resnets.base.reading import read_text
from resnets.cli import score_tables as scores
from resnets.cli.terminal import as_json, as_text, check_table, watched, write_result
from resnets.data.views import Views

if TYPE_CHECKING:
    from resnets.evaluation.classes import ClassMap


def evaluate(
    classifier: Path,
    data: str,
    /,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    leave_out: Path | None = None,
    tta: Views = "none",
    intervals: bool = True,
    reliability: Path | None = None,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a classifier on labeled images: accuracy, calibration, each class, and what is confused with what.

    Parameters
    ----------
    classifier
        A classifier.safetensors, the folder of a run, or an exported model (.onnx, .pt2 or a Triton folder).
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
    leave_out
        Leave out the images that this file lists, as `resnets check --fix-list` writes it.
    tta
        Average over several versions of each image: flip adds the mirror image, crops takes ten crops. Of an
        image that is resized to the network's exact size, these are shifts by a 32nd of that size.
    intervals
        Add 95% confidence intervals: how much each score could differ on other images of this kind.
    reliability
        Draw the reliability diagram to this .svg file: probabilities against how often the answers are right.
    batch_size
        Images per step. --tta makes several of each image, and all of them count.
    device
        Where to compute; auto takes a GPU if there is one.
    json
        Print one JSON document.
    out
        Write to this file instead of standard output.

    Examples
    --------
    resnets evaluate runs/photos more-photos/
    resnets evaluate resnet18.safetensors imagenette/ --class-map wordnet.json --json -o scores.json
    """
    from resnets import api

    if batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: must be at least 1")
    if out is not None:
        json = check_table(out, json=json)
    if reliability is not None:
        check_place(reliability)
    meanings = read_class_map(class_map) if class_map is not None else None
    loaded = api.open_predictor(classifier, device=device)
    with watched() as watch:
        found = loaded.evaluate(
            data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad,
            leave_out=leave_out, tta=tta, intervals=intervals, batch_size=batch_size, watch=watch,
        )  # fmt: skip
    if reliability is not None:
        from resnets.report import plots

        write_whole(reliability, plots.reliability(found.reliability))
    write_result(as_json(found.as_dict()) if json else as_text(*scores.tables(found)), out)


def read_class_map(path: Path) -> "ClassMap":
    """The class, by name or number, that each of the data's classes means."""
    kinds = "a .json object or a .csv of two columns"
    try:
        text = read_text(path)
        values = json_format.loads(text) if path.suffix == ".json" else _two_columns(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); a class map is {kinds}") from error
    except InputError:
        raise
    except (ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{path}: not a class map ({error}); it must be {kinds}") from error
    if not isinstance(values, dict) or not all(type(value) in (str, int) for value in values.values()):
        raise InputError(f"{path}: not a class map: it must give a class or a number for each class of the data")
    return values


def _two_columns(text: str) -> dict[str, str]:
    rows = csv.reader(text.splitlines(), strict=True)
    found: dict[str, str] = {}
    for row in filter(None, rows):
        if len(row) != 2:
            raise ValueError(f"line {rows.line_num} has {len(row)} columns")
        found[row[0].strip()] = row[1].strip()
    return found
