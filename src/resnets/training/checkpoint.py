"""Where a run stands, in a file that is written whole: weights, the optimizer's sums, and the place in the data.

`snapshots.py` writes it. The newest two are kept, each with a digest, so that a damaged newest one is noticed and the
run goes on from the one before.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.base.seal import seal_of
from resnets.training.recipes.plan import Plan, plan_from_dict
from resnets.training.step.step import Step

FORMAT = 3
ENTRY = "resnets-run"

log = logging.getLogger(__name__)


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


def recover(path: Path, earlier: Path) -> None:
    """Put the state before in the newest one's place, and log that, where the newest is damaged or missing.

    Where that one is no better, nothing is changed.
    """
    found = _seal(path)
    if found == "whole" or _seal(earlier) != "whole":
        return
    at = read(earlier).run_state
    earlier.replace(path)
    log.warning(
        "%s: %s; the run goes on from the checkpoint before it, in epoch %d after step %d",
        path, "damaged (its bytes are not those that were written)" if found else "missing", at.epoch + 1, at.step,
    )  # fmt: skip


def _seal(path: Path) -> str:
    """Whether a state file is whole; an empty text where there is none."""
    try:
        return seal_of(path)
    except FileNotFoundError:
        return ""
    except OSError:
        return "broken"


def read_newest(*paths: Path) -> Saved:
    """What the first of these state files that can be read says. Raises, when none can be, as `read` of the first."""
    first: InputError | None = None
    for path in paths:
        try:
            return read(path)
        except InputError as error:
            first = first or error
    assert first is not None
    raise first


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
