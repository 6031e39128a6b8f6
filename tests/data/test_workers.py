"""Processes that decode show the same batches as threads, and a worker that fails ends the run by name."""

import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resnets
from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.data import pixel_sources, workers
from resnets.data.augmentation import COLUMNS
from resnets.data.augmentation_settings import Augmentation
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import Batch, TrainingBatches
from resnets.data.workers import PIECE, Workers
from resnets.training.run_folder import RunFolder
from tests import pictures
from tests.training.samples import TINY, StopAfter, assert_same_run, train

SMALL = Preprocessing(size=24, resize=24)
CROPS = Augmentation(augment="resized-crop", policy="rand-augment", erase=0.5)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures in JPEG files, large enough that a crop can be decoded at half its size."""
    return pictures.folder(tmp_path / "photos", count=20, size=(90, 60), suffix="jpg")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_sources, "MEMORY_LIMIT", 0)


def batches(images: ImageSet, count: int, **options: Any) -> TrainingBatches:
    return TrainingBatches(images, SMALL, CROPS, batch_size=17, seed=3, workers=count, **options)


def alike(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("source", ["folder", "zip", "tar.gz"])
def test_workers_threads_and_one_process_show_the_same_pixels(source: str, photos: Path, tmp_path: Path) -> None:
    images = open_source(photos if source == "folder" else packed(photos, tmp_path / f"photos.{source}"))
    expected = {epoch: list(batches(images, 0).epoch(epoch)) for epoch in (0, 1)}
    for count in (1, 3):
        with closing(batches(images, count)) as by_workers:
            assert alike(list(by_workers.epoch(0)), expected[0])
            assert alike(list(by_workers.epoch(1, start=2)), expected[1][2:])  # as a resumed run asks for them


def packed(folder: Path, archive: Path) -> Path:
    name, _, suffix = archive.name.partition(".")
    return Path(shutil.make_archive(str(archive.with_name(name)), {"zip": "zip", "tar.gz": "gztar"}[suffix], folder))


def test_an_epoch_that_is_left_early_or_has_larger_images_disturbs_nothing(photos: Path) -> None:
    images = open_source(photos)
    with closing(batches(images, 2)) as by_workers:
        next(iter(by_workers.epoch(0)))
        for size in (20, 28):
            expected = list(batches(images, 0).epoch(1, size=size))
            assert alike(list(by_workers.epoch(1, size=size)), expected)


def test_processes_that_are_no_forks_show_the_same_pixels(photos: Path) -> None:
    images = open_source(photos)
    decoder = pixel_sources.Photographs(images, SMALL, CROPS)
    rows, numbers = np.arange(20), np.random.default_rng(0).random((20, COLUMNS), dtype=np.float32)
    crew = Workers(decoder, 1, context=multiprocessing.get_context("spawn"))
    with closing(crew):
        (found,) = crew.batches([(rows, numbers)], 20, 24)
    expected = [decoder.pixels(row, numbers[row], 24) for row in range(20)]
    assert np.array_equal(found.numpy(), np.stack(expected))


class Bad:
    """A decoder of grey squares, whose image `row` 20 does something else."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.images = act, self

    def image_name(self, row: int) -> str:
        return f"photos/{row:03}.jpg"

    def pixels(self, row: int, numbers: np.ndarray, size: int) -> np.ndarray:  # noqa: ARG002 - as decoders are called
        if row == 20:
            self.act()
        return np.full((size, size, 3), row, np.uint8)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hung() -> None:
    time.sleep(3600)


def raising() -> None:
    raise KeyError("strange")


def refused() -> None:
    raise InputError("photos/020.jpg: not an image")


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (killed, RunFailed, r"^photos/020\.jpg: the process that read it was killed or crashed, .*resume=True"),
        (hung, RunFailed, r"^photos/020\.jpg: still being read after 1 seconds"),
        (raising, RunFailed, r"^photos/020\.jpg: KeyError: 'strange'"),
        (refused, InputError, r"^photos/020\.jpg: not an image$"),
    ],
)
def test_a_worker_that_dies_hangs_or_raises_ends_with_the_file_it_was_at(
    act: Callable[[], object], error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "HANGS", 1.0)
    crew = Workers(Bad(act), 3)
    drawn = [(np.arange(start, start + 32), np.zeros((32, COLUMNS), np.float32)) for start in range(0, 320, 32)]
    began = time.monotonic()
    with pytest.raises(error, match=said):
        list(crew.batches(drawn, 32, 8))
    assert time.monotonic() - began < 30
    assert not [one for one in multiprocessing.active_children() if one.name.startswith("resnets-decoding")]


def test_what_a_worker_says_before_it_ends_is_heard_though_it_has_ended_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crew = Workers(Bad(refused), 1)

    def late(waiting: list[Any], timeout: float) -> list[Any]:
        crew._crew[0].process.join()  # it has given one piece back, and has sent the error of the next
        return multiprocessing.connection.wait(waiting)

    monkeypatch.setattr(workers, "wait", late)
    drawn = [(np.arange(start, start + PIECE), np.zeros((PIECE, COLUMNS), np.float32)) for start in (0, PIECE)]
    with pytest.raises(InputError, match=r"^photos/020\.jpg: not an image$"):
        list(crew.batches(drawn, PIECE, 8))


def test_what_is_decoded_early_is_a_few_batches_and_no_more() -> None:
    asked: list[int] = []

    def drawn() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, 50 * PIECE, PIECE):
            asked.append(start)
            yield np.arange(100, 100 + PIECE), np.zeros((PIECE, COLUMNS), np.float32)

    crew = Workers(Bad(killed), 2)
    with closing(crew):
        coming = crew.batches(drawn(), PIECE, 8)
        next(coming)
        assert len(asked) <= workers.AHEAD + workers.QUEUED * 2 + 1


QUICK = {
    "epochs": 2, "batch_size": 4, "augment": "resized-crop", "preprocessing": {"size": 24, "resize": 24},
    "spec": TINY,
}  # fmt: skip


def test_a_stopped_run_goes_on_with_another_number_of_workers_to_the_same_weights(photos: Path, tmp_path: Path) -> None:
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    train(photos, whole.path, settings=QUICK, workers=0)
    with pytest.raises(Interrupted):
        train(photos, stopped.path, settings=QUICK, workers=2, watch=StopAfter(5))
    train(photos, stopped.path, settings={}, resume=True, workers=1)
    assert_same_run(whole, stopped)


def test_a_number_of_workers_that_no_machine_has_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"workers = 10000: must be a number of processes, from 0 to 256"):
        resnets.train(photos, out=tmp_path / "run", workers=10_000)


def test_workers_end_when_the_first_process_is_killed() -> None:
    script = (
        "import sys, time, numpy as np\n"
        "from resnets.data import augmentation, workers\n"
        "from tests.data.test_workers import Bad, hung\n"
        "workers.LOOKS = 0.2\n"
        "crew = workers.Workers(Bad(hung), 2)\n"
        "coming = crew.batches([(np.arange(100, 132), np.zeros((32, augmentation.COLUMNS), np.float32))] * 2, 32, 8)\n"
        "next(coming)\n"
        "print(*(one.process.pid for one in crew._crew), flush=True)\n"
        "time.sleep(60)\n"
    )
    first = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    with first.stdout:
        numbers = [int(number) for number in first.stdout.readline().split()]
    assert len(numbers) == 2
    first.kill()
    first.wait()
    deadline = time.monotonic() + 20
    while any(is_running(number) for number in numbers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [number for number in numbers if is_running(number)]


def is_running(number: int) -> bool:
    """Whether there is such a process; one that has ended and waits to be asked for is none."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size_only_where_the_crop_has_enough(photos: Path) -> None:
    images = open_source(photos)
    decoder = pixel_sources.Photographs(images, SMALL, replace(CROPS, min_area=0.9))
    numbers = np.full(COLUMNS, 0.5, np.float32)
    small, full = decoder.pixels(0, numbers, 24).astype(int), decoder.preprocessing.resized_crop(
        decoder._picture(0), pixel_sources.RandomBox(numbers, 0.9, 24)
    ).astype(int)  # fmt: skip
    assert 0 < abs(small - full).mean() < 6  # of noise, whose finest part either way leaves out
