"""Predictions for any number of images: on all cores, in bounded memory, and safe to kill at any moment.

Each of as many threads as there are cores takes a part of the images end to end: it reads, decodes and resizes a batch,
computes its outputs on one core, and goes on to the next. So nothing waits for anything else, and one batch a thread is
in memory. Batches are cut at the same places whatever the engine and the number of threads, so that the answers are the
same bit for bit.
"""

import hashlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.base.files import check_place
from resnets.base.interruption import StopRequest, stop_requests
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.versions import made
from resnets.bulk.discovery import Inputs
from resnets.bulk.formats import FORMATS, format_of
from resnets.bulk.stores import arrow
from resnets.bulk.work_folder import Parts, Plan, check_same
from resnets.bulk.worker import Stopped, Work
from resnets.classifier.predictor import Predictor
from resnets.data.preprocessing import Views

log = logging.getLogger(__name__)

Engine = Literal["local", "ray"]
VISIBLE_WITHIN = 60.0  # seconds until a part that another machine has written is seen here; file servers can lag
VIEWS = {"none": 1, "flip": 2, "crops": 10}  # of each image


@runtime_checkable
class Opener(Protocol):
    """Opens a classifier's file, or an exported one, on a device."""

    def __call__(self, path: Path, *, device: str) -> Predictor: ...


@dataclass(frozen=True, kw_only=True)
class Order:
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
            raise InputError(f"ray_address = {self.ray_address!r}: is for the engine ray, and this is {self.engine}")
        check_place(self.out)
        found = format_of(self.out)
        if found is None:
            kinds = ", ".join(one.suffix for one in FORMATS)
            raise InputError(f"{self.out}: bulk predictions are written as {kinds}; name a file that ends so")
        if self.embeddings and not found.features:
            raise InputError(f"{self.out}: embeddings go into a .parquet or .jsonl file; name one of those")
        if found.suffix == ".parquet":
            arrow(str(self.out))


@dataclass(frozen=True, slots=True)
class Written:
    """What a bulk prediction has written."""

    out: Path
    count: int  # rows
    bad: int  # of them images that could not be read, whose rows say why
    found: int  # rows that an earlier run of the same order had computed


def predict(order: Order) -> Written:
    """Predict all images of an order into its file, going on where an earlier run of the same order was stopped.

    Raises InputError for what the user can mend, RunFailed when the run cannot finish, Interrupted on Ctrl-C and
    SIGTERM; what was computed by then is kept beside the output.
    """
    parts = Parts(order.out)
    # Ray's workers compute, each on the device that its machine has; this process only says what the plan is.
    predictor = order.opener(order.classifier, device="cpu" if order.engine == "ray" else order.device)
    with parts.locked():
        plan, complete = _plan(order, parts, predictor)
        if complete:
            return Written(order.out, plan.count, plan.bad, plan.count)
        there = parts.finished(plan)
        found = sum(map(plan.images_in, there))
        missing = [part for part in range(plan.parts) if part not in there]
        with stop_requests() as stop:
            _compute(order, Work(parts, plan, predictor), missing, Meter(order.watch, plan.count, found), stop)
        return Written(order.out, plan.count, parts.join(plan), found)


@dataclass
class Meter:
    """How far a run is, and how fast."""

    watch: Watch
    total: int
    done: int
    _begun: float = field(default_factory=time.monotonic)
    _first: int = 0

    def __post_init__(self) -> None:
        self._first = self.done
        self.add(0)

    def add(self, images: int) -> None:
        """Tell whoever watches that so many more images are done."""
        self.done += images
        rate = (self.done - self._first) / max(time.monotonic() - self._begun, 1e-9)
        self.watch(Progress("predicting", self.done, self.total, {"images/s": f"{rate:,.1f}"}))


def _plan(order: Order, parts: Parts, predictor: Predictor) -> tuple[Plan, bool]:
    """The plan to follow, and whether all that it says is done."""
    wanted, begun = _wanted(order, predictor), parts.plan()
    if begun is not None:
        wanted = replace(wanted, folder=begun.folder and str(Path.cwd()))
    listed = _Digested(order.listed)
    if begun is not None and begun.bad >= 0:  # stopped while the folder was being removed
        if begun.same(replace(wanted, listed=begun.listed)) and order.out.is_file():
            parts.clear()
            return begun, True
        begun = None
    if begun is not None:
        if "-" in order.images:
            listed.exhaust()
        check_same(begun, replace(wanted, listed=listed.digest), parts)
        log.info("%s: going on with a run of %s images", order.out, f"{begun.count:,}")
        return begun, False
    inputs = Inputs(order.images, listed, parts.folder, order.out)
    plan = parts.begin(wanted, inputs, lambda: listed.digest, order.watch)
    if not plan.count:
        parts.clear()
        raise InputError("no images given: the list on standard input is empty")
    return plan, False


def _wanted(order: Order, predictor: Predictor) -> Plan:
    """The plan that the order asks for, but for its images."""
    shape = (1, *(predictor.preprocessing.size,) * 2, predictor.preprocessing.channels)
    versions = dict(made()["versions"])
    if order.classifier.suffix == ".onnx":
        import onnxruntime

        versions["onnxruntime"] = onnxruntime.__version__  # which packages of several names have
    return Plan(
        classifier=hashlib.sha256(order.classifier.read_bytes()).hexdigest(),
        classifier_name=str(order.classifier),
        top=min(order.top, len(predictor.classes)),
        views=order.tta,
        batch=max(1, order.batch_size // VIEWS[order.tta]),
        features=predictor.features(np.zeros(shape, np.uint8)).shape[1] if order.embeddings else 0,
        device=order.device,
        versions=versions,
        images=tuple(order.images),
    )


def _compute(order: Order, work: Work, missing: list[int], meter: Meter, stop: StopRequest) -> None:
    """Compute the missing parts.

    Raises Interrupted when a signal has asked to stop before all are there, RunFailed when some do not come to be seen.
    """
    parts, plan = work.parts, work.plan
    if order.engine == "ray" and missing:
        from resnets.bulk import cluster

        cluster.compute(
            parts, plan, missing, classifier=order.classifier, opener=order.opener, address=order.ray_address,
            workers=order.workers, tick=meter.add, stopped=lambda: bool(stop),
        )  # fmt: skip
    elif missing:
        with work.reader, work.predictor.on_one_core():
            _on_threads(work, missing, order.workers or os.cpu_count() or 1, meter.add, stop)
    unseen = _unseen(work, stop)
    if not unseen:
        return
    if stop.signal is None:
        raise RunFailed(
            f"{parts.folder}: {unseen:,} of {plan.parts:,} parts that were computed are not seen here; see that all "
            "machines have this folder in common; the same command goes on"
        )
    kept = sum(map(plan.images_in, parts.finished(plan)))
    raise Interrupted(
        f"stopped with {kept:,} of {plan.count:,} images done, kept in {parts.folder}; the same command goes on",
        signal=stop.signal,
    )


def _unseen(work: Work, stop: StopRequest) -> int:
    """How many parts are not there, after some time in which they may come to be seen; at once where asked to stop."""
    until = time.monotonic() + VISIBLE_WITHIN
    while (unseen := work.plan.parts - len(work.parts.finished(work.plan))) and not stop:
        if time.monotonic() > until:
            break
        time.sleep(min(0.5, VISIBLE_WITHIN))
    return unseen


def _on_threads(
    work: Work, missing: Sequence[int], workers: int, tick: Callable[[int], None], stop: StopRequest
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
                work.compute(part, tick=ticks.put, stopped=halt.is_set)
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
