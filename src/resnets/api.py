"""The verbs as functions: what the command line does, from Python."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from resnets import catalog
from resnets.base.errors import InputError
from resnets.base.interruption import SAVE_EVERY
from resnets.base.notebook import watching
from resnets.base.progress import Watch
from resnets.bulk import run as bulk_run
from resnets.bulk.run import Written
from resnets.classifier import file as classifiers
from resnets.classifier import judging
from resnets.classifier.file import Classifier
from resnets.classifier.predictor import Predictor
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.data.views import Views
from resnets.evaluation.classes import ClassMap
from resnets.evaluation.comparison import Comparison
from resnets.export import exported
from resnets.export.header import is_exported, latest
from resnets.report.evaluated import judge
from resnets.report.page import write as write_page
from resnets.runs import lr_search as rates
from resnets.runs import run as running
from resnets.runs import seeds as several
from resnets.runs.lr_search import Found
from resnets.runs.request import TrainRequest
from resnets.runs.seeds import Spread
from resnets.spec import ResNetSpec
from resnets.training.listener import Listener
from resnets.training.recipes import plan as plans
from resnets.training.run_folder import RunFolder
from resnets.view.networks import list_records
from resnets.view.weights import weights_records
from resnets.weights import hub, published


def train(
    data: str | Path,
    network: str | Path | ResNetSpec | None = None,
    *,
    weights: str | Path | None = None,
    body: str | None = None,
    out: str | Path | None = None,
    recipe: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    epochs: int | None = None,
    resume: bool = False,
    skip_bad: bool = False,
    leave_out: str | Path | None = None,
    device: str = "auto",
    plan: Literal["auto", "usual"] = "auto",
    save_every: float = SAVE_EVERY,
    workers: int | None = None,
    tensorboard: bool = False,
    listeners: Sequence[Listener] = (),
    samples: bool = True,
    watch: Watch | None = None,
) -> Classifier:
    """Train a classifier on labelled images, and return the one that was best on validation, calibrated there.

    data: a folder with a folder per class, or train/, val/ and test/ of such; a zip or tar of either; a CSV; CIFAR;
    IDX; a MedMNIST .npz; "digits"; shards, Parquet files, s3:// and hf:OWNER/NAME. network: a catalog name, a TOML file
    or a ResNetSpec; chosen from the data, or that of the weights, when left out.
    weights: where to start instead of anew: a file, a classifier, or a name that `resnets list --weights` prints.
    body: which network of several that the file holds, such as "teacher".
    out: the run's folder; by default a new one under runs/. recipe: a name that `resnets recipe list` prints, or a TOML
    file such as a run's recipe.toml; "finetune" where weights are given.
    settings: single settings, such as {"lr": 0.05, "preprocessing.size": 128}, on top of the recipe; epochs: one of
    them.
    columns, images: of a CSV or TSV, which columns are the image and its label ("id,class", or numbers from 1), and the
    folder of the images, where these cannot be told.
    resume: go on with the run in `out` (or the newest one of this data) where it was stopped.
    skip_bad: leave out images that cannot be decoded instead of refusing to start. leave_out: a file that lists images
    to leave out, such as `resnets check --fix-list` writes. device: auto, cpu, cuda or mps.
    plan: "auto" times ways to compute on the first batch of a run that is long enough to gain; "usual" does not.
    save_every: seconds between saves of the state within an epoch. tensorboard: write its files into the run too.
    workers: processes that decode images too many to keep in memory, where 0 means threads of this one; by default as
    many as there are CPUs, if there are at least four. The batches are the same for any number.
    listeners: hear of every step and every epoch, and may end the run: each a `resnets.Listener` of your own.
    samples: keep up to 512 of the images in the run's samples.zip, on which an export is checked.
    watch: is told how far the work is; by default a notebook shows a bar and the reasons, and a program nothing.

    Raises InputError for what the user can mend, RunFailed when the run cannot finish, and Interrupted, with
    everything saved, on Ctrl-C and SIGTERM.
    """
    with watching(watch) as seen:
        return running.train(
            _order(
                data=data, network=network, weights=weights, body=body, out=out, recipe=recipe, settings=settings,
                epochs=epochs, columns=columns, images=images, resume=resume, skip_bad=skip_bad, leave_out=leave_out,
                device=device, plan=plan, save_every=save_every, workers=workers, tensorboard=tensorboard,
                samples=samples, listeners=listeners, watch=seen,
            )
        )  # fmt: skip


def train_seeds(
    data: str | Path, network: str | Path | ResNetSpec | None = None, *, seeds: int, **options: Any
) -> Spread:
    """Train the same `seeds` times, with seeds that count up from the recipe's, and say how far the results spread.

    options: as `train` takes them; the runs are folders seed-0, seed-1, ... in `out`. A rerun with resume=True goes on
    with the seed that was stopped.
    """
    with watching(options.pop("watch", None)) as watch:
        return several.train_seeds(_order(data=data, network=network, watch=watch, **options), seeds)


def lr_find(
    data: str | Path, network: str | Path | ResNetSpec | None = None, *, steps: int = 100, **options: Any
) -> Found:
    """Try learning rates from tiny to too large, a step each, and suggest one (Smith 2015).

    options: as `train` takes them, but for out and resume: nothing is written and nothing is kept.
    """
    with watching(options.pop("watch", None)) as watch:
        return rates.find_rate(_order(data=data, network=network, watch=watch, **options), steps)


def load(path: str | Path, *, device: str = "cpu") -> Classifier:
    """Read a classifier's file, or the one in a run's folder. Raises InputError when it cannot be used.

    What was exported of a classifier is not one; `open_predictor` opens either.
    """
    path = Path(path)
    if is_exported(path):
        raise InputError(
            f"{path}: an exported model, but this needs the classifier itself; only predict, evaluate and "
            "compare take exported models"
        )
    return classifiers.load(RunFolder(path).classifier if path.is_dir() else path, device=str(_device(device)))


def predict_bulk(
    classifier: str | Path,
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    listed: Iterable[str] = (),
    top: int = 1,
    tta: Views = "none",
    embeddings: bool = False,
    batch_size: int = 32,
    device: str = "cpu",
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> Written:
    """What is on any number of images, as rows of a .parquet, .csv or .jsonl file in the images' order.

    The work is cut into parts, whose files lie in a folder beside `out` until all are there. The same call goes on
    where one was stopped or killed: no row is lost, doubled or different.

    classifier: its file, the folder of a run, or what was exported of it. images: files, folders (to their depth),
    patterns, zip and tar archives, WebDataset shards, Parquet files with a column of image bytes, s3://, gs:// and
    file:// URIs of any of these; "-" stands for `listed`, one name each. top: how many answers a row has. tta:
    test-time augmentation, as in `Predictor.scored`. embeddings: whether to write each image's features too.
    batch_size: images a step of the network. workers: threads, or Ray workers; by default one a core. engine: "ray"
    computes the parts over a cluster with Ray Data, whose machines must all see `out` and the images; ray_address: of
    a cluster that runs, instead of a new one on this machine. overwrite: whether `out` may be there already.

    An image that cannot be read is a row with its error, and counted in `bad` of what is returned. Raises InputError
    for what the user can mend, RunFailed when the run cannot finish, Interrupted on Ctrl-C and SIGTERM.
    """
    many = [images] if isinstance(images, str | Path) else images
    with watching(watch) as seen:
        return bulk_run.predict(
            bulk_run.BulkRequest(
                classifier=_file(Path(classifier)), images=tuple(map(str, many)), out=Path(out),
                opener=partial(open_predictor, threads=1), listed=listed, top=top, tta=tta, embeddings=embeddings,
                batch_size=batch_size, device=_bulk_device(classifier, device, engine), workers=workers, engine=engine,
                ray_address=ray_address, overwrite=overwrite, watch=seen,
            )
        )  # fmt: skip


def open_predictor(path: str | Path, *, device: str = "cpu", threads: int = 0) -> Predictor:
    """What answers for images: a classifier as `load` reads it, or what was exported of one.

    path: a classifier's file or a run's folder; an exported .onnx or .pt2; or a model's folder in a model repository.
    device: of a classifier; what was exported runs on the CPU. threads: of each run of an .onnx, 0 for one a core; the
    others have those that torch has.
    Raises InputError when it cannot be used.
    """
    path = Path(path)
    if not is_exported(path):
        return load(path, device=device)
    if device not in ("auto", "cpu"):
        raise InputError(f"{path}: device {device!r}: exported models run on the CPU; use the classifier instead")
    return exported.open_exported(path, threads=threads)


def compare(
    a: Predictor | str | Path,
    b: Predictor | str | Path,
    data: str | Path | ImageSet,
    *,
    device: str = "cpu",
    watch: Watch | None = None,
    **options: Any,
) -> Comparison:
    """Two classifiers of the same classes on the same labelled images: which is better, and whether that is chance.

    a, b: classifiers, or whatever `open_predictor` opens. device: where those that are opened compute. options: split,
    class_map, tta and batch_size, as in `Predictor.scored`. Raises InputError when the classes differ or no image is
    left.
    """
    first, second = (one if isinstance(one, Predictor) else open_predictor(one, device=device) for one in (a, b))
    with watching(watch) as seen:
        return judging.compare(first, second, data, watch=seen, **options)


def report(
    classifier: Classifier | str | Path,
    data: str | Path | ImageSet,
    out: str | Path = "report.html",
    *,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    device: str = "cpu",
    watch: Watch | None = None,
    **options: Any,
) -> Path:
    """Judge a classifier on labelled images and write a page that needs nothing else; its path.

    classifier: itself, its file, or its run's folder. data, split, class_map, options: as in `Predictor.scored`.
    Raises InputError for what the user can mend, RunFailed when the page cannot be written.
    """
    loaded = classifier if isinstance(classifier, Classifier) else load(classifier, device=device)
    with watching(watch) as seen:
        return write_page(out, judge(loaded, data, split=split, class_map=class_map, watch=seen, **options))


def list_networks(pattern: str = "*", *, weights: bool = False) -> list[dict[str, Any]]:
    """The networks whose names `pattern` matches or is part of, or with `weights` the published weights, a dict each.

    Raises InputError, with the nearest names, when there is none.
    """
    if weights:
        return weights_records(published.matching(pattern), hub.cached)
    return list_records(catalog.matching(pattern))


def _file(path: Path) -> Path:
    """The one file of a classifier or of what was exported of it, where its folder is named."""
    if not path.is_dir():
        return path
    return latest(path) if is_exported(path) else RunFolder(path).classifier


def _order(
    *, device: str = "auto", settings: Mapping[str, Any] | None = None, epochs: int | None = None, **asked: Any
) -> TrainRequest:
    values = plans.nested(settings or {}, where="settings")
    if epochs is not None:
        values["epochs"] = epochs
    return TrainRequest(device=_device(device), settings=values, **asked)


def _bulk_device(classifier: str | Path, name: str, engine: Literal["local", "ray"]) -> str:
    """Where a bulk prediction computes. Of Ray's workers, which open it themselves, only the name is checked."""
    if is_exported(classifier):
        return "cpu"
    if engine == "ray" and name.partition(":")[0] in ("cuda", "mps"):
        return name
    return str(_device(name))


def _device(name: str) -> torch.device:
    """The device of that name. Raises InputError when this machine has none."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    kind = name.partition(":")[0]
    if kind not in there:
        raise InputError(f"device {name!r}: must be auto, cpu, cuda or mps")
    if not there[kind]:
        have = ", ".join(kind for kind, has in there.items() if has)
        raise InputError(f"device {name!r}: not on this machine, which has {have}")
    return torch.device(name)
