"""`resnets serve --engine ray` on a cluster of its own: what one replica's death, a reload and a stop do to clients."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import ask
from tests.serve.test_staying_up import Load

pytestmark = pytest.mark.slow  # a cluster and its replicas take half a minute to start

PATIENCE = 120.0  # seconds


def replicas(server: int) -> set[int]:
    """The processes of the replicas that this server started."""
    found = set[int]()
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal():
            continue
        try:
            named = place.joinpath("cmdline").read_bytes().startswith((b"ray::ServeReplica", b"ray::SERVE_REPLICA"))
            if named and server in ancestors(int(place.name)):
                found.add(int(place.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def ancestors(process: int) -> list[int]:
    found = [process]
    while found[-1] > 1:
        found.append(int(Path(f"/proc/{found[-1]}/stat").read_text().rpartition(")")[2].split()[1]))
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_killed_replica_a_reload_and_a_stop_lose_no_request(process: Callable[..., Any], onnx_file: Path) -> None:
    server, port = process(str(onnx_file), "--engine", "ray", "--replicas", "2", "--drain", "0.5")
    before = replicas(server.pid)
    assert len(before) == 2
    load = Load(port, 6)
    time.sleep(1)
    killed = before.pop()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(replicas(server.pid) - {killed}) == 2)
    wait_until(lambda: ask(port, "GET", "/metrics").body.count(b"resnets_images_total{") == 2)  # the new one answers
    server.send_signal(signal.SIGHUP)
    wait_until(lambda: ask(port, "GET", "/metrics").body.count(b"resnets_reloads_total{") == 2)
    assert ask(port, "GET", "/readyz").status == 200
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    statuses = load.end()
    assert set(statuses) <= {200, 503}
    assert statuses[200] > 100
    assert statuses[503] <= 6  # one of each client at most, which asks again


def test_more_load_starts_more_replicas(process: Callable[..., Any], onnx_file: Path) -> None:
    server, port = process(str(onnx_file), "--engine", "ray", "--replicas", "1:2")
    assert len(replicas(server.pid)) == 1
    load = Load(port, 12)
    wait_until(lambda: len(replicas(server.pid)) == 2)
    assert set(load.end()) == {200}
