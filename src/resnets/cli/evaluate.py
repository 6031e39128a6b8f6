"""`resnets evaluate`: how good a classifier is on labelled images."""

import csv
import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.cli.terminal import as_json, as_text, watched, write_result
from resnets.errors import InputError
from resnets.files import check_place
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.evaluation.classes import ClassMap
    from resnets.evaluation.metrics import Evaluation

SHOWN = 20  # classes whose confusion matrix is printed whole, and confusions that are listed beyond


def evaluate(
    classifier: Path,
    data: str,
    /,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a classifier: accuracy, loss, precision, recall and F1 of each class, and what is taken for what.

    Examples:

    `resnets evaluate runs/photos more-photos/`

    `resnets evaluate resnet18.safetensors imagenette/ --class-map wordnet.json --json -o scores.json`

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    data
        Labelled images in any form that `resnets train` takes.
    split
        Which split to score, or all images. By default test, else val, else the images held out when the classifier
        was trained on this very data, else all.
    class_map
        For data whose classes have other names than the classifier's: a .json object, or a .csv of two columns, from
        the data's class to the classifier's class or its number.
    batch_size
        Images a step.
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
        check_place(out)
    meanings = read_class_map(class_map) if class_map is not None else None
    loaded = api.load(classifier, device=device)
    with watched() as watch:
        found = loaded.evaluate(data, split=split, class_map=meanings, batch_size=batch_size, watch=watch)
    write_result(as_json(found.as_dict()) if json else as_text(*_tables(found)), out)


def read_class_map(path: Path) -> "ClassMap":
    """The class, by name or number, that each of the data's classes means."""
    kinds = "a .json object or a .csv of two columns"
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = json_format.loads(text) if path.suffix == ".json" else _two_columns(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); a class map is {kinds}") from error
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


def _tables(found: "Evaluation") -> list[Table]:
    totals = Table(
        caption=f"Scores on {found.on}",
        headers=("", "value", "right", "of"),
        alignments="lrrr",
        rows=(
            ("top-1", f"{found.top1.value:.2%}", f"{found.top1.right:,}", f"{found.count:,}"),
            *([("top-5", f"{found.top5.value:.2%}", f"{found.top5.right:,}", f"{found.count:,}")]
              if len(found.classes) > 5 else []),
            ("loss", f"{found.loss:.4f}", "", f"{found.count:,}"),
        ),
    )  # fmt: skip
    met = [score for score in found.classes if score.count]
    unmet = len(found.classes) - len(met)
    classes = Table(
        caption="Each class",
        headers=("class", "images", "answered", "precision", "recall", "F1"),
        alignments="lrrrrr",
        rows=tuple(
            (s.name, f"{s.count:,}", f"{s.predicted:,}", _share(s.precision), _share(s.recall), _share(s.f1))
            for s in met
        ),
        notes=(
            "precision: of the images answered so; recall: of the images that are so; –: nothing to divide by.",
            *([f"{unmet:,} classes without images here are left out."] if unmet else []),
        ),
    )
    return [totals, classes, _confusion(found)]


def _confusion(found: "Evaluation") -> Table:
    import numpy as np

    names = [score.name for score in found.classes]
    if len(names) <= SHOWN:
        return Table(
            caption="Confusion: a row for each right class, a column for each answer",
            headers=("", *names),
            alignments="l" + "r" * len(names),
            rows=tuple((name, *(f"{n:,}" for n in row)) for name, row in zip(names, found.confusion, strict=True)),
        )
    wrong = found.confusion - np.diag(np.diag(found.confusion))
    most = np.argsort(-wrong, axis=None, kind="stable")[:SHOWN]
    pairs = [divmod(int(place), len(names)) for place in most if wrong.flat[place]]
    return Table(
        caption="What is taken for what most often",
        headers=("right class", "answer", "images"),
        alignments="llr",
        rows=tuple((names[right], names[answer], f"{wrong[right, answer]:,}") for right, answer in pairs),
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
