"""How many CPUs may be used, where fewer are allowed than the machine has."""

import os
from pathlib import Path

import pytest

from resnets.base.cpus import usable_cpus
from resnets.data import loading


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on eight CPUs of 64."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own"
    path.write_text(text)
    return path


def test_cpus_that_the_process_may_not_run_on_do_not_count(tmp_path: Path) -> None:
    assert usable_cpus(own=tmp_path / "none", groups=tmp_path / "none") == 8


@pytest.mark.parametrize(("limit", "cpus"), [("200000 100000", 2), ("250000 100000", 3), ("max 100000", 8)])
def test_a_containers_limit_counts(limit: str, cpus: int, tmp_path: Path) -> None:
    group(tmp_path / "groups", cpu__max=limit)
    assert usable_cpus(own=own(tmp_path, "0::/\n"), groups=tmp_path / "groups") == cpus


def test_the_lowest_limit_of_all_groups_around_the_process_counts(tmp_path: Path) -> None:
    group(tmp_path / "groups" / "a" / "b", cpu__max="max 100000")
    (tmp_path / "groups" / "a" / "cpu.max").write_text("50000 100000\n")
    assert usable_cpus(own=own(tmp_path, "0::/a/b\n"), groups=tmp_path / "groups") == 1


def test_limits_of_the_first_version_count_too(tmp_path: Path) -> None:
    group(tmp_path / "groups" / "cpu,cpuacct", cpu__cfs_quota_us="300000\n", cpu__cfs_period_us="100000\n")
    text = "5:memory:/x\n4:cpu,cpuacct:/docker/1\n"
    assert usable_cpus(own=own(tmp_path, text), groups=tmp_path / "groups") == 3
    (tmp_path / "groups" / "cpu,cpuacct" / "cpu.cfs_quota_us").write_text("-1\n")
    assert usable_cpus(own=own(tmp_path, text), groups=tmp_path / "groups") == 8


def test_images_are_decoded_by_as_many_threads_as_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    pool = loading.ThreadPoolExecutor
    monkeypatch.setattr(loading, "ThreadPoolExecutor", lambda n, **names: asked.append(n) or pool(n, **names))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert list(loading.in_order(abs, [-1, 2])) == [1, 2]
    assert asked == [1]
