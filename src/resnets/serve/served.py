"""One classifier as a server holds it: what decodes, what computes, and what the server says about it."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from resnets.base.errors import InputError, RunFailed
from resnets.base.names import composed
from resnets.base.versions import provenance
from resnets.classifier.file import Classifier, load
from resnets.classifier.predictor import Predictor
from resnets.evaluation import calibration
from resnets.explain.cam import class_activation_map, is_exact
from resnets.export import exported as exports
from resnets.export import gate, onnx
from resnets.export.exporting import digest
from resnets.export.header import is_exported, read_exported_header
from resnets.export.repository import model_name
from resnets.serve.card import card
from resnets.training.run_folder import RunFolder

BATCH = 8  # images that a network takes at once, if it gains by that: more would gain little and let others wait
GAIN = 1.1  # how much faster an image must be in a batch; on a CPU, a large network gains nothing
TIMED = 0.02  # seconds, at least, in which that is measured
CHECKED = 8  # images of noise on which a graph that was made here must agree with torch

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Served:
    """A classifier that is ready to answer. `compute` and `maps` may be called by several threads at once."""

    name: str
    path: Path
    predictor: Predictor  # runs on one core
    wide: Predictor  # runs on all cores: for an image that comes alone
    header: dict[str, Any]  # what its file says
    classifier: Classifier | None  # computes activations and their maps; None where only an exported file is there
    batch: int = BATCH  # images that it takes at once, at most
    loaded: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.predictor.classes

    @property
    def runtime(self) -> str:
        """What computes."""
        return "torch" if isinstance(self.predictor, Classifier) else "ONNX Runtime"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what the network reads."""
        preprocessing = self.predictor.preprocessing
        return preprocessing.size, preprocessing.size, preprocessing.channels

    @property
    def has_maps(self) -> bool:
        """Whether class activation maps can be computed."""
        return self.classifier is not None and is_exact(self.classifier.network)

    def compute(
        self, pixels: UInt8[np.ndarray, "batch height width channels"], *, alone: bool = False
    ) -> Float32[np.ndarray, "batch classes"]:
        """The raw outputs. alone: whether all cores may be used. Raises RunFailed when they are no numbers."""
        chosen = self.wide if alone and len(pixels) == 1 else self.predictor
        return chosen.finite(chosen.outputs(pixels))

    def map_of(
        self, pixels: UInt8[np.ndarray, "height width channels"], place: int
    ) -> Float32[np.ndarray, "rows columns"]:
        """What each part of an image adds to the output at `place`. Only where `has_maps`."""
        assert self.classifier is not None
        places = torch.tensor([place])
        return class_activation_map(self.classifier, torch.from_numpy(pixels[None]), places)[0].numpy()

    def warm_up(self) -> None:
        """Run each network, so that the first request does not pay for it, and find out whether batches pay."""
        black = np.zeros((BATCH, *self.shape), dtype=np.uint8)
        self.wide.outputs(black[:1])
        self.predictor.outputs(black[:1])
        alone, together = (_seconds(lambda count=count: self.predictor.outputs(black[:count])) for count in (1, BATCH))
        self.batch = BATCH if BATCH * alone > GAIN * together else 1

    @cached_property
    def card(self) -> dict[str, Any]:
        """What people should know of it, as JSON values."""
        found = card(self.name, self.header, self.predictor, runtime=self.runtime, maps=self.has_maps)
        return found | {"loaded": self.loaded, "activations": self.classifier is not None}


def _seconds(run: Callable[[], object]) -> float:
    """The shortest time that it takes, of as many as fit in TIMED."""
    began, times = time.perf_counter(), list[float]()
    while not times or time.perf_counter() - began < TIMED:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return min(times)


def named_paths(given: list[str]) -> dict[str, Path]:
    """The classifiers of a command line, by name: PATH, or NAME=PATH. Raises InputError when two have one name."""
    found: dict[str, Path] = {}
    for one in given:
        name, equals, path = one.partition("=")
        if not equals or Path(one).exists():
            path, name = one, model_name(_file(Path(one)))
        if model_name(Path(f"{name}.onnx")) != name:
            raise InputError(f"{one}: the name {name!r} may have only letters, digits, '_', '.' and '-'")
        if name in found:
            raise InputError(f"{one}: {name!r} is already the name of {found[name]}; write another NAME={path}")
        found[name] = Path(path)
    if not found:
        raise InputError("no classifier given: name a classifier.safetensors, the folder of a run, or an exported file")
    return found


def open_served(name: str, path: Path, *, threads: int) -> Served:
    """A classifier or an exported file, ready to answer.

    threads: cores that an image which comes alone may use. ONNX Runtime computes where the file is an exported one,
    where one of the same classifier lies beside it, or where it can be made now; else torch.
    Raises InputError when it cannot be used.
    """
    if is_exported(path):
        predictor = exports.open_exported(path, threads=1)
        wide = exports.open_exported(path, threads=threads)
        served = Served(
            name=name, path=path, predictor=predictor, wide=wide, header=read_exported_header(path), classifier=None
        )
    else:
        file = _file(path)
        classifier = load(file)
        graphs = _beside(classifier, threads) or _made(classifier, threads) or (classifier, classifier)
        served = Served(
            name=name, path=path, predictor=graphs[0], wide=graphs[1], header=classifier.header(), classifier=classifier
        )
    served.warm_up()
    log.info("%s answers by %s", name, served.runtime)
    return served


def check(path: Path) -> None:
    """Raise InputError where `open_served` would. It reads the file, and makes nothing."""
    if is_exported(path):
        exports.open_exported(path, threads=1)
    else:
        load(_file(path))


def _file(path: Path) -> Path:
    return RunFolder(path).classifier if path.is_dir() and not is_exported(path) else path


def _beside(classifier: Classifier, threads: int) -> tuple[Predictor, Predictor] | None:
    """The float32 ONNX file beside a classifier, if it was made of this very file."""
    path = None if classifier.path is None else classifier.path.with_suffix(".onnx")
    if path is None or not path.is_file():
        return None
    try:
        said = read_exported_header(path)["export"]
        if said["kind"] != "onnx" or said["source_sha256"] != digest(classifier):
            return None
        return exports.open_exported(path, threads=1), exports.open_exported(path, threads=threads)
    except (InputError, RunFailed, KeyError, TypeError) as error:
        log.warning("the exported file beside %s is not used: %s", classifier.path, error)
        return None


def _made(classifier: Classifier, threads: int) -> tuple[Predictor, Predictor] | None:
    """The classifier as an ONNX graph, made in memory and compared with torch; None where that does not succeed."""
    path = Path("graph.onnx")
    try:
        said = classifier.header() | {"export": {"kind": "onnx", **provenance()}}
        content = onnx.with_metadata(onnx.export(classifier), json.dumps(said))
        opened = [exports.from_bytes(content, path, threads=count) for count in (1, threads)]
        _check_agreement(classifier, opened[0])
    except Exception as error:  # torch's exporter raises whatever it meets
        log.warning("torch computes, because the classifier can't be made an ONNX graph: %s", error)
        return None
    return opened[0], opened[1]


def _check_agreement(classifier: Classifier, graph: Predictor) -> None:
    """Raise RunFailed where a graph's probabilities for noise are not the classifier's."""
    random = np.random.default_rng(0)
    size, channels = classifier.preprocessing.size, classifier.preprocessing.channels
    pixels = random.integers(0, 256, (CHECKED, size, size, channels), dtype=np.uint8)
    ours, theirs = (_probabilities(one, pixels) for one in (classifier, graph))
    if (difference := float(np.abs(ours - theirs).max())) > gate.TOLERANCE:
        raise RunFailed(f"its probabilities differ by {difference:.2g}")


def _probabilities(predictor: Predictor, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return calibration.probabilities(predictor.outputs(pixels), predictor.temperature)


def class_place(served: Served, name: str) -> int | None:
    """The output of a class, by its name in either of Unicode's forms; None where there is none."""
    names = [composed(one) for one in served.classes]
    return names.index(composed(name)) if composed(name) in names else None


Opener = Callable[[str, Path], Served]
