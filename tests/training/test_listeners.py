"""Whoever listens hears of every step and every epoch of a run, and may end it."""

from pathlib import Path

import pytest

import resnets
from resnets.base.errors import Interrupted, RunFailed
from resnets.training.listener import EpochDone, StepDone
from resnets.training.run_folder import RunFolder
from tests import pictures
from tests.training.samples import QUICK, StopAfter, rows, train


class Heard(resnets.Listener):
    """Remembers what it heard, and ends the run where it is told to."""

    def __init__(self, last: int = 99) -> None:
        self.last, self.steps, self.epochs, self.ends = last, list[StepDone](), list[EpochDone](), 0

    def on_step(self, done: StepDone) -> None:
        self.steps.append(done)

    def on_epoch(self, done: EpochDone) -> bool:
        self.epochs.append(done)
        return done.epoch == self.last

    def on_end(self) -> None:
        self.ends += 1


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


def test_a_listener_hears_every_step_and_epoch_and_its_figures_are_the_metrics(photos: Path, tmp_path: Path) -> None:
    heard = Heard()
    train(photos, tmp_path / "run", settings={**QUICK, "epochs": 2}, listeners=[heard])
    assert [(one.epoch, one.step, one.steps, one.images) for one in heard.steps] == [
        (epoch, step, 6, 4) for epoch in (1, 2) for step in range(1, 7)
    ]
    written = rows(RunFolder(tmp_path / "run"))
    assert [dict(one.row) for one in heard.epochs] == written
    first = [one for one in heard.steps if one.epoch == 1]
    assert sum(float(one.loss) for one in first) / 6 == pytest.approx(written[0]["train_loss"], rel=1e-5)
    assert all(0 <= int(one.correct) <= 4 for one in first)
    assert heard.epochs[0].is_best
    assert heard.epochs[-1].evaluation.top1.value == written[-1]["val_top1"]
    assert heard.ends == 1


def test_a_listener_ends_the_run_and_a_resumed_one_stays_ended(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "run", listeners=[Heard(last=1)])
    assert [row["epoch"] for row in rows(RunFolder(tmp_path / "run"))] == [1]
    again = Heard()
    train(photos, tmp_path / "run", settings={}, resume=True, listeners=[again])
    assert (again.steps, again.epochs) == ([], [])


def test_a_resumed_run_tells_the_rows_of_earlier_sittings_too(photos: Path, tmp_path: Path) -> None:
    stopped, resumed = Heard(), Heard()
    with pytest.raises(Interrupted):
        train(photos, tmp_path / "run", watch=StopAfter(7), listeners=[stopped])
    assert stopped.ends == 1
    train(photos, tmp_path / "run", settings={}, resume=True, listeners=[resumed])
    assert [row["epoch"] for row in resumed.epochs[0].rows][:1] == [1]
    assert [one.epoch for one in (*stopped.epochs, *resumed.epochs)] == [1, 2, 3]
    last, first = stopped.steps[-1], resumed.steps[0]
    after = (last.epoch + 1, 1) if last.step == last.steps else (last.epoch, last.step + 1)
    assert (first.epoch, first.step) == after


def test_a_run_that_fails_before_it_learnt_anything_leaves_its_folder_to_another_try(
    photos: Path, tmp_path: Path
) -> None:
    class Failing(resnets.Listener):
        def on_step(self, done: StepDone) -> None:
            raise RunFailed(f"step {done.step}")

    settings = {**QUICK, "epochs": 1}
    with pytest.raises(RunFailed, match="step 1"):
        train(photos, tmp_path / "run", settings=settings, listeners=[Failing()])
    train(photos, tmp_path / "run", settings=settings)
