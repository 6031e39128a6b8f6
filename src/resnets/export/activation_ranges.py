"""How far the values between a graph's nodes reach, on real images: what static quantization scales them by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch, unwatched
from resnets.export.graph import INPUT
from resnets.export.sessions import session

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Activations:
    """The least and the greatest value of each tensor, an image a row, and the mean of each of its channels."""

    tensors: tuple[str, ...]
    least: Float32[np.ndarray, "images tensors"]
    greatest: Float32[np.ndarray, "images tensors"]
    means: dict[str, NDArray[np.float32]]  # by tensor, a number for each channel

    def widest(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Of each tensor, the range that holds every value seen."""
        return self._ranges(self.least.min(axis=0), self.greatest.max(axis=0))

    def usual(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Of each tensor, the range that an image has on average: finer, and it clips what is rare.

        What TensorFlow's moving average of extremes tends to (Jacob et al. 2018, section 3.1).
        """
        return self._ranges(self.least.mean(axis=0), self.greatest.mean(axis=0))

    def _ranges(
        self, least: Float32[np.ndarray, " tensors"], greatest: Float32[np.ndarray, " tensors"]
    ) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        pairs = zip(least, greatest, strict=True)
        return {
            name: (np.asarray(low), np.asarray(high)) for name, (low, high) in zip(self.tensors, pairs, strict=True)
        }


def activations(
    model: "onnx.ModelProto",
    tensors: Iterable[str],
    images: Iterable[UInt8[np.ndarray, "batch height width channels"]],
    *,
    count: int | None = None,
    watch: Watch = unwatched,
) -> Activations:
    """What float tensors of a graph hold as it computes images.

    images: batches of what its input takes. count: of images, where it is known, for `watch`. One image is computed at
    a time, so that what is held in memory is the values of one, whatever the number of images.
    Raises InputError when there is no image; RunFailed when a value is not finite.
    """
    names = tuple(dict.fromkeys(tensors))
    running = session(_showing(model, names))
    least: list[NDArray[np.float32]] = []
    greatest: list[NDArray[np.float32]] = []
    sums = [np.zeros(1)] * len(names)
    for batch in images:
        for place in range(len(batch)):
            found = running.run(list(names), {INPUT: batch[place : place + 1]})
            least.append(np.array([values.min() for values in found], dtype=np.float32))
            greatest.append(np.array([values.max() for values in found], dtype=np.float32))
            sums = [total + _channel_means(values) for total, values in zip(sums, found, strict=True)]
            watch(Progress("calibrating", len(least), max(count or 0, len(least))))
    if not least:
        raise InputError("no image to calibrate the quantization on; give some that are like those to be predicted")
    means = {name: (total / len(least)).astype(np.float32) for name, total in zip(names, sums, strict=True)}
    result = Activations(names, np.stack(least), np.stack(greatest), means)
    if not (np.isfinite(result.least).all() and np.isfinite(result.greatest).all()):
        raise RunFailed("the network's values are not finite numbers: its weights are damaged; train it again")
    return result


def _channel_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.mean(axis=tuple(axis for axis in range(values.ndim) if axis != 1))


def _showing(model: "onnx.ModelProto", tensors: Iterable[str]) -> bytes:
    """The model with each of the tensors among its outputs."""
    import onnx

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    already = {output.name for output in shown.graph.output}
    for name in tensors:
        if name not in already:
            shown.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return shown.SerializeToString()
