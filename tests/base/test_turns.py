"""However many threads read, what they hold of encoded images stays within one bound."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resnets.base import turns
from resnets.base.turns import take, turn
from resnets.data import decoding, loading
from resnets.data.checkup import survey
from resnets.data.sources import open_source
from tests import pictures
from tests.classifier.test_file import untrained

THREADS = 6


class Held:
    """Counts what is held at once, at the most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        with self.lock:
            self.now += size
            self.most = max(self.most, self.now)
        time.sleep(0.02)  # so that all others come by
        yield
        with self.lock:
            self.now -= size


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """What the decoder holds, where no more than 30 kB may be in memory and any size counts."""
    counted = Held()
    for name in ("measure", "decode"):
        original: Callable[..., Any] = getattr(decoding, name)

        def decode(data: bytes, *args: Any, original: Callable[..., Any] = original, **options: Any) -> Any:
            with counted.of(len(data)):
                return original(data, *args, **options)

        monkeypatch.setattr(decoding, name, decode)
    monkeypatch.setattr(turns, "AT_ONCE", 30_000)
    monkeypatch.setattr(turns, "SMALL", 0)
    monkeypatch.setattr(loading, "usable_cpus", lambda: THREADS)
    return counted


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """24 files of 10.9 kB."""
    return pictures.folder(tmp_path / "images", count=8, size=(60, 60), suffix="bmp")


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "gztar"])
def test_threads_together_hold_no_more_than_the_bound_whatever_they_read(form: str, images: Path, held: Held) -> None:
    source = images if form == "folder" else shutil.make_archive(str(images), form, images)
    assert len(survey(open_source(source)).sizes) == 24
    assert 10_000 < held.most <= 30_000


def test_predicting_takes_turns_too(images: Path, held: Held) -> None:
    assert len(list(untrained().predictions(sorted(images.rglob("*.bmp"))))) == 24
    assert 10_000 < held.most <= 30_000


def test_a_file_larger_than_the_bound_is_read_alone_and_one_outside_a_turn_without_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 10 << 20)
    for _ in range(2):
        with turn(), turn():
            take(100 << 20)
            take(100 << 20)
            other = threading.Thread(target=take, args=(100 << 20,))
            other.start()
            other.join()
