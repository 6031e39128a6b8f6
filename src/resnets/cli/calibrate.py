"""`resnets calibrate`: make a classifier's probabilities mean what they say, and have it know when it is not sure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.files import check_place
from resnets.cli.evaluate import read_class_map
from resnets.cli.terminal import as_json, as_text, watched, write_result
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.evaluation.metrics import Evaluation
    from resnets.evaluation.recalibration import Recalibration


def calibrate(
    classifier: Path,
    data: str,
    /,
    *,
    out: Annotated[Path, Parameter(alias="-o")],
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    fraction: float | None = None,
    error: float | None = None,
    seed: int = 0,
    batch_size: int = 64,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a classifier's probabilities honest: answers given with 90% should be right 9 times in 10.

    The answers stay the same; only their probabilities change. The command fits one number, the temperature, on labeled
    images that the classifier was not trained on, and writes a new classifier file.

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    data
        Labeled images, in any form that `resnets train` takes.
    out
        The file to write.
    split
        Images to fit to. By default val, else the images held out from training.
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
    fraction
        Fit to this fraction of each class, such as 0.5, and score the rest. By default all images serve for both.
    error
        Also store a threshold for sure answers, of which at most this fraction is wrong: 0.02 for 2%.
    seed
        Decides which images belong to --fraction.
    batch_size
        Images per step.
    device
        Where to compute; auto takes a GPU if there is one.
    json
        Print one JSON document.

    Examples
    --------
    resnets calibrate runs/photos photos/ -o calibrated.safetensors
    resnets calibrate c.safetensors cifar10-test.zip --split test --fraction 0.5 --error 0.02 -o sure.safetensors
    """
    from resnets import api
    from resnets.classifier import judging

    if batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: must be at least 1")
    if seed < 0:
        raise InputError(f"--seed {seed}: must be 0 or more")
    check_place(out)
    meanings = read_class_map(class_map) if class_map is not None else None
    loaded = api.load(classifier, device=device)
    with watched() as watch:
        calibrated, found = judging.calibrate(
            loaded, data, split=split, class_map=meanings, columns=columns, images=images, skip_bad=skip_bad,
            fraction=fraction, error_rate=error, seed=seed, batch_size=batch_size, watch=watch,
        )  # fmt: skip
    calibrated.save(out)
    if json:
        write_result(as_json({"classifier": str(out), **found.as_dict()}))
        return
    write_result(as_text(_table(found)) + f"\nclassifier  {out}\n")


def _table(found: "Recalibration") -> Table:
    judged = "the rest" if found.apart else "the same images"
    notes = [f"Fitted to {found.images:,} images, scored on {judged} ({found.after.count:,})."]
    if (sure := found.after.abstained) is not None:
        accuracy = "–" if sure.accuracy is None else f"{sure.accuracy:.2%}"
        notes.append(
            f"Answers below {sure.below:.4g} are not sure. That leaves {sure.answered:,} of "
            f"{found.after.count:,} answers, "
            f"{accuracy} of them right."
        )
    elif found.fitted.threshold is not None:
        notes.append("Every answer is sure: even all of them together are not wrong more often than --error allows.")
    return Table(
        caption=f"Calibration on {found.after.on}",
        headers=("", "temperature", "calibration error", "Brier score", "loss", "top-1"),
        alignments="lrrrrr",
        rows=(
            ("before", *_figures(found.before, found.temperature)),
            ("after", *_figures(found.after, found.fitted.temperature)),
        ),
        notes=tuple(notes),
    )


def _figures(found: "Evaluation", temperature: float) -> tuple[str, ...]:
    return (
        f"{temperature:.4f}", f"{found.ece:.2%}", f"{found.brier:.4f}", f"{found.loss:.4f}", f"{found.top1.value:.2%}",
    )  # fmt: skip
