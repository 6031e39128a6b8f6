"""The shards that are at hand: a few local files, each brought when one of its images is read.

Several processes may share the folder. A shard is there whole or not at all; the one that was read longest ago goes
when there are too many. The folder goes with the process that made it; what a killed one left goes with the next.
"""

import errno
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from resnets.base.files import remove_leftovers
from resnets.base.locks import held

WINDOW = 16  # shards that an epoch's images are mixed over
KEPT = WINDOW + 8
_PREFIX = ".resnets-shards."
POLL = 0.02  # seconds between looks at whether another process has brought a shard

Bring = Callable[[int, IO[bytes]], None]


class ShardCache:
    """Local copies of shards, by number."""

    def __init__(self, bring: Bring, kept: int = KEPT) -> None:
        """bring: writes a shard to a file. kept: the most copies at a time."""
        self.bring, self.kept = bring, kept
        top = Path(tempfile.gettempdir())
        remove_leftovers(top, of=_PREFIX.strip("."))
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=".part", dir=top))
        self._lock = os.open(self.folder, os.O_RDONLY)
        held(self._lock)
        weakref.finalize(self, _remove, self.folder, self._lock, os.getpid())

    def opened(self, number: int) -> IO[bytes]:
        """A shard. Raises OSError when it cannot be brought."""
        path = self.folder / str(number)
        while True:
            try:
                file = path.open("rb")
            except FileNotFoundError:
                self._fetch(number, path)
                continue
            with suppress(FileNotFoundError):
                os.utime(path)
            return file

    def _fetch(self, number: int, path: Path) -> None:
        lock = path.with_suffix(".lock")
        with lock.open("ab") as turn:
            while held(turn.fileno()) is False:
                time.sleep(POLL)
            if path.exists():
                return
            part = path.with_suffix(".part")
            try:
                with part.open("wb") as file:
                    self.bring(number, file)
            except OSError as error:
                part.unlink(missing_ok=True)
                if error.errno == errno.ENOSPC:
                    where = f"no room in {self.folder.parent} for copies of {self.kept} shards"
                    raise OSError(errno.ENOSPC, f"{where}; let TMPDIR name a larger disk") from error
                raise
            part.replace(path)
            self._forget(path)

    def _forget(self, newest: Path) -> None:
        ages = list[tuple[int, Path]]()
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if not path.suffix and path != newest:
                    ages.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(ages)[: max(0, len(ages) + 1 - self.kept)]:
            path.unlink(missing_ok=True)


def _remove(folder: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # no fork of it
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
