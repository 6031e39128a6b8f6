"""The folder beside a bulk prediction's output that makes it safe to kill: a job, the list of images, finished parts.

    OUT.parts/
      entries.jsonl        one image a line
      entries.index        where each line begins, 8 bytes each
      job.json            what is to be computed; written last of the three, and gone last
      000017-2-1f0c….csv   part 17, whole: 2 of its images could not be read; the rest is the job's own number

A part is a function of the job and its number, so that it does not matter who computes it, how often, and when. When
all are there they become the output, the job is marked as done, and the folder goes. A rerun finds one of: no job
(it lists anew), a job (it computes the missing parts), a job that is done (it removes the folder).
"""

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError, RunFailed
from resnets.base.files import write_whole, written_whole
from resnets.base.locks import locked
from resnets.base.progress import Progress, Watch
from resnets.bulk.discovery import Discovery
from resnets.bulk.formats import Format, format_of
from resnets.bulk.manifest import Entry
from resnets.bulk.stores import Store
from resnets.data.preprocessing import Views

FORMAT = 1
PART_IMAGES = 1024  # at most
LISTED = 10_000  # images between two signs of progress while they are listed
FEWEST_PARTS = 32  # of a run large enough; so many are left to share out among the cores

_OURS = re.compile(
    r"entries\.(jsonl|index)|job\.json|joined|unpacked-\d+\.tar|classifier\.\w+|\d+-\d+-[0-9a-f]{12}\.\w+|\..+\.part"
)
_OFFSET = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be computed, but for the images themselves."""

    format: int = FORMAT
    classifier: str  # digest of its file
    classifier_name: str  # as the user called it
    top: int
    views: Views  # test-time augmentation
    batch: int  # images in a step of the network
    features: int  # how many of each image are written; 0: none
    device: str
    versions: Mapping[str, str]  # of what decides the answers' last bits
    images: tuple[str, ...]  # the arguments
    listed: str = ""  # digest of the list on standard input
    stores: tuple[str, ...] = ()
    folder: str | None = None  # that relative names of images begin in; "": none is relative; None: of an older job
    count: int = 0  # of images
    part: int = 1  # images in a part, a multiple of `batch`
    entries: str = ""  # digest of the listing
    bad: int = -1  # once the output is there: how many of its images could not be read

    def same(self, other: "Job") -> bool:
        """Whether the two ask for the same of the same classifier and images."""
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.count // self.part)

    @cached_property
    def number(self) -> str:
        """The job's own number, which tells its parts from any others'."""
        values = asdict(replace(self, classifier_name="", bad=-1))
        if self.folder is None:  # as older versions had it
            del values["folder"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def images_in(self, part: int) -> int:
        """How many images a part has."""
        return min(self.part, self.count - part * self.part)


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
        """The job that was begun; None where none was. Raises InputError when it is another version's or damaged."""
        path = self.folder / "job.json"
        try:
            values: dict[str, Any] = json.loads(path.read_bytes())
            known = values["format"] == FORMAT
            values["images"], values["stores"] = tuple(values["images"]), tuple(values["stores"])
            job = Job(**values)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}: damaged, or no job ({error}); {self._way_out}") from error
        if not known:
            raise InputError(f"{path}: format {job.format}, of another version of resnets; {self._way_out}")
        return job

    @contextmanager
    def locked(self) -> Generator[None]:
        """The folder, made if need be, which no other process has locked. Raises InputError when one has."""
        busy = f"{self.out}: another process is writing it; wait for it, or name another file"
        try:
            with locked(self.folder / "lock", busy=busy):
                yield
        finally:
            with suppress(OSError):  # where all is done, or nothing was begun, nothing stays behind
                self.folder.rmdir()

    def begin(self, job: Job, inputs: Discovery, listed: Callable[[], str], watch: Watch) -> Job:
        """List the images, and write the job that `job` becomes by their number.

        listed: gives the digest of the list on standard input, once that was read. Raises what listing the images does.
        """
        self.clear()
        digest, count, relative = hashlib.sha256(), 0, False
        try:
            with self._list.open("wb") as lines, self._index.open("wb") as index:
                for entry in inputs:
                    line = entry.line().encode() + b"\n"
                    index.write(_OFFSET.pack(lines.tell()))
                    lines.write(line)
                    digest.update(line)
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
        job = replace(job, count=count, entries=digest.hexdigest(), stores=stores, part=steps * job.batch)
        job = replace(job, listed=listed(), folder=str(Path.cwd()) if relative else "")
        if count:
            self._write(job)
        return job

    def stores(self, job: Job) -> list[Store]:
        """Where the listing's files are, but for this machine."""
        return [Store(root) for root in job.stores]

    def entries(self, job: Job, part: int) -> Iterator[Entry]:
        """The images of a part."""
        with self._index.open("rb") as index:
            index.seek(part * job.part * _OFFSET.size)
            (offset,) = _OFFSET.unpack(index.read(_OFFSET.size))
        with self._list.open("rb") as lines:
            lines.seek(offset)
            yield from map(Entry.from_line, islice(lines, job.images_in(part)))

    def finished(self, job: Job) -> dict[int, int]:
        """The parts that are there, each with the number of its images that could not be read."""
        named = re.compile(rf"(\d+)-(\d+)-{job.number}{re.escape(self.format.suffix)}")
        found = (named.fullmatch(path.name) for path in self.folder.iterdir())
        return {int(match[1]): int(match[2]) for match in found if match}

    def write(self, job: Job, part: int, bad: int, content: bytes) -> None:
        """One part, whole or not at all. Raises RunFailed when the system refuses."""
        write_whole(self._part(job, part, bad), content)

    def join(self, job: Job) -> int:
        """Make the output of the parts, all of which are there, and remove them. How many images could not be read."""
        found = self.finished(job)
        paths = (self._part(job, part, found[part]) for part in range(job.parts))
        with written_whole(self.out, self.folder / "joined") as file:
            self.format.join(paths, file, job.top, job.features)
        bad = sum(found.values())
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

    def _part(self, job: Job, part: int, bad: int) -> Path:
        return self.folder / f"{part:06}-{bad}-{job.number}{self.format.suffix}"

    def _write(self, job: Job) -> None:
        write_whole(self.folder / "job.json", json.dumps(asdict(job), indent=2) + "\n")

    @property
    def _way_out(self) -> str:
        return f"remove {self.folder} to begin anew, or name another output"


def check_same(begun: Job, wanted: Job, work_folder: WorkFolder) -> None:
    """Raise InputError, naming the difference, when what was begun is not what is wanted now."""
    for name, what in _COMPARED.items():
        before, now = getattr(begun, name), getattr(wanted, name)
        if before == now:
            continue
        if name == "classifier":
            before, now = begun.classifier_name, f"{wanted.classifier_name}, whose content differs"
        raise InputError(
            f"{work_folder.folder}: was begun with {what} {_as_text(before)}, and this is {_as_text(now)}; run the "
            "same command to go on, remove the folder to begin anew, or name another output"
        )


_COMPARED = {
    "classifier": "classifier",
    "top": "--top",
    "views": "--tta",
    "batch": "images a step (--batch-size)",
    "features": "features an image (--embeddings)",
    "device": "--device",
    "images": "the images",
    "folder": "the images in the working directory",
    "listed": "a list on standard input with digest",
    "versions": "versions",
}


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return " ".join(value) if isinstance(value, tuple) else str(value)
