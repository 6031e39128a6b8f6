"""`resnets predict`: what is on images."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch
from resnets.cli.terminal import as_json, as_text, check_table, listed_names, watched, write_result
from resnets.data.views import Views
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.classifier.prediction import Prediction
    from resnets.classifier.predictor import Predictor


def predict(
    classifier: Path,
    /,
    *images: Annotated[str, Parameter(allow_leading_hyphen=True)],
    top: int = 1,
    tta: Views = "none",
    embeddings: Annotated[bool, Parameter(negative="")] = False,
    batch_size: int = 32,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    csv: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Say what is in each image, and how probable that is.

    An answer below the threshold of `resnets calibrate --error` is marked as not sure. If an image cannot be read, its
    row says why, and the exit code is 1.

    Parameters
    ----------
    classifier
        A classifier.safetensors, the folder of a run, or an exported model (.onnx, .pt2 or a Triton folder).
    images
        Files, folders with all their subfolders, patterns such as "*.jpg", zip and tar archives, Parquet files, s3://,
        gs:// and file:// URIs, or - to read names from standard input.
    top
        How many answers to give for each image.
    tta
        Average over several versions of each image: flip adds the mirror image, crops takes ten crops. Of an
        image that is resized to the network's exact size, these are shifts by a 32nd of that size.
    embeddings
        Also write the features of each image, into a .parquet or .jsonl file.
    batch_size
        Images per step. --tta makes several of each image, and all of them count.
    device
        Where to compute; auto takes a GPU if there is one.
    workers
        Threads, or Ray workers, for a .parquet, .csv or .jsonl file. By default one per core.
    engine
        Compute in this process, or on a Ray cluster.
    ray_address
        Address of the Ray cluster. By default one is started on this machine.
    overwrite
        Replace the .parquet, .csv or .jsonl file if it exists.
    json
        Print one JSON document: a list of {"image", "answers": [{"class", "probability"}], "sure", "error"}.
    csv
        Print comma-separated rows: image, class and probability of each answer, error, sure.
    out
        Write to this file. A .parquet, .csv or .jsonl file takes any number of images, and the same command continues
        after a stop.

    Examples
    --------
    resnets predict runs/photos holiday.jpg
    resnets predict runs/photos new-photos/ --csv -o answers.csv
    find . -name "*.jpg" | resnets predict runs/photos - --json
    resnets predict runs/photos millions-of-photos/ "shards/*.tar" -o answers.parquet
    """
    from resnets import api
    from resnets.bulk.formats import FORMATS, format_of

    if not images:
        raise InputError("no images given: name files, folders or patterns, or - to read a list from standard input")
    if json and csv:
        raise InputError("--json and --csv: choose one")
    if top < 1 or batch_size < 1:
        raise InputError(f"--top {top}, --batch-size {batch_size}: both must be at least 1")
    if ray_address is not None and engine != "ray":
        raise InputError(f"--ray-address {ray_address}: only works with --engine ray")
    listed = listed_names()
    if out is not None and (found := format_of(out)) is not None:
        if json:
            raise InputError(f"--json and {out}: choose one; a JSON document goes to standard output or a .json file")
        if csv and found.suffix != ".csv":
            raise InputError(f"--csv and {out}: choose one")
        with watched() as watch:
            written = api.predict_bulk(
                classifier, images, out, listed=listed, top=top, tta=tta, embeddings=embeddings, batch_size=batch_size,
                device=device, workers=workers, engine=engine, ray_address=ray_address, overwrite=overwrite,
                watch=watch,
            )  # fmt: skip
        _report(written.bad, written.count)
        return
    if embeddings or engine != "local" or workers is not None:
        raise InputError("--embeddings, --engine and --workers need an output file: add -o FILE.parquet")
    if out is not None:
        json = check_table(out, json=json, more=[one.suffix for one in FORMATS])
    loaded = api.open_predictor(classifier, device=device)
    top = min(top, len(loaded.classes))
    with watched() as watch:
        predictions = _predictions(loaded, images, listed, top=top, tta=tta, batch_size=batch_size, watch=watch)
    if json:
        text = as_json([prediction.as_dict() for prediction in predictions])
    else:
        text = _csv(predictions, top) if csv else as_text(_table(predictions, top))
    write_result(text, out)
    _report(sum(prediction.error is not None for prediction in predictions), len(predictions))


def _predictions(
    classifier: "Predictor", images: tuple[str, ...], listed: Iterable[str], *,
    top: int, tta: "Views", batch_size: int, watch: Watch,
) -> list["Prediction"]:  # fmt: skip
    """Predictions of so few images that they can be printed."""
    from resnets.bulk.discovery import Discovery
    from resnets.bulk.reader import Reader

    with tempfile.TemporaryDirectory(prefix="resnets-") as scratch:
        inputs = Discovery(images, listed, Path(scratch))
        entries = list(inputs)
        if not entries:
            raise InputError("no images given: the list on standard input is empty")
        with Reader(inputs.stores, Path(scratch)) as reader:
            found = classifier.predictions(map(reader.image, entries), top=top, tta=tta, batch_size=batch_size)
            return list(_watched(found, len(entries), watch))


def _report(bad: int, count: int) -> None:
    if bad:
        raise RunFailed(f"{bad:,} of {count:,} images could not be read; their rows say why")


def _watched(predictions: Iterable["Prediction"], total: int, watch: Watch) -> Iterator["Prediction"]:
    for done, prediction in enumerate(predictions, 1):
        yield prediction
        watch(Progress("predicting", done, total))


def _table(found: list["Prediction"], top: int) -> Table:
    from resnets.bulk.formats import answer_cells

    numbered = [f" {place}" if top > 1 else "" for place in range(1, top + 1)]
    return Table(
        caption="Predictions",
        headers=("image", *(f"{name}{n}" for n in numbered for name in ("class", "probability")), "note"),
        alignments="l" + "lr" * top + "l",
        rows=tuple(
            (one.image, *answer_cells(one, top), one.error or ("" if one.sure else "not sure")) for one in found
        ),
    )


def _csv(found: list["Prediction"], top: int) -> str:
    from resnets.bulk.formats import csv_header, csv_lines

    return csv_header(top) + csv_lines(found, top)
