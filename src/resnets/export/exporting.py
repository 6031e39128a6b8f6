"""From a classifier to a file that others run: made in memory, held against the classifier, and only then written."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from resnets.base.errors import InputError
from resnets.base.files import check_parents, check_place, write_whole
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.versions import provenance
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.imageset import ImageSet, Split
from resnets.data.table_columns import Asked
from resnets.evaluation.classes import ClassMap
from resnets.export import exported as exports
from resnets.export import onnx, parity_images, program, quantization, repository
from resnets.export.exported import Exported
from resnets.export.gate import Gate, Parity

Target = Literal["onnx", "int8", "torch", "triton"]
Precision = Literal["float32", "int8"]

MAX_BATCH = 64  # images that a model repository's model takes at once, unless it is said

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """What was written, and how it compares with the classifier."""

    path: Path
    kind: str  # onnx, int8 or torch
    parity: Parity
    on: str | None = None  # what loads it, where its kind does not say

    @property
    def runs_on(self) -> str:
        """What loads it, in words."""
        if self.on is not None:
            return self.on
        return f"torch {version('torch')}" if self.kind == "torch" else f"ONNX Runtime {onnx.OLDEST_RUNTIME} or later"


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is to be made of a classifier. Raises InputError when it cannot be."""

    to: Target = "onnx"
    precision: Precision = "float32"  # of a model repository
    out: Path | None = None
    embeddings: bool = False
    max_drop: float = 0.5  # percentage points of accuracy that int8 may lose
    max_batch: int = MAX_BATCH  # of a model repository

    def __post_init__(self) -> None:
        if self.to not in get_args(Target):
            raise InputError(f"export to {self.to!r}: must be one of {', '.join(get_args(Target))}")
        if self.precision not in get_args(Precision):
            raise InputError(f"precision {self.precision!r}: must be one of {', '.join(get_args(Precision))}")
        if self.precision == "int8" and self.to != "triton":
            raise InputError("precision int8 is for a model repository (triton); for an int8 file, export to int8")
        if not 0 <= self.max_drop <= 100:
            raise InputError(f"max drop {self.max_drop}: percentage points of accuracy, 0 to 100")
        if self.max_batch < 1:
            raise InputError(f"max batch {self.max_batch}: must be at least 1")
        if self.max_batch != MAX_BATCH and self.to != "triton":
            raise InputError(
                f"max batch {self.max_batch}: is for a model repository (triton); a file takes any number of images"
            )

    @property
    def kind(self) -> str:
        """Of the file: onnx, int8 or torch."""
        if self.to == "triton":
            return "int8" if self.precision == "int8" else "onnx"
        return self.to

    def place(self, classifier: Classifier) -> Path:
        """Where it is written. Raises InputError when nothing can be written there."""
        beside = (classifier.path or Path("classifier.safetensors")).parent
        if self.to == "triton":
            name = repository.model_name(classifier.path)
            folder = (self.out or beside / "model-repository") / name
            check_parents(folder)
            if folder.exists():
                raise InputError(f"{folder}: already exists; remove it, or choose another place")
            return folder
        suffix = ".pt2" if self.to == "torch" else ".onnx"
        stem = "classifier" if classifier.path is None else classifier.path.stem
        path = self.out or beside / f"{stem}{'-int8' if self.to == 'int8' else ''}{suffix}"
        check_place(path)
        if path.suffix.lower() != suffix:
            raise InputError(f"{path}: must end in {suffix}, so that it can be opened again")
        return path


def export(
    classifier: Classifier,
    options: ExportOptions,
    *,
    data: str | Path | ImageSet | None = None,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    watch: Watch = unwatched,
) -> Export:
    """Make the file that is wished for, hold it against the classifier on real images, and write it.

    data, split, class_map, columns, images, skip_bad: the images, as `images.find` has them.
    Raises InputError for what the user can mend; RunFailed, with nothing written, when the file does not give the
    classifier's answers.
    """
    path = options.place(classifier)
    judged = parity_images.find(
        classifier, data, split=split, class_map=class_map, columns=columns, images=images, skip_bad=skip_bad,
        calibrate=options.kind == "int8",
    )  # fmt: skip
    name = path / "1" / "model.onnx" if options.to == "triton" else path
    header = classifier.header() | {"export": _described(classifier, options.kind)}
    at_gate = Gate(classifier, judged, watch)
    at_gate.check_classifier()
    finished = _finisher(options, at_gate, header, name)
    opened = exports.from_bytes(finished(header), name)
    found = at_gate.require(opened, max_drop=options.max_drop)
    header["export"]["parity"] = found.as_dict()
    content = finished(header)
    if options.to == "triton":
        repository.write(path, opened, content, max_batch=options.max_batch)
    else:
        write_whole(path, content)
    return Export(path, options.kind, found)


def check(
    classifier: Classifier,
    exported: Exported,
    *,
    data: str | Path | ImageSet | None = None,
    split: Split | Literal["all"] | None = None,
    class_map: ClassMap | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    skip_bad: bool = False,
    max_drop: float = 0.5,
    watch: Watch = unwatched,
) -> Parity:
    """Hold an exported file against the classifier. Raises RunFailed, with the reason, when it may not stand for it.

    The arguments are those of `export`.
    """
    judged = parity_images.find(
        classifier, data, split=split, class_map=class_map, columns=columns, images=images, skip_bad=skip_bad
    )
    return Gate(classifier, judged, watch).require(exported, max_drop=max_drop)


def _finisher(
    options: ExportOptions, at_gate: Gate, header: dict[str, Any], name: Path
) -> Callable[[dict[str, Any]], bytes]:
    """Trace the classifier; what comes back makes the file with a header."""
    watch = at_gate.watch
    steps = 2 if options.kind == "torch" else 3
    watch(Progress("exporting", 1, steps))
    traced = program.trace(at_gate.classifier, features=options.embeddings)
    watch(Progress("exporting", 2, steps))
    if options.kind == "torch":
        return lambda said: program.save(traced, json.dumps(said))
    content = onnx.from_program(traced)
    watch(Progress("exporting", 3, steps))
    if options.kind == "int8":
        content = _quantized(content, options, at_gate, header, name)
    return lambda said: onnx.with_metadata(content, json.dumps(said))


def _quantized(content: bytes, options: ExportOptions, at_gate: Gate, header: dict[str, Any], name: Path) -> bytes:
    """The model in int8, by the method that is most accurate; which one that is goes into the header."""
    calibration = at_gate.images.calibration
    assert calibration is not None  # as `images.find` was asked to
    pixels = np.stack(list(loading.evaluation_pixels(calibration, at_gate.classifier.preprocessing)))

    def accuracy(model: bytes) -> float:
        opened = exports.from_bytes(onnx.with_metadata(model, json.dumps(header)), name)
        return at_gate.compare(opened).accuracy

    enough = at_gate.accuracy - options.max_drop / 100
    found = quantization.quantize(content, pixels, accuracy, enough=enough, watch=at_gate.watch)
    header["export"]["int8"] = {
        "method": found.method, "accuracies": dict(found.accuracies), "calibration_images": found.images,
    }  # fmt: skip
    return found.content


def _described(classifier: Classifier, kind: str) -> dict[str, Any]:
    """What the header says of the export, but for the figures."""
    origin = provenance()
    for package in ("onnx", "onnxruntime", "onnxscript"):
        try:
            origin["versions"][package] = version(package)
        except PackageNotFoundError:
            log.debug("%s is not installed", package)
    needs = {} if kind == "torch" else {"onnxruntime": f">={onnx.OLDEST_RUNTIME}"}
    return {"kind": kind, "source_sha256": digest(classifier), **needs, **origin}


def digest(classifier: Classifier) -> str | None:
    """SHA-256 of the classifier's file; None for one that was never written."""
    if classifier.path is None or not classifier.path.is_file():
        return None
    with classifier.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
