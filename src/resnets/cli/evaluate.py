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
    tta: Views = "none",
    intervals: bool = True,
    reliability: Path | None = None,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a classifier: accuracy, loss, calibration, precision, recall and F1 of each class, and what is mistaken.

    Examples:

    `resnets evaluate runs/photos more-photos/`

    `resnets evaluate resnet18.safetensors imagenette/ --class-map wordnet.json --json -o scores.json`

    Parameters
    ----------
    classifier
        A classifier.safetensors, the folder of a run, or what was exported of one: an .onnx, a .pt2, or a model's
        folder in a model repository.
    data
        Labelled images in any form that `resnets train` takes.
    split
        Which split to score, or all images. By default test, else val, else the images held out when the classifier
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
    tta
        Test-time augmentation: average the outputs for each image and its mirror image (flip), or for its corners and
        centre and theirs (crops).
    intervals
        Give 95% confidence intervals, by bootstrap: how far each score might be off, had other images been judged.
    reliability
        Draw the reliability diagram to this SVG file.
    batch_size
        Images a step; of each, --tta makes several, which count.
    device
        Where to compute.
    json
        Print one JSON document.
    out
        Write to this file instead of standard output.
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
            data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad, tta=tta,
            intervals=intervals, batch_size=batch_size, watch=watch,
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
        raise InputError(f"{path}: not a class map, {kinds} ({error})") from error
    if not isinstance(values, dict) or not all(type(value) in (str, int) for value in values.values()):
        raise InputError(f"{path}: not a class map: it must map each class of the data to a class or a number")
    return values


def _two_columns(text: str) -> dict[str, str]:
    rows = csv.reader(text.splitlines(), strict=True)
    found: dict[str, str] = {}
    for row in filter(None, rows):
        if len(row) != 2:
            raise ValueError(f"line {rows.line_num} has {len(row)} columns")
        found[row[0].strip()] = row[1].strip()
    return found
