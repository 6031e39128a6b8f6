"""The parts of a bulk prediction computed over a Ray cluster, by Ray Data: the same files as by threads here.

A worker writes its part into the run's own folder, whole or not at all, and tells only that it is there. So a worker
that dies costs the part that it was at, which Ray gives to another, and a part that is computed twice is the same.
"""

import logging
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError, RunFailed
from resnets.base.files import write_whole
from resnets.base.ray_cluster import connected
from resnets.bulk.job import Job
from resnets.bulk.work_folder import WorkFolder
from resnets.bulk.worker import Opener, Worker
from resnets.export.onnx_file import read_whole


class PartWorker:
    """An actor that holds the classifier, and computes one part after another on one core or accelerator.

    folder: that relative names of images begin in; None where there are none. Raises InputError when it is not there.
    """

    def __init__(self, out: Path, job: Job, classifier: Path, opener: Opener, folder: str | None) -> None:
        if folder is not None:
            _enter(folder)
        predictor = opener(classifier, device=job.device)
        self.worker = Worker(WorkFolder(out), job, predictor)
        self._open = ExitStack()
        self._open.enter_context(self.worker.reader)
        self._open.enter_context(predictor.on_one_core())

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Compute the part that `row` names, unless it is there already, and say how many images it has."""
        part = int(row["part"])
        if part not in self.worker.work_folder.finished(self.worker.job):
            self.worker.compute(part, tick=lambda _: None)
        return {"part": part, "images": self.worker.job.images_in(part)}


def compute(
    work_folder: WorkFolder,
    job: Job,
    missing: Sequence[int],
    *,
    classifier: Path,
    opener: Opener,
    address: str | None = None,
    workers: int | None = None,
    tick: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    """Compute the missing parts over a cluster, all of whose machines see the folder of `work_folder` and the images.

    opener: can be pickled. address: of a cluster that runs; by default the one that this process is connected to, or a
    new one on this machine. workers: at most so many; by default one a core of the cluster. tick: is told how many
    images each part had. stopped: is asked after each part whether to end here.
    Raises InputError when Ray or the cluster is not there, RunFailed when a part cannot be computed.
    """
    copy = write_whole(work_folder.folder / f"classifier{classifier.suffix}", read_whole(classifier))
    with connected(address, needs="ray.data", extra="cluster") as ray, _quietly():
        gpus = {"num_gpus": 1} if job.device.startswith("cuda") else {}
        most = workers or max(1, int(ray.cluster_resources().get("GPU" if gpus else "CPU", 1)))
        numbers = ray.data.from_items([{"part": part} for part in missing], override_num_blocks=len(missing))
        # An actor that dies is begun anew and its task tried again, without end: so Ray Data has it.
        done = numbers.map(
            PartWorker,
            fn_constructor_args=(work_folder.out.absolute(), job, copy.absolute(), opener, folder_of(job)),
            concurrency=(1, min(most, len(missing))),
            num_cpus=1,
            **gpus,
        )
        try:
            for row in done.iter_rows():
                tick(row["images"])
                if stopped():
                    return
        except ray.exceptions.RayError as error:
            raise _explained(error) from error


def folder_of(job: Job) -> str | None:
    """The folder that relative names of a job's images begin in; None where none is relative."""
    return None if job.folder == "" else str(Path.cwd())


def _enter(folder: str) -> None:
    """Make a folder this process's own, which is a worker and nothing else."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: not a folder on this machine, but the images are named relative to it; use absolute "
            "paths, or by URIs such as s3://"
        ) from error


@contextmanager
def _quietly() -> Generator[None]:
    """Ray Data shows no progress bars and tells no news in the block: whoever watches us is told how far it is."""
    import ray.data

    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = bars
        logger.setLevel(level)


def _explained(error: BaseException) -> RunFailed:
    """What went wrong in a worker, without Ray's account of where."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError | RunFailed):
            return RunFailed(str(cause))
        cause = getattr(cause, "cause", None) or cause.__cause__
    last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return RunFailed(f"the Ray cluster failed: {last}; the same command continues where it stopped")
