"""Whatever ends a run, it goes on from a checkpoint that is whole, to the same weights, bit for bit."""

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from resnets.base.errors import InputError, RunFailed
from resnets.cli import main
from resnets.training import checkpoint
from resnets.training.loop import computing_with
from resnets.training.run_folder import RunFolder
from tests import pictures
from tests.training.samples import QUICK, assert_same_run, rows, train

PATIENCE = 120.0  # seconds for what takes less than one on a quiet machine
CUT = "last/state.safetensors: damaged (its bytes are not those that were written); the run goes on from the checkpoint"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A fork has none of the threads that more than one would compute with."""
    with computing_with(1):
        yield


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing disturbed."""
    return undisturbed(photos, tmp_path_factory.mktemp("runs") / "whole", QUICK)


def undisturbed(photos: Path, path: Path, settings: Any) -> RunFolder:
    with computing_with(1):
        train(photos, path, settings=settings)
    return RunFolder(path)


def sitting(photos: Path, folder: RunFolder, like: RunFolder) -> int:
    """The number of a new process that trains as `like` did, from where the run stands, and saves after each step.

    A fork has everything loaded. What it says is in a file beside the run's folder.
    """
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        with said_by(folder).open("a") as file, pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", file)
            how = ["--resume"] if folder.is_begun else ["--recipe", str(like.recipe)]
            options = ["--save-every", "0", "--plan", "usual", "--no-samples"]
            main(["train", str(photos), "-o", str(folder.path), *how, *options])
        status = 0
    except SystemExit as error:
        status = int(error.code or 0)
    finally:
        os._exit(status)


def said_by(folder: RunFolder) -> Path:
    return folder.path.with_suffix(".txt")


def ended(child: int) -> int:
    """The exit status of a process, or the signal that ended it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(condition: Callable[[], bool], child: int) -> None:
    """Wait until the condition holds or the process has ended."""
    until = time.monotonic() + PATIENCE
    while not condition() and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < until
        time.sleep(0.0005)


def is_written(folder: RunFolder) -> bool:
    """Whether a checkpoint is being written, or was when its writer was killed."""
    return any(folder.state.parent.glob(".state.*.part"))


def wait_for_saves(count: int, folder: RunFolder, child: int) -> None:
    for _ in range(count):
        before = saved(folder)
        wait_for(lambda before=before: saved(folder) != before, child)


def saved(folder: RunFolder) -> int:
    """A number that changes with each checkpoint."""
    return folder.state.stat().st_ino if folder.state.exists() else 0


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def disturb(kills: int, photos: Path, folder: RunFolder, like: RunFolder) -> int:
    """Kill a run again and again, and cut its newest checkpoint short once; how many kills came in a write.

    Every other kill comes while a checkpoint is written, the others at any moment, the beginning included.
    """
    draw, in_write = random.Random(0), 0
    for kill in range(kills):
        child = sitting(photos, folder, like)
        if kill % 2:
            wait_for(lambda: is_written(folder), child)
        else:
            wait_for_saves(draw.randrange(4), folder, child)
            time.sleep(0.02 * draw.random())
        os.kill(child, signal.SIGKILL)
        assert ended(child) == -signal.SIGKILL, said_by(folder).read_text()
        in_write += is_written(folder)
        if kill == kills // 2:
            cut(folder.state)
    return in_write


def test_a_run_killed_four_times_ends_as_one_that_nothing_disturbed(
    photos: Path, whole: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "killed")
    assert disturb(4, photos, folder, whole) > 0
    assert ended(sitting(photos, folder, whole)) == 0, said_by(folder).read_text()
    assert said_by(folder).read_text().count(CUT) == 1
    assert_same_run(folder, whole)
    assert len(rows(folder)) == QUICK["epochs"]


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_as_one_that_nothing_disturbed(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "epochs": 12, "ema": 0.9, "optimizer": "adamw"}
    whole, folder = undisturbed(photos, tmp_path / "whole", settings), RunFolder(tmp_path / "killed")
    assert disturb(20, photos, folder, whole) >= 8
    assert ended(sitting(photos, folder, whole)) == 0, said_by(folder).read_text()
    assert said_by(folder).read_text().count(CUT) == 1
    assert_same_run(folder, whole)
    assert len(rows(folder)) == settings["epochs"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(path: Path) -> None:
    """Write to a file until its disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount")
def test_a_full_disk_stops_a_run_cleanly_and_it_goes_on_when_there_is_room(
    photos: Path, whole: RunFolder, small_disk: Path
) -> None:
    folder = RunFolder(small_disk / "run")
    child = sitting(photos, folder, whole)
    wait_for_saves(3, folder, child)
    os.kill(child, signal.SIGSTOP)
    ballast = small_disk / "ballast"
    fill(ballast)
    os.kill(child, signal.SIGCONT)
    assert ended(child) == 1
    ballast.unlink()
    said = said_by(folder).read_text()
    assert "could not be written (No space left on device), and what was there is unchanged; make room" in said
    assert "Traceback" not in said
    assert not list(folder.path.rglob("*.part"))
    checkpoint.check_whole(folder.state)
    assert ended(sitting(photos, folder, whole)) == 0, said_by(folder).read_text()
    assert_same_run(folder, whole)


def test_a_checkpoint_that_cannot_be_written_ends_the_run_and_leaves_the_two_before(
    photos: Path, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, flushed, real = RunFolder(tmp_path / "run"), list[int](), os.fsync

    def fsync(descriptor: int) -> None:
        if "state.safetensors" in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            flushed.append(descriptor)
        if len(flushed) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fsync)
        with pytest.raises(RunFailed, match=r"last/state\.safetensors: could not be written \(No space left"):
            train(photos, folder.path, save_every=0)
    places = [checkpoint.read(path).run_state.step for path in (folder.state, folder.earlier_state)]
    assert places == [3, 2]
    train(photos, folder.path, resume=True, settings={})
    assert_same_run(folder, whole)


@pytest.mark.parametrize("harm", [cut, Path.unlink], ids=["cut", "gone"])
def test_where_the_newest_checkpoint_is_lost_the_one_before_it_is_taken(
    harm: Callable[[Path], object], photos: Path, whole: RunFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(Path(shutil.copytree(whole.path, tmp_path / "run")))
    harm(folder.state)
    with pytest.raises(InputError, match="already contains a run"):
        train(photos, folder.path)
    train(photos, folder.path, resume=True, settings={})
    what = {cut: "damaged (its bytes", Path.unlink: "missing"}[harm]
    said = [line for line in caplog.messages if "the checkpoint before it, in epoch 3 after step 0" in line]
    assert len(said) == 1
    assert what in said[0]
    assert_same_run(folder, whole)


def test_where_both_checkpoints_are_damaged_nothing_is_changed(photos: Path, whole: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(Path(shutil.copytree(whole.path, tmp_path / "run")))
    for path in (folder.state, folder.earlier_state):
        cut(path)
    before = folder.state.read_bytes(), folder.earlier_state.read_bytes()
    with pytest.raises(InputError, match=r"state\.safetensors: damaged .*begin a new one"):
        train(photos, folder.path, resume=True, settings={})
    assert (folder.state.read_bytes(), folder.earlier_state.read_bytes()) == before
