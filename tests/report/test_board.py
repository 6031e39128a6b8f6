"""What is written for TensorBoard is what TensorBoard reads."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from resnets.base.errors import InputError
from resnets.report.board import board

accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

NAMES = ("loss/training", "loss/validation", "accuracy/validation_top1", "accuracy/validation_top5",
         "rate/learning_rate", "rate/images_per_second")  # fmt: skip


def row(epoch: int, **others: Any) -> dict[str, Any]:
    return {
        "epoch": epoch, "step": 10 * epoch, "seconds": 1.5 * epoch, "images_per_second": 400.0, "lr": 0.1 / epoch,
        "train_loss": 2.0 / epoch, "val_loss": 2.5 / epoch, "val_top1": 1 - 0.5 / epoch, "val_top5": 1.0, **others,
    }  # fmt: skip


def read(folder: Path) -> Any:
    events = accumulators.EventAccumulator(str(folder))
    events.Reload()
    return events


def points(events: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_every_column_of_the_metrics_is_a_curve_by_epoch(tmp_path: Path) -> None:
    with board(tmp_path) as opened:
        for epoch in (1, 2, 3):
            opened.row(row(epoch, val_ece=0.25 / epoch, note="not a number"))
    events = read(tmp_path)
    assert set(events.Tags()["scalars"]) == {*NAMES, "val_ece"}
    assert points(events, "loss/validation") == [(1, 2.5), (2, 1.25), (3, pytest.approx(2.5 / 3))]
    assert points(events, "val_ece")[0] == (1, 0.25)


def test_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    with board(tmp_path) as opened:
        for epoch in (1, 2, 3):
            opened.row(row(epoch, train_loss=9.0))
    with board(tmp_path, epoch=1) as opened:
        for epoch in (2, 3):
            opened.row(row(epoch, train_loss=1.0))
    assert points(read(tmp_path), "loss/training") == [(1, 9.0), (2, 1.0), (3, 1.0)]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def lacking(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("torch.utils.tensorboard"):
            raise ModuleNotFoundError("No module named 'tensorboard'")
        return found(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(InputError, match=r'pip install "resnets\[tensorboard\]"'), board(tmp_path):
        pass
