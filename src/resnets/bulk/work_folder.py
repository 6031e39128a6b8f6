"""The folder beside a bulk prediction's output that makes it safe to kill: a job, the list of images, finished parts.

    OUT.parts/
      entries.jsonl        one image a line
      entries.index        where each line begins, 8 bytes each
      job.json             what is to be computed; written last of the three, and gone last
      000017-2-9ae1…-1f0c….csv   part 17, whole: 2 of its images could not be read; its digest; the job's own number

A part is a function of the job and its number, so that it does not matter who computes it, how often, and when. When
all are there they become the output, the job is marked as done, and the folder goes. A rerun finds one of: no job
(it lists anew), a job (it computes the missing parts), a job that is done (it removes the folder). What a rerun relies
on is held against its digest first: a damaged part is computed again, a damaged job or list refused.
"""

import hashlib
import logging
import os
import re
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from resnets.base.errors import InputError, RunFailed
from resnets.base.files import remove_leftovers, write_whole, written_whole
from resnets.base.locks import locked
from resnets.base.progress import Progress, Watch
from resnets.bulk.discovery import Discovery
from resnets.bulk.formats import Format, format_of
from resnets.bulk.job import Job, OtherFormat
from resnets.bulk.manifest import Entry
from resnets.data.stores import Store

PART_IMAGES = 1024  # at most
LISTED = 10_000  # images between two signs of progress while they are listed
FEWEST_PARTS = 32  # of a run large enough; so many are left to share out among the cores

EARLIER = "plan.json"  # what earlier versions called the job

log = logging.getLogger(__name__)

_OURS = re.compile(
    r"entries\.(jsonl|index)|job\.json|unpacked-\d+\.tar|classifier\.\w+|"
    r"\d+-\d+-([0-9a-f]{12}-)?[0-9a-f]{12}\.\w+|\..+\.part"
)
_OFFSET = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Part:
    """The file of a finished part, and what its name says of it."""

    path: Path
    bad: int  # images that could not be read
    digest: str

    @property
    def is_whole(self) -> bool:
        """Whether the file's bytes are those that were written."""
        return _digest(self.path)[: len(self.digest)] == self.digest


@dataclass(frozen=True)
class WorkFolder:
    """The folder of one output's job, entries and parts."""

    out: Path

    @property
    def folder(self) -> Path:
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def format(self) -> Format:
        """Of the output, by its suffix."""
        found = format_of(self.out)
        assert found is not None  # as whoever starts a run has checked
        return found

    def job(self) -> Job | None:
        """The unfinished job; None where there is none. Raises InputError when it is another version's or damaged."""
        path = self.folder / "job.json"
        if (self.folder / EARLIER).exists():
            raise InputError(f"{self.folder / EARLIER}: written by an earlier version of resnets; {self._way_out}")
        try:
            return Job.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OtherFormat as error:
            raise InputError(f"{path}: {error}, written by another version of resnets; {self._way_out}") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}: damaged, or not a list of a bulk run ({error}); {self._way_out}") from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """The folder, made if need be, which no other process has locked. Raises InputError when one has."""
        busy = f"{self.out}: another process is writing it; wait for it, or name another file"
        try:
            with locked(self.folder / "lock", busy=busy):
                remove_leftovers(self.folder)
                yield
        finally:
            with suppress(OSError):  # where all is done, or there was nothing to do, nothing stays behind
                self.folder.rmdir()

    def begin(self, job: Job, inputs: Discovery, listed: Callable[[], str], watch: Watch) -> Job:
        """List the images, and write the job that `job` becomes by their number.

        listed: gives the digest of the list on standard input, once that was read. Raises what listing the images does.
        """
        self.clear()
        count, relative = 0, False
        try:
            with self._list.open("wb") as lines, self._index.open("wb") as index:
                for entry in inputs:
                    line = entry.line().encode() + b"\n"
                    index.write(_OFFSET.pack(lines.tell()))
                    lines.write(line)
                    count += 1
                    relative = relative or entry.relative
                    if count % LISTED == 0:
                        watch(Progress("listing images", count, count))
                for file in (lines, index):
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise RunFailed(f"{self.folder}: the list could not be written ({error.strerror or error})") from error
        steps = max(1, min(PART_IMAGES // job.batch, count // (job.batch * FEWEST_PARTS)))
        stores = tuple(store.root for store in inputs.stores)
        files = {path.name: _digest(path) for path in (self._list, self._index, *self.folder.glob("unpacked-*.tar"))}
        job = replace(job, count=count, files=files, stores=stores, part=steps * job.batch)
        job = replace(job, listed=listed(), folder=str(Path.cwd()) if relative else "")
        if count:
            self._write(job)
        return job

    def stores(self, job: Job) -> list[Store]:
        """Where the listing's files are, but for this machine."""
        return [Store(root) for root in job.stores]

    def check(self, job: Job) -> None:
        """Raise InputError unless the list of images, and what was unpacked of them, is as it was when it was made."""
        for name, digest in job.files.items():
            path = self.folder / name
            if not path.is_file() or _digest(path) != digest:
                raise InputError(f"{path}: damaged or cut short, so the run cannot continue; {self._way_out}")

    def entries(self, job: Job, part: int) -> list[Entry]:
        """The images of a part. Raises RunFailed when the list lacks one."""
        try:
            with self._index.open("rb") as index:
                index.seek(part * job.part * _OFFSET.size)
                (offset,) = _OFFSET.unpack(index.read(_OFFSET.size))
            with self._list.open("rb") as lines:
                lines.seek(offset)
                found = [Entry.from_line(line) for line in islice(lines, job.images_in(part))]
        except (OSError, ValueError, TypeError, struct.error) as error:
            raise RunFailed(f"{self._list}: damaged, or cannot be read ({error}); {self._way_out}") from error
        if len(found) < job.images_in(part):
            raise RunFailed(f"{self._list}: cut short; {self._way_out}")
        return found

    def finished(self, job: Job) -> dict[int, Part]:
        """The parts that are there, by number."""
        named = re.compile(rf"(\d+)-(\d+)-([0-9a-f]+)-{job.number}{re.escape(self.format.suffix)}")
        found = ((path, named.fullmatch(path.name)) for path in sorted(self.folder.iterdir()))
        return {int(match[1]): Part(path, int(match[2]), match[3]) for path, match in found if match}

    def remove_damaged(self, job: Job) -> None:
        """Remove the finished parts whose bytes are not those that were written, so that they are computed again."""
        damaged = [part for part in self.finished(job).values() if not part.is_whole]
        for part in damaged:
            part.path.unlink()
        if damaged:
            log.warning("%s: %d damaged parts are computed again", self.folder, len(damaged))

    def write(self, job: Job, part: int, bad: int, content: bytes) -> None:
        """One part, whole or not at all. Raises RunFailed when the system refuses."""
        digest = hashlib.sha256(content).hexdigest()[:12]
        name = f"{part:06}-{bad}-{digest}-{job.number}{self.format.suffix}"
        with written_whole(self.folder / name, within=self.folder) as file:  # which nobody lists for each of its parts
            file.write(content)

    def join(self, job: Job) -> int:
        """Make the output of the parts, all of which are there, and remove them. How many images could not be read."""
        found = self.finished(job)
        with written_whole(self.out, within=self.folder) as file:
            self.format.join((found[part].path for part in range(job.parts)), file, job.top, job.features)
        bad = sum(part.bad for part in found.values())
        self._write(replace(job, bad=bad))
        self.clear()
        return bad

    def clear(self) -> None:
        """Remove what a run has left here, the job last; what is not a run's stays."""
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name == "job.json"):
            if _OURS.fullmatch(path.name):
                path.unlink(missing_ok=True)

    @property
    def _list(self) -> Path:
        return self.folder / "entries.jsonl"

    @property
    def _index(self) -> Path:
        return self.folder / "entries.index"

    def _write(self, job: Job) -> None:
        write_whole(self.folder / "job.json", job.to_json())

    @property
    def _way_out(self) -> str:
        return f"remove {self.folder} to start over, or name another output"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
