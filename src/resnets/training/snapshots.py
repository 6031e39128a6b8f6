"""A run's state is taken between two steps, and written by a thread beside the training, which goes on meanwhile."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resnets.base.files import written_whole
from resnets.base.seal import Stored, write_sealed
from resnets.training.checkpoint import ENTRY, FORMAT, Saved
from resnets.training.step.step import Step

_DTYPES = {  # torch's -> safetensors' name
    torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A run's state as it was at one moment, in memory of its own."""

    tensors: dict[str, Tensor]  # on the CPU
    entry: dict[str, Any]

    @property
    def is_finite(self) -> bool:
        """Whether the network's weights and statistics are numbers."""
        ours = (value.numpy() for name, value in self.tensors.items() if name.startswith("network."))
        return all(bool(np.isfinite(value.min()) and np.isfinite(value.max())) for value in ours if value.size)

    def write(self, path: Path, earlier: Path) -> None:
        """Write the state file, whole or not at all; the file before it goes to `earlier`.

        Raises RunFailed when the system refuses.
        """
        widest_first = sorted(self.tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
        stored = {name: _stored(tensor) for name, tensor in widest_first}
        instead = "choose another -o; --resume goes on from the last checkpoint that was written"
        with written_whole(path, earlier=earlier, instead=instead) as file:
            write_sealed(file, stored, {ENTRY: json.dumps(self.entry)})


def _stored(tensor: Tensor) -> Stored:
    bits = {2: torch.int16, 1: torch.uint8}.get(tensor.element_size())
    return Stored(_DTYPES[tensor.dtype], (tensor.view(bits) if bits else tensor).numpy())


def snapshot(step: Step, saved: Saved, *, into: Mapping[str, Tensor] | None = None) -> Snapshot:
    """The state of a run between two steps.

    into: the tensors of an earlier snapshot, whose memory is used again: new memory takes several times as long.
    """
    tensors = {f"network.{name}": tensor for name, tensor in step.network.state_dict().items()}
    for name, parameter in step.network.named_parameters():
        for key, value in step.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    if step.average:
        tensors |= {f"average.{name}": tensor for name, tensor in step.average.state_dict().items()}
    entry = {
        "format": FORMAT,
        "plan": saved.plan.as_dict(),
        "data": saved.data,
        "threads": saved.threads,
        "run_state": dataclasses.asdict(saved.run_state),
        "origin": saved.origin,
    }
    before = into or {}
    return Snapshot({name: _copy(tensor.detach(), before.get(name)) for name, tensor in tensors.items()}, entry)


def _copy(tensor: Tensor, into: Tensor | None) -> Tensor:
    """A copy on the CPU, in the memory of `into` where that fits."""
    if into is None or (into.shape, into.dtype) != (tensor.shape, tensor.dtype):
        into = torch.empty_like(tensor, device="cpu")
    if tensor.device.type == "cpu" and tensor.dtype != torch.bfloat16:
        np.copyto(into.numpy(), tensor.numpy())  # one thread; torch's would wait for each other at each tensor
    else:
        into.copy_(tensor)
    return into


class Writer:
    """Writes snapshots, one at a time, by a thread beside the training. The memory of the last one is kept.

    As a context it ends when all is written, and raises RunFailed when it could not be.
    """

    def __init__(self, path: Path, earlier: Path) -> None:
        self.path, self.earlier = path, earlier
        self._tensors: dict[str, Tensor] | None = None  # of the last snapshot
        self._thread: Thread | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def take(self, step: Step, saved: Saved) -> Snapshot:
        """A snapshot, once the one before is written. Raises RunFailed when that could not be written."""
        self.wait()
        taken = snapshot(step, saved, into=self._tensors)
        self._tensors = taken.tensors
        return taken

    def begin(self, taken: Snapshot) -> None:
        """Begin to write."""
        self._thread = Thread(target=self._write, args=(taken,), name="resnets-checkpoint")
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot is being written."""
        return self._thread is not None and self._thread.is_alive()

    def check(self) -> None:
        """Raise RunFailed when the last snapshot could not be written; one that is being written is not waited for."""
        if not self.is_busy:
            self.wait()

    def wait(self) -> None:
        """Wait until all is written. Raises RunFailed when it could not be."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _write(self, taken: Snapshot) -> None:
        try:
            taken.write(self.path, self.earlier)
        except BaseException as error:  # whoever waits raises it
            self._error = error
