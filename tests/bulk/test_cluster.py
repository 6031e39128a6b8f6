"""The parts that Ray's workers compute are those of the local engine, whoever dies on the way."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import resnets
from benchmarks import bulk_kill
from resnets.base.errors import InputError, RunFailed
from resnets.base.ray_cluster import connected
from resnets.bulk import cluster
from resnets.bulk import run as bulk
from resnets.bulk.cluster import PartWorker
from resnets.bulk.job import Job
from resnets.bulk.run import Written
from resnets.bulk.work_folder import WorkFolder
from tests import pictures
from tests.export import samples


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "c.safetensors"
    samples.classifier().save(path)
    return path


def test_a_worker_writes_the_parts_that_threads_here_write(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures.folder(tmp_path / "photos", count=11)
    monkeypatch.chdir(tmp_path)
    resnets.predict_bulk(saved, "photos", "local.csv", batch_size=1)
    asked: list[tuple[WorkFolder, Job, list[int]]] = []

    def in_this_process(parts: WorkFolder, job: Job, missing: list[int], **options: object) -> None:
        asked.append((parts, job, missing))
        opener = options["opener"]
        worker = PartWorker(parts.out, job, saved, opener, str(tmp_path))  # pyright: ignore[reportArgumentType] # an Opener
        for part in reversed(missing):
            assert worker({"part": part}) == worker({"part": part}) == {"part": part, "images": job.images_in(part)}

    monkeypatch.setattr(cluster, "compute", in_this_process)
    found = resnets.predict_bulk(saved, "photos", "ray.csv", batch_size=1, engine="ray")
    assert found == Written(Path("ray.csv"), 33, 0, 0)
    assert len(asked[0][2]) == 33
    assert Path("ray.csv").read_bytes() == Path("local.csv").read_bytes()


def test_a_worker_needs_the_runs_working_directory_only_where_an_images_name_is_relative(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures.folder(tmp_path / "photos", count=1)
    monkeypatch.chdir(tmp_path)
    asked: dict[str, object] = {}

    class Gone(Exception):  # noqa: N818
        pass

    def on_another_machine(images: str, out: str) -> object:
        """The folder that its workers would go to."""

        def compute(parts: WorkFolder, job: Job, missing: list[int], **options: object) -> None:
            asked.update(folder=cluster.folder_of(job))
            raise Gone

        monkeypatch.setattr(cluster, "compute", compute)
        with pytest.raises(Gone):
            resnets.predict_bulk(saved, images, out, engine="ray")
        return asked["folder"]

    assert on_another_machine(f"{tmp_path}/photos", "a.csv") is None
    assert on_another_machine(f"file://{tmp_path}/photos", "b.csv") is None
    assert on_another_machine("photos", "c.csv") == str(tmp_path)
    job, opener = WorkFolder(tmp_path / "a.csv").job(), partial(resnets.open_predictor, threads=1)
    assert job is not None
    with pytest.raises(InputError, match=r"/nowhere: not a folder on this machine, but the images are named"):
        PartWorker(tmp_path / "a.csv", job, saved, opener, "/nowhere")


def test_the_workers_device_is_not_looked_for_here(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, devices = pictures.folder(tmp_path / "photos", count=1), list[str]()

    def compute(parts: WorkFolder, job: Job, missing: list[int], **options: object) -> None:
        devices.append(job.device)
        here = PartWorker(parts.out, replace(job, device="cpu"), saved, options["opener"], None)  # pyright: ignore[reportArgumentType] # an Opener
        here.worker.job = job
        for part in missing:
            here({"part": part})

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(cluster, "compute", compute)
    assert resnets.predict_bulk(saved, photos, tmp_path / "a.csv", device="cuda", engine="ray").count == 3
    assert devices == ["cuda"]
    with pytest.raises(InputError, match="device 'cuda': not on this machine"):
        resnets.predict_bulk(saved, photos, tmp_path / "b.csv", device="cuda")
    with pytest.raises(InputError, match="device 'tpu': must be auto, cpu, cuda or mps"):
        resnets.predict_bulk(saved, photos, tmp_path / "b.csv", device="tpu", engine="ray")


@pytest.mark.parametrize(("given", "taken"), [(None, "local"), ("auto", "auto")])
def test_without_an_address_a_cluster_is_begun_whatever_runs_here(
    given: str | None, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def init(address: str, **_: object) -> None:
        asked.append((address, os.environ["RAY_USAGE_STATS_ENABLED"]))

    asked: list[object] = []
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere:10001")
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with connected(given, needs="ray.data", extra="cluster"):
        assert asked == [(taken, "0")]
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ


def test_parts_that_come_to_be_seen_late_are_waited_for_and_their_number_is_said_when_they_do_not(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = pictures.folder(tmp_path / "photos", count=1), tmp_path / "a.csv"
    late: list[threading.Timer] = []

    def nowhere(parts: WorkFolder, job: Job, missing: list[int], **options: object) -> None:
        pass

    def elsewhere(parts: WorkFolder, job: Job, missing: list[int], **options: object) -> None:
        worker = PartWorker(parts.out, job, saved, options["opener"], None)  # pyright: ignore[reportArgumentType] # an Opener
        late.extend(threading.Timer(0.3, worker, [{"part": part}]) for part in missing)
        for timer in late:
            timer.start()

    monkeypatch.setattr(cluster, "compute", nowhere)
    monkeypatch.setattr(bulk, "VISIBLE_WITHIN", 0.1)
    with pytest.raises(
        RunFailed,
        match=r"a\.csv\.parts: 3 of 3 computed parts are missing .* make the same call",
    ):
        resnets.predict_bulk(saved, photos, out, batch_size=1, engine="ray")
    monkeypatch.setattr(cluster, "compute", elsewhere)
    monkeypatch.setattr(bulk, "VISIBLE_WITHIN", 60.0)
    assert resnets.predict_bulk(saved, photos, out, batch_size=1, engine="ray").count == len(late) == 3


def test_a_workers_error_is_told_without_rays_account_of_where() -> None:
    theirs = ValueError("a page\nof text")
    theirs.__cause__ = RunFailed("c.safetensors: its outputs are not finite numbers")
    assert str(cluster._explained(theirs)) == "c.safetensors: its outputs are not finite numbers"
    other = cluster._explained(ValueError("a page\nof text"))
    assert str(other).startswith("the Ray cluster failed: of text; the same call")


def test_without_ray_the_way_to_install_it_is_said(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    photos = pictures.folder(tmp_path / "photos", count=1)
    with pytest.raises(InputError, match=r"pip install 'resnets\[cluster\]'"):
        resnets.predict_bulk(saved, photos, tmp_path / "a.csv", engine="ray")
    assert isinstance(resnets.predict_bulk(saved, photos, tmp_path / "a.csv"), Written)  # the other engine ends it


@pytest.mark.filterwarnings("ignore")  # Ray's own, of many kinds
@pytest.mark.slow
def test_a_cluster_of_two_workers_one_of_them_killed_writes_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos", count=60)
    local, out = tmp_path / "local.parquet", tmp_path / "ray.parquet"
    resnets.predict_bulk(saved, photos, local, batch_size=2)
    killed: list[int] = []

    def kill_one() -> None:
        while not killed and not out.exists():
            time.sleep(0.05)
            if len(list(WorkFolder(out).folder.glob("[0-9]*-*"))) >= 3 and (
                found := bulk_kill.part_workers(os.getpid())
            ):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        resnets.predict_bulk(saved, photos, out, batch_size=2, engine="ray", workers=2)
    except InputError as error:
        if "timed out during startup" in str(error):
            pytest.skip("Ray gives a machine 30 seconds to start it, and this one was too busy")
        raise
    finally:
        out.touch()  # ends the thread
        killer.join()
    assert len(killed) == 1
    assert out.read_bytes() == local.read_bytes()
    assert not WorkFolder(out).folder.exists()
