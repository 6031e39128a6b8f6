"""Predictions for any number of images: on all cores, in bounded memory, and safe to kill at any moment.

Each of as many threads as there are cores takes a part of the images end to end: it reads, decodes and resizes a batch,
computes its outputs on one core, and goes on to the next. So nothing waits for anything else, and one batch a thread is
in memory. Batches are cut at the same places whatever the engine and the number of threads, so that the answers are the
same bit for bit.
"""

import hashlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.base.files import check_place
from resnets.base.interruption import StopRequest, stop_requests
from resnets.base.progress import Watch, unwatched
from resnets.base.versions import provenance
from resnets.bulk.discovery import Discovery
from resnets.bulk.formats import FORMATS, format_of
from resnets.bulk.job import Job, check_same
from resnets.bulk.meter import Meter
from resnets.bulk.work_folder import WorkFolder
from resnets.bulk.worker import Opener, Stopped, Worker
from resnets.classifier.predictor import Predictor
from resnets.data.stores import arrow
from resnets.data.views import VIEWS, Views
from resnets.export.onnx_file import read_whole

log = logging.getLogger(__name__)

Engine = Literal["local", "ray"]
VISIBLE_WITHIN = 60.0  # seconds until a part that another machine has written is seen here; file servers can lag


@dataclass(frozen=True, kw_only=True)
class BulkRequest:
    """What was asked for. Raises InputError when it cannot work."""

    classifier: Path  # its file
    images: Sequence[str]
    out: Path
    opener: Opener  # can be pickled where the engine is ray
    listed: Iterable[str] = ()  # the names that "-" stands for
    top: int = 1
    tta: Views = "none"
    embeddings: bool = False
    batch_size: int = 32  # views in a step of the network
    device: str = "cpu"
    workers: int | None = None
    engine: Engine = "local"
    ray_address: str | None = None
    overwrite: bool = False  # an output that is there already
    watch: Watch = unwatched

    def __post_init__(self) -> None:
        if not self.images:
            raise InputError("no images given: name files, folders or patterns, or - to read a list")
        for name in ("top", "batch_size", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} = {value}: must be at least 1")
        if self.tta not in VIEWS:
            raise InputError(f"tta = {self.tta!r}: must be one of {', '.join(VIEWS)}")
        if self.engine not in get_args(Engine):
            raise InputError(f"engine = {self.engine!r}: must be one of {', '.join(get_args(Engine))}")
        if self.ray_address is not None and self.engine != "ray":
            raise InputError(f"ray_address = {self.ray_address!r}: only works with the engine ray, not {self.engine}")
        check_place(self.out)
        found = format_of(self.out)
        if found is None:
            kinds = ", ".join(one.suffix for one in FORMATS)
            raise InputError(f"{self.out}: bulk predictions are written as {kinds}; name a file that ends so")
        if self.embeddings and not found.features:
            raise InputError(f"{self.out}: embeddings need a .parquet or .jsonl file; name one")
        if found.suffix == ".parquet":
            arrow(str(self.out))


@dataclass(frozen=True, slots=True)
class Written:
    """What a bulk prediction has written."""

    out: Path
    count: int  # rows
    bad: int  # of them images that could not be read, whose rows say why
    found: int  # rows that an earlier run of the same request had computed


def predict(request: BulkRequest) -> Written:
    """Predict all images of a request into its file, going on where an earlier run of the same request was stopped.

    Raises InputError for what the user can mend, RunFailed when the run cannot finish, Interrupted on Ctrl-C and
    SIGTERM; what was computed by then is kept beside the output.
    """
    work_folder = WorkFolder(request.out)
    # Ray's workers compute, each on the device that its machine has; this process only says what the job is.
    predictor = request.opener(request.classifier, device="cpu" if request.engine == "ray" else request.device)
    with work_folder.locked():
        job, complete = _job(request, work_folder, predictor)
        if complete:
            return Written(request.out, job.count, job.bad, job.count)
        there = work_folder.finished(job)
        found = sum(map(job.images_in, there))
        missing = [part for part in range(job.parts) if part not in there]
        if missing:  # with all parts there, the output may be ours, written just before this job was killed
            _check_free(request)
        with stop_requests() as stop:
            _compute(
                request, Worker(work_folder, job, predictor), missing, Meter(request.watch, job.count, found), stop
            )
        return Written(request.out, job.count, work_folder.join(job), found)


def _check_free(request: BulkRequest) -> None:
    if request.out.exists() and not request.overwrite:
        raise InputError(f"{request.out}: already exists; replace it with --overwrite, or name another output")


def _job(request: BulkRequest, work_folder: WorkFolder, predictor: Predictor) -> tuple[Job, bool]:
    """The job to follow, and whether all that it says is done."""
    wanted, unfinished = _wanted(request, predictor), work_folder.job()
    if unfinished is not None:
        wanted = replace(wanted, folder=unfinished.folder and str(Path.cwd()))
    listed = _Digested(request.listed)
    if unfinished is not None and unfinished.bad >= 0:  # stopped while the folder was being removed
        if unfinished.same(replace(wanted, listed=unfinished.listed)) and request.out.is_file():
            work_folder.clear()
            return unfinished, True
        unfinished = None
    if unfinished is not None:
        if "-" in request.images:
            listed.exhaust()
        check_same(unfinished, replace(wanted, listed=listed.digest), work_folder.folder)
        work_folder.check(unfinished)
        work_folder.remove_damaged(unfinished)
        log.info("%s: continuing a run of %s images", request.out, f"{unfinished.count:,}")
        return unfinished, False
    _check_free(request)
    inputs = Discovery(request.images, listed, work_folder.folder, request.out)
    job = work_folder.begin(wanted, inputs, lambda: listed.digest, request.watch)
    if not job.count:
        work_folder.clear()
        raise InputError("no images given: the list on standard input is empty")
    return job, False


def _wanted(request: BulkRequest, predictor: Predictor) -> Job:
    """The job that the request asks for, but for its images."""
    shape = (1, *(predictor.preprocessing.size,) * 2, predictor.preprocessing.channels)
    versions = dict(provenance()["versions"])
    if request.classifier.suffix == ".onnx":
        import onnxruntime

        versions["onnxruntime"] = onnxruntime.__version__  # which packages of several names have
    return Job(
        classifier=hashlib.sha256(read_whole(request.classifier)).hexdigest(),
        classifier_name=str(request.classifier),
        top=min(request.top, len(predictor.classes)),
        views=request.tta,
        batch=max(1, request.batch_size // VIEWS[request.tta]),
        features=predictor.features(np.zeros(shape, np.uint8)).shape[1] if request.embeddings else 0,
        device=request.device,
        versions=versions,
        images=tuple(request.images),
    )


def _compute(request: BulkRequest, worker: Worker, missing: list[int], meter: Meter, stop: StopRequest) -> None:
    """Compute the missing parts.

    Raises Interrupted when a signal has asked to stop before all are there, RunFailed when some do not come to be seen.
    """
    work_folder, job = worker.work_folder, worker.job
    if request.engine == "ray" and missing:
        from resnets.bulk import cluster

        cluster.compute(
            work_folder, job, missing, classifier=request.classifier, opener=request.opener,
            address=request.ray_address, workers=request.workers, tick=meter.add, stopped=lambda: bool(stop),
        )  # fmt: skip
    elif missing:
        with worker.reader, worker.predictor.on_one_core():
            _on_threads(worker, missing, request.workers or usable_cpus(), meter.add, stop)
    unseen = _unseen(worker, stop)
    if not unseen:
        return
    if stop.signal is None:
        raise RunFailed(
            f"{work_folder.folder}: {unseen:,} of {job.parts:,} computed parts are missing on this machine; make sure "
            "that all machines share this folder, then run the same command again"
        )
    kept = sum(map(job.images_in, work_folder.finished(job)))
    raise Interrupted(
        f"stopped with {kept:,} of {job.count:,} images done, kept in {work_folder.folder}; the same command continues",
        signal=stop.signal,
    )


def _unseen(worker: Worker, stop: StopRequest) -> int:
    """How many parts are not there, after some time in which they may come to be seen; at once where asked to stop."""
    until = time.monotonic() + VISIBLE_WITHIN
    while (unseen := worker.job.parts - len(worker.work_folder.finished(worker.job))) and not stop:
        if time.monotonic() > until:
            break
        time.sleep(min(0.5, VISIBLE_WITHIN))
    return unseen


def _on_threads(
    worker: Worker, missing: Sequence[int], workers: int, tick: Callable[[int], None], stop: StopRequest
) -> None:
    """Compute parts by threads, each the next one that nobody has taken."""
    ticks: queue.SimpleQueue[int] = queue.SimpleQueue()
    halt = threading.Event()
    remaining, taking = iter(missing), threading.Lock()

    def run() -> None:
        try:
            while not halt.is_set():
                with taking:
                    part = next(remaining, None)
                if part is None:
                    return
                worker.compute(part, tick=ticks.put, stopped=halt.is_set)
        except Stopped:
            pass
        except BaseException:
            halt.set()  # the others stop too
            raise

    with ThreadPoolExecutor(min(workers, len(missing)), thread_name_prefix="resnets-bulk") as pool:
        running = [pool.submit(run) for _ in range(min(workers, len(missing)))]
        for future in running:
            future.add_done_callback(lambda _: ticks.put(0))  # so that nobody waits for a tick after the last
        try:
            while not all(future.done() for future in running) or not ticks.empty():
                for count in _arrived(ticks):
                    tick(count)
                if stop:
                    halt.set()
        finally:
            halt.set()
    for future in running:
        future.result()


def _arrived(ticks: "queue.SimpleQueue[int]") -> Iterator[int]:
    """What is in the queue, or comes within a moment."""
    try:
        yield ticks.get(timeout=0.1)
        while True:
            yield ticks.get_nowait()
    except queue.Empty:
        return


class _Digested:
    """Names, each line of which goes into a digest as it is read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._digest = hashlib.sha256()
        self._any = False

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._any = True
            self._digest.update(line.rstrip("\r\n").encode(errors="surrogatepass") + b"\n")
            yield line

    def exhaust(self) -> None:
        """Read all that is left."""
        for _ in self:
            pass

    @property
    def digest(self) -> str:
        """Of what was read so far; empty where nothing was."""
        return self._digest.hexdigest()[:16] if self._any else ""
