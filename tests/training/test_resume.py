"""A run goes on only with the same images and with whole files, alone in its folder, and for longer where it can."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resnets
from resnets.base.errors import InputError, Interrupted
from resnets.base.progress import Progress
from resnets.cli import main
from resnets.data import imageset
from resnets.data.sources import open_source
from resnets.runs import result
from resnets.training.run_folder import RunFolder
from tests import pictures
from tests.training.samples import QUICK, StopAfter, assert_same_run, rows, train


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing disturbed."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "whole")
    train(photos, folder.path)
    return folder


@pytest.fixture(scope="module")
def kept(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second epoch."""
    path = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(Interrupted):
        train(photos, path, watch=StopAfter(7))
    return path


@pytest.fixture
def stopped(kept: Path, tmp_path: Path) -> RunFolder:
    """A copy of that run."""
    return RunFolder(Path(shutil.copytree(kept, tmp_path / "stopped")))


def go_on(photos: Path, folder: RunFolder, **options: Any) -> resnets.Classifier:
    return train(photos, folder.path, resume=True, **{"settings": {}, **options})


def flip(path: Path) -> None:
    """Flip one bit in the middle of the file's last quarter."""
    data = bytearray(path.read_bytes())
    data[len(data) * 7 // 8] ^= 1
    path.write_bytes(data)


def unsampled(images: imageset.ImageSet) -> Path:
    """An image whose content is no part of the set's fingerprint."""
    sampled = np.linspace(0, len(images) - 1, imageset.SAMPLED).astype(int)
    index = next(index for index in range(len(images)) if index not in sampled)
    return Path(images.image_name(index))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return pictures.folder(tmp_path / "many", count=26)


def stop(data: Path, out: Path) -> RunFolder:
    with pytest.raises(Interrupted):
        train(data, out, settings={**QUICK, "batch_size": 32}, watch=StopAfter(1))
    return RunFolder(out)


def test_other_bytes_of_any_image_are_noticed(many: Path, tmp_path: Path) -> None:
    folder = stop(many, tmp_path / "run")
    changed = unsampled(open_source(many))
    before, times = changed.read_bytes(), changed.stat()
    pictures.save(changed, pictures.picture(1, 999))
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(InputError, match=r"not the images that .* or other names, labels or contents"):
        go_on(many, folder)
    changed.write_bytes(before)  # the same bytes at another time are the same images
    go_on(many, folder)


@pytest.mark.parametrize("task", ["checking images", "training"])
def test_a_second_run_is_refused_while_the_first_lives_from_its_first_second_on(
    task: str, photos: Path, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    said: list[str] = []

    def second(progress: Progress) -> None:
        if progress.task != task or said:
            return
        said.append("begun")
        for resume in (False, True):
            with pytest.raises(InputError) as refused:
                train(photos, folder.path, settings={**QUICK, "epochs": 1}, resume=resume)
            said.append(str(refused.value))

    train(photos, folder.path, settings={**QUICK, "epochs": 1}, watch=second)
    busy = "another run is being trained in it"
    expected = {"checking images": (busy, "no run to resume"), "training": ("already contains a run", busy)}
    assert [words in one for words, one in zip(expected[task], said[1:], strict=True)] == [True, True]
    assert not list(folder.path.rglob("lock"))


def test_a_run_can_be_resumed_from_its_first_second_on(photos: Path, tmp_path: Path) -> None:
    killed = RunFolder(tmp_path / "killed")

    def copy(progress: Progress) -> None:
        if progress.task == "training" and not killed.path.exists():  # what a kill would leave now
            shutil.copytree(tmp_path / "run", killed.path)

    train(photos, tmp_path / "run", settings={**QUICK, "epochs": 1}, watch=copy)
    with pytest.raises(InputError, match="already contains a run"):
        train(photos, killed.path)
    go_on(photos, killed)
    assert_same_run(killed, RunFolder(tmp_path / "run"))


def test_what_a_killed_writer_left_is_removed_at_the_next_start(photos: Path, stopped: RunFolder) -> None:
    left = [stopped.path / ".classifier.safetensors.x1.part", stopped.state.parent / ".state.safetensors.x2.part"]
    for path in left:
        path.write_bytes(b"half")
    go_on(photos, stopped)
    assert not list(stopped.path.rglob("*.part"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (
            lambda run: [flip(run.state), flip(run.earlier_state)],
            r"state\.safetensors: damaged .*checksum",
        ),
        (
            lambda run: flip(run.classifier),
            r"classifier\.safetensors: damaged, and it holds the best epoch so far, \d;",
        ),
        (lambda run: run.classifier.unlink(), r"classifier\.safetensors: missing, and it holds the best epoch so far"),
        (lambda run: run.classifier.write_bytes(b""), r"classifier\.safetensors: damaged, and it holds"),
    ],
    ids=["states-flipped", "classifier-flipped", "classifier-gone", "classifier-empty"],
)
def test_a_damaged_file_is_said_before_anything_is_done(
    harm: Callable[[RunFolder], object], says: str, photos: Path, stopped: RunFolder
) -> None:
    harm(stopped)
    seen: list[Progress] = []
    with pytest.raises(InputError, match=says):
        go_on(photos, stopped, watch=seen.append)
    assert not seen


@pytest.mark.parametrize("schedule", ["constant", "step"])
def test_more_epochs_extend_a_run_to_the_one_that_was_begun_with_them(
    schedule: str, photos: Path, tmp_path: Path
) -> None:
    settings = {**QUICK, "schedule": schedule, "milestones": [0.5]}
    short, long = RunFolder(tmp_path / "short"), RunFolder(tmp_path / "long")
    train(photos, short.path, settings={**settings, "epochs": 2})
    with pytest.raises(Interrupted):
        go_on(photos, short, settings={**settings, "epochs": 4}, watch=StopAfter(14))
    go_on(photos, short, settings={**settings, "epochs": 4})
    train(photos, long.path, recipe=short.recipe, settings={})
    assert [row["epoch"] for row in rows(long)] == [1, 2, 3, 4]
    assert_same_run(short, long)


def test_where_the_schedule_forbids_more_epochs_the_way_there_is_is_said(photos: Path, stopped: RunFolder) -> None:
    with pytest.raises(InputError, match=r"'cosine' spreads .* the 3 epochs .*; weights=\S+ epochs=2 with another"):
        go_on(photos, stopped, settings={"epochs": 5})
    with pytest.raises(InputError, match="uses the recipe that the run began with"):
        go_on(photos, stopped, settings={"epochs": 2})


@pytest.mark.parametrize(("doing", "number"), [("calibrating", signal.SIGTERM), ("reporting", signal.SIGINT)])
def test_a_signal_after_training_says_what_is_kept_and_resume_goes_on(
    doing: str, number: int, photos: Path, stopped: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, name = {"calibrating": (result, "calibrate"), "reporting": (result.page, "write")}[doing]
    real: Any = getattr(owner, name)

    def signalled(*arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*arguments, **named)

    command = ["train", str(photos), "-o", str(stopped.path), "--resume"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, signalled)
        with pytest.raises(SystemExit) as left:
            main(command)
    assert left.value.code == 128 + number
    assert f"stopped while {doing}; {stopped.classifier} is kept" in (err := capsys.readouterr().err)
    assert "the same command with --resume continues" in err.splitlines()[-1]
    assert (resnets.load(stopped.path).temperature != 1) == (doing == "reporting")
    main(command)
    assert stopped.report.exists()
    assert resnets.load(stopped.path).temperature != 1


def test_a_signal_in_the_last_epoch_is_heard(whole: RunFolder, photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted, match=r"after the last epoch; saved in .*resume=True calibrates it and writes"):
        train(photos, folder.path, watch=StopAfter(18))
    assert not folder.report.exists()
    go_on(photos, folder)
    assert folder.report.exists()
    assert_same_run(folder, whole)


def test_a_run_with_dropout_and_stochastic_depth_goes_on_bit_for_bit(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "drop_path": 0.3, "spec": {**QUICK["spec"], "dropout": 0.4, "attention": "se"}}
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    train(photos, whole.path, settings=settings)
    with pytest.raises(Interrupted):
        train(photos, stopped.path, settings=settings, watch=StopAfter(7))
    torch.manual_seed(123)  # on whose state nothing may depend
    go_on(photos, stopped)
    assert_same_run(stopped, whole)
