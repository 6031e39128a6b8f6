"""`resnets compare`: which of two classifiers is better, and whether that is more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.cli.evaluate import read_class_map
from resnets.cli.terminal import as_json, as_text, check_table, watched, write_result
from resnets.data.views import Views
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.evaluation.comparison import Comparison


def compare(
    a: Path,
    b: Path,
    data: str,
    /,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    tta: Views = "none",
    show: int = 20,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Compare two classifiers on the same images, and say whether the difference is more than chance.

    It also lists the images on which the two disagree.

    Parameters
    ----------
    a
        A classifier.safetensors, the folder of a run, or an exported model (.onnx, .pt2 or a Triton folder).
    b
        Another one, for the same classes.
    data
        Labeled images, in any form that `resnets train` takes.
    split
        Images to use. By default test, else val, else the images held out from the training of both, else all.
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
    tta
        Average over several versions of each image: flip adds the mirror image, crops takes ten crops. Of an
        image that is resized to the network's exact size, these are shifts by a 32nd of that size.
    show
        How many of the images on which they disagree to list. --json always has all of them.
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
    resnets compare runs/photos runs/photos-2 more-photos/
    resnets compare resnet20.safetensors resnet32.safetensors cifar10-test.zip --show 50
    """
    from resnets import api
    from resnets.classifier import judging

    if batch_size < 1 or show < 0:
        raise InputError(f"--batch-size {batch_size} must be at least 1, --show {show} at least 0")
    if out is not None:
        json = check_table(out, json=json)
    meanings = read_class_map(class_map) if class_map is not None else None
    first, second = (api.open_predictor(path, device=device) for path in (a, b))
    with watched() as watch:
        found = judging.compare(
            first, second, data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad,
            tta=tta, batch_size=batch_size, watch=watch,
        )  # fmt: skip
    text = as_json({"classifiers": {"a": str(a), "b": str(b)}, **found.as_dict()}) if json else _text(found, a, b, show)
    write_result(text, out)


def _text(found: "Comparison", a: Path, b: Path, show: int) -> str:
    tables = [_scores(found, a, b), _agreement(found)]
    if show and len(found.differing):
        tables.append(_differing(found, show))
    return as_text(*tables)


def _scores(found: "Comparison", a: Path, b: Path) -> Table:
    count = f"{len(found.labels):,}"
    low, high = found.interval
    return Table(
        caption=f"Comparison on {found.on}",
        headers=("", "classifier", "top-1", "right", "of"),
        alignments="llrrr",
        rows=(
            ("A", str(a), f"{found.a.value:.2%}", f"{found.a.correct:,}", count),
            ("B", str(b), f"{found.b.value:.2%}", f"{found.b.correct:,}", count),
            ("B − A", "", f"{found.difference:+.2%}", f"{found.b.correct - found.a.correct:+,}", count),
        ),
        notes=(f"95% interval of B − A, by paired bootstrap: {low:+.2%} to {high:+.2%}.",),
    )


def _agreement(found: "Comparison") -> Table:
    (both, only_a), (only_b, neither) = found.table.tolist()
    if found.p_value < 0.05:
        verdict = "so chance alone is unlikely to explain the difference"
    else:
        verdict = "so chance alone can explain the difference"
    return Table(
        caption="Which is right",
        headers=("both", "A alone", "B alone", "neither"),
        alignments="rrrr",
        rows=((f"{both:,}", f"{only_a:,}", f"{only_b:,}", f"{neither:,}"),),
        notes=(f"McNemar's exact test of {only_a:,} against {only_b:,}: p = {found.p_value:.3g}, {verdict}.",),
    )


def _differing(found: "Comparison", show: int) -> Table:
    places = found.differing[:show]
    names = found.classes
    left = len(found.differing) - len(places)
    return Table(
        caption=f"Images on which they differ: {len(found.differing):,}",
        headers=("image", "true class", "A", "B"),
        alignments="llll",
        rows=tuple(
            (image, names[found.labels[place]], names[found.answers_a[place]], names[found.answers_b[place]])
            for image, place in zip(found.images, places, strict=False)  # as many as are shown
        ),
        notes=(f"{left:,} more; --show lists more, --json all.",) if left else (),
    )
