"""Where a run stands, in one file that is written whole: weights, momentum, and the place in the data."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from resnets.errors import InputError
from resnets.files import write_whole
from resnets.network import ResNet
from resnets.training.recipe import Plan, plan_from_dict

FORMAT = 1
ENTRY = "resnets-run"


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, where people look for them."""

    path: Path

    @property
    def classifier(self) -> Path:
        return self.path / "classifier.safetensors"

    @property
    def state(self) -> Path:
        return self.path / "last" / "state.safetensors"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def curves(self) -> Path:
        return self.path / "curves.svg"

    @property
    def confusion(self) -> Path:
        return self.path / "confusion.svg"


@dataclass(kw_only=True)
class Standing:
    """How far a run is. The next step to make is step `step` of epoch `epoch`, both counted from 0."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0  # of this epoch, so far
    right: int = 0
    seen: int = 0
    seconds: float = 0.0  # of the whole run, over all its sittings
    training_seconds: float = 0.0  # of this epoch's steps
    best_top1: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = -1
    rows: list[dict[str, Any]] = field(default_factory=list)  # of metrics.jsonl


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a state file says besides its tensors."""

    plan: Plan
    data: dict[str, Any]  # which images the run trains on
    threads: int
    standing: Standing


def save(path: Path, network: ResNet, optimizer: torch.optim.Optimizer, saved: Saved) -> None:
    """Write the state file, whole or not at all. Raises RunFailed when the system refuses."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        if (momentum := optimizer.state[parameter].get("momentum_buffer")) is not None:
            tensors[f"momentum.{name}"] = momentum
    entry = {
        "format": FORMAT,
        "plan": saved.plan.as_dict(),
        "data": saved.data,
        "threads": saved.threads,
        "standing": dataclasses.asdict(saved.standing),
    }
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, safetensors.torch.save(ready, metadata={ENTRY: json.dumps(entry)}))


def read(path: Path) -> Saved:
    """What a state file says. Raises InputError when it is missing, damaged, or of another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; there is no run to resume here; without --resume a new one begins")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            entry = dict(json.loads((file.metadata() or {})[ENTRY]))
        version = entry["format"]
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if version != FORMAT:
        raise InputError(f"{path}: state format {version}; this version reads format {FORMAT}, so install that one")
    try:
        return Saved(
            plan=plan_from_dict(entry["plan"], where=str(path)),
            data=_whole(entry["data"]),
            threads=int(entry["threads"]),
            standing=Standing(**entry["standing"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error


def _whole(data: dict[str, Any]) -> dict[str, Any]:
    """What a state file says of its images, all of it. Raises KeyError."""
    return {**data, **{name: data[name] for name in ("skip_bad", "fingerprint", "train", "val")}}


def restore(path: Path, network: ResNet, optimizer: torch.optim.Optimizer) -> None:
    """Put a state file's weights and momentum into `network` and `optimizer`, in the memory layout they have there.

    Raises InputError when they are not there or do not fit.
    """
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
        network.load_state_dict({name: tensors[f"network.{name}"] for name in network.state_dict()})
        for name, parameter in network.named_parameters():
            if (momentum := tensors.get(f"momentum.{name}")) is not None:
                optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momentum)
    except (safetensors.SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: damaged ({error}); the run cannot be resumed from it: begin a new one with another -o")
