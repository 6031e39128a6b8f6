"""`resnets export`: what others run, made of a classifier and held against it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.cli.evaluate import read_class_map
from resnets.cli.terminal import as_json, watched, write_result

if TYPE_CHECKING:
    from resnets.export.gate import Parity


def export(
    classifier: Path,
    /,
    *,
    to: Literal["onnx", "int8", "torch", "triton"] = "onnx",
    data: str | None = None,
    split: Literal["train", "val", "test", "all"] | None = None,
    class_map: Path | None = None,
    columns: str | None = None,
    images: Path | None = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    max_drop: float = 0.5,
    embeddings: Annotated[bool, Parameter(negative="")] = False,
    precision: Literal["float32", "int8"] = "float32",
    max_batch: int = 64,
    check: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Write a classifier as a file that others run, once real images show that it gives the same answers.

    The file takes pixels as they are in an image (uint8, N x height x width x channels) and gives calibrated
    probabilities; it holds the classes and the preprocessing too. predict, evaluate and compare take it as they take
    a classifier.

    Examples:

    `resnets export runs/photos`

    `resnets export runs/photos --to int8 --max-drop 1 -o photos-int8.onnx`

    `resnets export resnet18.safetensors --to triton --data photos/ -o model-repository`

    `resnets export runs/photos --check photos.onnx`

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    to
        onnx: an ONNX file. int8: an ONNX file in 8 bits, smaller and faster, calibrated on training images. torch: a
        torch.export file, .pt2. triton: a model's folder in a model repository of Triton or KServe.
    data
        Images to check the file on, in any form that `resnets train` takes; for int8 also to calibrate it on. By
        default those that the training run kept beside the classifier.
    split
        Which split to check on, or all images, as in `resnets evaluate`.
    class_map
        As in `resnets evaluate`.
    columns
        Of a .csv or .tsv: which columns are the image and its label (and its split), by name or number from 1, where
        they cannot be told: --columns id,class.
    images
        Of a .csv or .tsv: the folder that its paths are relative to, where that is not the table's or one below it.
    skip_bad
        Leave out images that cannot be read, and list them, instead of refusing.
    max_drop
        How many percentage points of accuracy int8 may lose. All other files must give every single answer.
    embeddings
        Give a second output, `features`: what the network's last layer reads, an embedding of each image.
    precision
        Of triton's model: float32 or int8.
    max_batch
        How many images triton's model takes at once.
    check
        Write nothing: check this exported file instead, and say why where it answers otherwise.
    json
        Print one JSON document.
    out
        The file to write, or the model repository's folder. By default classifier.onnx, classifier-int8.onnx,
        classifier.pt2 or model-repository beside the classifier.
    """
    from resnets import api
    from resnets.export import exported, exporting

    if check is not None and (out is not None or embeddings or (to, precision, max_batch) != ("onnx", "float32", 64)):
        raise InputError("--check: a check writes nothing; of what is written (--out, --to, ...) nothing can be said")
    meanings = read_class_map(class_map) if class_map is not None else None
    with watched() as watch:
        if check is not None:
            parity = exporting.check(
                api.load(classifier), exported.open_exported(check), data=data, split=split, class_map=meanings,
                columns=columns, images=images, skip_bad=skip_bad, max_drop=max_drop, watch=watch,
            )  # fmt: skip
            document: dict[str, Any] = {"checked": str(check)}
        else:
            found = api.export(
                classifier, to, out, data=data, split=split, class_map=meanings, columns=columns, images=images,
                skip_bad=skip_bad, max_drop=max_drop, embeddings=embeddings, precision=precision,
                max_batch=max_batch, watch=watch,
            )  # fmt: skip
            parity = found.parity
            document = {"exported": str(found.path), "kind": found.kind, "runs_on": found.runs_on}
    document["parity"] = parity.as_dict()
    write_result(as_json(document) if json else _text(document, parity))


def _text(document: dict[str, Any], parity: "Parity") -> str:
    (verb, path), *_ = document.items()
    runs_on = f"runs on   {document['runs_on']}\n" if "runs_on" in document else ""
    return f"parity    {parity}\n          on {parity.on}\n{verb:<9} {path}\n{runs_on}"
