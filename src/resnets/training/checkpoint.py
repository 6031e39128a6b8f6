"""Where a run stands, in one file that is written whole: weights, the optimizer's sums, and the place in the data."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.base.seal import seal_of, sealed
from resnets.training.recipes.plan import Plan, plan_from_dict
from resnets.training.step.step import Step

FORMAT = 3
ENTRY = "resnets-run"


@dataclass(kw_only=True)
class RunState:
    """How far a run is. The next step to make is step `step` of epoch `epoch`, both counted from 0.

    `best` is the monitored score of the best epoch, higher being better, and minus its loss, which decides between
    equal ones.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0  # of this epoch, so far
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0  # of the whole run, over all its sittings
    training_seconds: float = 0.0  # of this epoch's steps
    best: tuple[float, float] | None = None
    best_epoch: int = 0  # counted from 1, as in metrics.jsonl
    probe_loss: float | None = None  # of a linear probe the run began with, on the training images
    ended: bool = False  # before the last epoch, since it no longer became better
    rows: list[dict[str, Any]] = field(default_factory=list)  # of metrics.jsonl


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a state file says besides its tensors."""

    plan: Plan
    data: dict[str, Any]  # which images the run trains on
    threads: int
    run_state: RunState
    origin: dict[str, Any] = field(default_factory=dict[str, Any])  # what the classifier's header says of the run


def save(path: Path, step: Step, saved: Saved) -> None:
    """Write the state file, whole or not at all. Raises RunFailed when the system refuses."""
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
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, sealed(safetensors.torch.save(ready, metadata={ENTRY: json.dumps(entry)})))


def read(path: Path) -> Saved:
    """What a state file says. Raises InputError when it is missing, damaged, or of another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, so there is no run to resume; leave out --resume to begin a new one")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            entry = dict(json.loads((file.metadata() or {})[ENTRY]))
        version = entry["format"]
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if version != FORMAT:
        raise InputError(
            f"{path}: state format {version}, written by another version of resnets; this one reads format "
            f"{FORMAT}, so resume "
            "with that version, or begin a new run with another -o"
        )
    try:
        return Saved(
            plan=plan_from_dict(entry["plan"], where=str(path)),
            data=_whole(entry["data"]),
            threads=int(entry["threads"]),
            run_state=_run_state(entry["run_state"]),
            origin=dict(entry["origin"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error


def check_whole(path: Path) -> None:
    """Raise InputError when a state file's bytes are not those that were written."""
    try:
        found = seal_of(path)
    except OSError as error:
        raise _damaged(path, error) from error
    if found != "whole":
        raise _damaged(path, "its bytes are not those that were written, by their checksum")


def _whole(data: dict[str, Any]) -> dict[str, Any]:
    """What a state file says of its images, all of it. Raises KeyError."""
    return {**data, **{name: data[name] for name in ("skip_bad", "fingerprint", "content", "train", "val")}}


def _run_state(values: dict[str, Any]) -> RunState:
    best = values["best"]
    return RunState(**{**values, "best": best and (float(best[0]), float(best[1]))})


def restore(path: Path, step: Step) -> None:
    """Put a state file's weights and the optimizer's sums into `step`, in the memory layout they have there.

    Raises InputError when they are not there or do not fit.
    """
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
        step.network.load_state_dict({name: tensors[f"network.{name}"] for name in step.network.state_dict()})
        named = dict(step.network.named_parameters())
        for key, value in tensors.items():
            kind, _, rest = key.partition(".")
            if kind == "optimizer":
                sum_name, _, name = rest.partition(".")
                step.optimizer.state[named[name]][sum_name] = _laid_out(value, named[name])
        if step.average:
            step.average.load_state_dict({name: tensors[f"average.{name}"] for name in step.average.state_dict()})
    except (safetensors.SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _laid_out(value: Tensor, like: nn.Parameter) -> Tensor:
    """`value` in the memory order and on the device of the parameter that it belongs to; a count stays as it is."""
    return torch.empty_like(like).copy_(value) if value.shape == like.shape else value.to(like.device)


def _damaged(path: Path, error: Exception | str) -> InputError:
    return InputError(f"{path}: damaged ({error}), so the run cannot be resumed; begin a new one with another -o")
