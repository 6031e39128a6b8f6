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
    to: Literal["onnx", "int8", "torch", "triton", "page"] = "onnx",
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
    """Write a classifier as a file for other software: ONNX, int8, torch.export, Triton, a web page.

    The file takes the pixels of an image (uint8, N x height x width x channels) and gives calibrated probabilities. It
    contains the class names and the preprocessing. Before it is kept, it must give the same answers as the classifier
    on real images. `predict`, `evaluate` and `compare` can use it too.

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    to
        onnx: an ONNX file. int8: a smaller, faster ONNX file that computes in 8 bits. torch: a torch.export file
        (.pt2). triton: a folder for Triton or KServe. page: one HTML file that computes by itself in a browser.
    data
        Images to check the file on, and for int8 to calibrate it on. By default those that training kept.
    split
        Images to check the file on. By default as in `resnets evaluate`.
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
    max_drop
        Percentage points of accuracy that int8 may lose. All other files must give the same answers.
    embeddings
        Add a second output, `features`: the input of the network's last layer.
    precision
        Precision of the model in a Triton folder or a page.
    max_batch
        Most images at once for a model in a Triton folder.
    check
        Write nothing. Check this exported file instead, and explain any difference.
    json
        Print one JSON document.
    out
        The file or folder to write. By default it is put beside the classifier.

    Examples
    --------
    resnets export runs/photos
    resnets export runs/photos --to int8 --max-drop 1 -o photos-int8.onnx
    resnets export resnet18.safetensors --to triton --data photos/ -o model-repository
    resnets export runs/photos --to page --precision int8 -o photos.html
    resnets export runs/photos --check photos.onnx
    """
    from resnets import api, handing_on
    from resnets.export import exported, exporting

    if check is not None and (out is not None or embeddings or (to, precision, max_batch) != ("onnx", "float32", 64)):
        raise InputError(
            "--check writes nothing, so it cannot be combined with --out, --to, --embeddings, "
            "--precision or --max-batch"
        )
    meanings = read_class_map(class_map) if class_map is not None else None
    with watched() as watch:
        if check is not None:
            parity = exporting.check(
                api.load(classifier), exported.open_exported(check), data=data, split=split, class_map=meanings,
                columns=columns, images=images, skip_bad=skip_bad, max_drop=max_drop, watch=watch,
            )  # fmt: skip
            document: dict[str, Any] = {"checked": str(check)}
        else:
            found = handing_on.export(
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
