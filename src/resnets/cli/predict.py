"""`resnets predict`: what is on images."""

import csv
import glob
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.cli.terminal import as_json, as_text, watched, write_result
from resnets.errors import InputError, RunFailed
from resnets.files import check_place
from resnets.progress import Progress, Watch
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.prediction import Prediction


def predict(
    classifier: Path,
    /,
    *images: Annotated[str, Parameter(allow_leading_hyphen=True)],
    top: int = 1,
    tta: Literal["none", "flip", "crops"] = "none",
    batch_size: int = 32,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    csv: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Say what is on images. One that cannot be read is a row with its error; the exit code is then 1.

    An answer less probable than the threshold that `resnets calibrate --error` has set is marked as not sure.

    Examples:

    `resnets predict runs/photos holiday.jpg`

    `resnets predict runs/photos new-photos/ --csv -o answers.csv`

    `find . -name "*.jpg" | resnets predict runs/photos - --json`

    Parameters
    ----------
    classifier
        A classifier.safetensors, the folder of a run, or what was exported of one: an .onnx, a .pt2, or a model's
        folder in a model repository.
    images
        Files, folders (searched to their depth), patterns such as "*.jpg", or - for a list on standard input, one a
        line.
    top
        How many answers for each image, most probable first.
    tta
        Test-time augmentation: average what is said of each image and its mirror image (flip), or of its corners and
        centre and theirs (crops).
    batch_size
        Images a step.
    device
        Where to compute.
    json
        Print one JSON document: a list of {"image", "answers": [{"class", "probability"}], "sure", "error"}.
    csv
        Print comma-separated rows: image, then class and probability for each answer, then error, then sure.
    out
        Write to this file instead of standard output.
    """
    from resnets import api

    if not images:
        raise InputError("no images given: name files, folders or patterns, or - to read a list from standard input")
    if json and csv:
        raise InputError("--json and --csv: choose one")
    if top < 1 or batch_size < 1:
        raise InputError(f"--top {top}, --batch-size {batch_size}: both must be at least 1")
    if out is not None:
        check_place(out)
    loaded = api.open_predictor(classifier, device=device)
    top = min(top, len(loaded.classes))
    paths = list(find_images(images, sys.stdin or ()))  # there is none where a caller has closed it
    if not paths:
        raise InputError("no images given: the list on standard input is empty")
    with watched() as watch:
        found = list(_watched(loaded.predictions(paths, top=top, tta=tta, batch_size=batch_size), len(paths), watch))
    if json:
        text = as_json([prediction.as_dict() for prediction in found])
    else:
        text = _csv(found, top) if csv else as_text(_table(found, top))
    write_result(text, out)
    bad = sum(prediction.error is not None for prediction in found)
    if bad:
        raise RunFailed(f"{bad} of {len(found)} images could not be read; their rows say why")


def find_images(images: Sequence[str], listed: Iterable[str]) -> Iterator[str]:
    """The image files that the arguments mean; `-` reads more names from `listed`.

    A name that matches nothing is passed on, so that it becomes a row with its error. Raises InputError for a folder
    without images, an empty name, and what looks like an option and is no file.
    """
    from resnets.data.decoding import SUFFIXES
    from resnets.data.listing import is_hidden, is_image

    for name in images:
        if name == "-":
            yield from (line.rstrip("\r\n") for line in listed if line.strip())
        elif not name:
            raise InputError("'': an image has an empty name; name files, folders or patterns")
        elif name.startswith("-") and not Path(name).exists():
            raise InputError(f"{name}: neither an option nor a file; `resnets predict --help` lists the options")
        elif Path(name).is_dir():
            found = sorted(
                path
                for path in Path(name).rglob("*")
                if is_image(path.name) and not any(map(is_hidden, path.relative_to(name).parts)) and not path.is_dir()
            )
            if not found:
                raise InputError(f"{name}: no images in this folder; {', '.join(sorted(SUFFIXES))} are")
            yield from map(str, found)
        elif any(character in name for character in "*?[") and not Path(name).exists():
            yield from sorted(glob.glob(name, recursive=True)) or [name]  # noqa: PTH207 - as the shell would
        else:
            yield name


def _watched(predictions: Iterable["Prediction"], total: int, watch: Watch) -> Iterator["Prediction"]:
    for done, prediction in enumerate(predictions, 1):
        yield prediction
        watch(Progress("predicting", done, total))


def _columns(prediction: "Prediction", top: int) -> list[str]:
    """Class and probability of each answer, with blanks where there are fewer."""
    cells: list[str] = []
    for answer in prediction.answers:
        cells += [answer.label, f"{answer.probability:.4f}"]
    return cells + [""] * (2 * top - len(cells))


def _table(found: list["Prediction"], top: int) -> Table:
    numbered = [f" {place}" if top > 1 else "" for place in range(1, top + 1)]
    return Table(
        caption="Predictions",
        headers=("image", *(f"{name}{n}" for n in numbered for name in ("class", "probability")), "note"),
        alignments="l" + "lr" * top + "l",
        rows=tuple((one.image, *_columns(one, top), one.error or ("" if one.sure else "not sure")) for one in found),
    )


def _csv(found: list["Prediction"], top: int) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbered = [f"_{place}" if place > 1 else "" for place in range(1, top + 1)]
    writer.writerow(["image", *(f"{name}{n}" for n in numbered for name in ("class", "probability")), "error", "sure"])
    for one in found:
        sure = "" if one.error is not None else "yes" if one.sure else "no"
        writer.writerow([one.image, *_columns(one, top), one.error or "", sure])
    return buffer.getvalue()
