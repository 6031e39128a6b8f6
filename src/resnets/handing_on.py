"""The verbs that hand a classifier on: as what others run, as what other libraries load, and to the Hub."""

from pathlib import Path
from typing import Any, Literal

from resnets.api import load
from resnets.base.errors import InputError
from resnets.base.files import write_folder_whole, write_whole
from resnets.base.notebook import watching
from resnets.base.progress import Watch
from resnets.classifier.file import Classifier
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.evaluation.classes import ClassMap
from resnets.export import exporting
from resnets.export.exporting import MAX_BATCH, Export, ExportOptions, Precision, Target
from resnets.serve import offline
from resnets.weights.hub_push import Pushed, push
from resnets.weights.outward import Library, in_layout


def export(
    classifier: Classifier | str | Path,
    to: Target | Literal["page"] = "onnx",
    out: str | Path | None = None,
    *,
    data: str | Path | ImageSet | None = None,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    max_drop: float = 0.5,
    embeddings: bool = False,
    precision: Precision = "float32",
    max_batch: int = 64,
    watch: Watch | None = None,
) -> Export:
    """Write what others run: an ONNX file, one in int8, a torch.export file, a model's folder for Triton, or a page.

    classifier: itself, its file, or its run's folder. to: onnx, int8, torch, triton, or page: one HTML file that
    computes by itself. out: the file, or the model repository's folder; by default beside the classifier.
    data: real images on which the file must give the classifier's answers, as `train` takes them; by default those that
    the run kept. split, class_map, columns, images, skip_bad: as in `evaluate`. max_drop: percentage points of
    accuracy that int8 may lose. embeddings: whether the file also gives what the network's last layer reads. precision:
    float32 or int8, of a model repository's model or a page. max_batch: the most images that the former takes at once.

    Raises InputError for what the user can mend; RunFailed, with the reason and nothing written, when the file does not
    answer as the classifier does.
    """
    if to == "page":
        return _page(
            _loaded(classifier), out, precision=precision, max_drop=max_drop, embeddings=embeddings,
            max_batch=max_batch, watch=watch, data=data, split=split, class_map=class_map, columns=columns,
            images=images, skip_bad=skip_bad,
        )  # fmt: skip
    options = ExportOptions(
        to=to, out=None if out is None else Path(out), max_drop=max_drop, embeddings=embeddings, precision=precision,
        max_batch=max_batch,
    )  # fmt: skip
    loaded = _loaded(classifier)
    with watching(watch) as seen:
        return exporting.export(
            loaded, options, data=data, split=split, class_map=class_map, columns=columns, images=images,
            skip_bad=skip_bad, watch=seen,
        )  # fmt: skip


def _page(
    classifier: Classifier,
    out: str | Path | None,
    *,
    precision: Precision,
    max_drop: float,
    embeddings: bool,
    max_batch: int,
    watch: Watch | None,
    **data: Any,
) -> Export:
    """`export` to a page."""
    if embeddings or max_batch != MAX_BATCH:
        raise InputError("a page gives no embeddings and takes one image at a time; leave these options out")
    with watching(watch) as seen:
        path = None if out is None else Path(out)
        return offline.export(classifier, path, precision=precision, max_drop=max_drop, watch=seen, **data)


def convert_to(
    classifier: Classifier | str | Path, library: Library, out: str | Path | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Write a classifier as torchvision, timm or transformers loads it; where it is, and what to know of it.

    classifier: one, its file, or a run's folder. out: the folder to make, or torchvision's file; by default the
    library's name in the current folder. The logits are the same to the last bit.
    Raises InputError when the library has no such network, or something is at `out` already.
    """
    layout = in_layout(_loaded(classifier), library)
    if library != "torchvision":
        return write_folder_whole(Path(out or library), layout.files), layout.notes
    ((name, content),) = layout.files.items()
    path = Path(out or name)
    if path.exists():
        raise InputError(f"{path}: already exists; remove it, or choose another place")
    return write_whole(path, content), layout.notes


def push_to_hub(
    classifier: Classifier | str | Path, repository: str, *, private: bool = False, licence: str | None = None
) -> Pushed:
    """Write a classifier to the Hugging Face Hub, in timm's layout and with a model card.

    classifier: one, its file, or a run's folder. repository: OWNER/NAME; made if there is none. private: whether a new
    one is. licence: of the weights, in the Hub's words, such as "mit".
    Raises InputError when timm has no such network or the login may not write; RunFailed when the upload breaks off.
    """
    return push(_loaded(classifier), repository, private=private, licence=licence)


def _loaded(classifier: Classifier | str | Path) -> Classifier:
    return classifier if isinstance(classifier, Classifier) else load(classifier)
