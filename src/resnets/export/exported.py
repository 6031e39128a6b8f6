"""What was exported of a classifier, opened again: it answers as the classifier does, by a runtime of others."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from resnets.base.errors import InputError, RunFailed
from resnets.classifier.header import parsed, shortly
from resnets.classifier.predictor import Predictor, predictor_fields
from resnets.export import runtimes
from resnets.export.graph import FEATURES
from resnets.export.header import WHAT_WORKS, latest
from resnets.export.onnx_file import check_numbers, read_whole
from resnets.export.runtimes import Runtime

SLACK = 0.01  # of a sum of probabilities, also where others have turned a file to 16 bits


@dataclass(kw_only=True)
class Exported(Predictor):
    """An exported classifier. Its temperature is 1, as the classifier's is in the graph already."""

    runtime: Runtime
    said: dict[str, Any] = field(repr=False)  # the header that the file carries: the classifier's, and `export`

    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        """Logarithms of the probabilities. Several threads may ask at once."""
        return _logarithms(self._run(pixels)[0])

    def outputs_and_features(
        self, pixels: UInt8[np.ndarray, "batch height width channels"]
    ) -> tuple[Float32[np.ndarray, "batch classes"], Float32[np.ndarray, "batch features"]]:
        """`outputs`, and what the network's last layer reads: an embedding of each image.

        Raises InputError when the file was exported without it.
        """
        if FEATURES not in self.runtime.outputs:
            raise InputError(f"{self.path}: gives no embeddings; `resnets export --embeddings` writes a file that does")
        probabilities, features = self._run(pixels)
        return _logarithms(probabilities), features

    def _run(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> list[Float32[np.ndarray, "batch _"]]:
        """What the graph gives. Raises InputError when it cannot be computed, or gives no probabilities."""
        try:
            found = self.runtime.run(pixels)
        except (InputError, RunFailed):
            raise
        except Exception as error:  # the runtimes' errors have no common base
            raise InputError(f"{self.path}: cannot be computed ({shortly(error)}); {WHAT_WORKS}") from error
        if why := _no_probabilities(found[0], (len(pixels), len(self.classes))):
            raise InputError(f"{self.path}: gives no probabilities: {why}; {WHAT_WORKS}")
        return found

    @property
    def kind(self) -> str:
        """What it was exported to: onnx, int8 or torch."""
        return str(self.said["export"]["kind"])


def open_exported(path: str | Path, *, threads: int = 0) -> Exported:
    """Open an exported .onnx or .pt2, or a model's folder in a model repository, whose latest version is taken.

    threads: of each run of an .onnx, 0 for one a core.
    Raises InputError when it is missing, damaged, of others' making, of another format, or its runtime not installed.
    """
    path = Path(path)
    if path.is_dir():
        path = latest(path)
    return from_bytes(read_whole(path), path, threads=threads)


def from_bytes(content: bytes, path: Path, *, threads: int = 0) -> Exported:
    """`open_exported` of a file's content. path: what messages call it, and whose suffix says what it is."""
    if not _is_torch(path):
        check_numbers(content, path)
    try:
        runtime = runtimes.torch_runtime(content) if _is_torch(path) else runtimes.onnx_runtime(content, threads)
    except (InputError, RunFailed):
        raise
    except Exception as error:  # the runtimes' errors on damaged files have no common base
        raise InputError(
            f"{path}: damaged, or not written by resnets ({shortly(error)}); {WHAT_WORKS}, whole"
        ) from error
    if runtime.metadata is None:
        raise InputError(f"{path}: has no classes and preprocessing of a classifier in it; {WHAT_WORKS}")
    said = parsed(runtime.metadata, path, WHAT_WORKS)
    try:
        str(said["export"]["kind"])
        fields: dict[str, Any] = predictor_fields(said) | {"temperature": 1.0}
        found = Exported(runtime=runtime, said=said, path=path, **fields)
    except InputError as error:
        raise InputError(f"{path}: damaged: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: damaged: its header is not that of a classifier ({shortly(error)})") from error
    _check_fit(found)
    return found


def _logarithms(probabilities: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def _no_probabilities(found: Float32[np.ndarray, "*shape"], shape: tuple[int, int]) -> str | None:
    """Why an output is none; what is not finite is said by `Predictor.finite`."""
    if found.shape != shape:
        return f"its output is {_shape(found.shape)} for {shape[0]} images of {shape[1]} classes"
    if not np.isfinite(found).all():
        return None
    if found.min(initial=0) < 0 or found.max(initial=0) > 1 + SLACK:
        return f"values from {found.min():.3g} to {found.max():.3g}"
    sums = found.sum(axis=1)
    return f"a sum of {sums[np.abs(sums - 1).argmax()]:.3g}" if (np.abs(sums - 1) > SLACK).any() else None


def _is_torch(path: Path) -> bool:
    return path.suffix.lower() == ".pt2"


def _check_fit(found: Exported) -> None:
    """Raise InputError when the graph's input and output are not what the header says of them."""
    size, channels = found.preprocessing.size, found.preprocessing.channels
    ours: tuple[int | None, ...] = (None, size, size, channels)
    theirs = found.runtime.input_shape
    if theirs[0] is not None:
        raise InputError(f"{found.path}: only takes exactly {theirs[0]} images at a time; {WHAT_WORKS}")
    if theirs != ours:
        raise InputError(
            f"{found.path}: damaged: its input is {_shape(theirs)}, but the preprocessing in its header "
            f"makes {_shape(ours)}"
        )
    if found.runtime.classes != len(found.classes):
        raise InputError(
            f"{found.path}: damaged: it has {found.runtime.classes} outputs, but its header names "
            f"{len(found.classes)} classes"
        )


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("N" if one is None else str(one) for one in shape)
