"""A server in a thread of the test's process, and one in a process of its own."""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from resnets.serve import served
from resnets.serve import server as servers
from resnets.serve.app import Application
from resnets.serve.limits import Limits
from resnets.serve.settings import Settings
from tests import pictures

Result = TypeVar("Result")
ROOT = Path(__file__).parents[2]


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A server that listens."""

    app: Application
    port: int
    loop: asyncio.AbstractEventLoop

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        return ask(self.port, method, path, body, headers)


def ask(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """One request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        found: HTTPResponse = connection.getresponse()
        return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
    finally:
        connection.close()


def raw(port: int, data: bytes, *, seconds: float = 20) -> bytes:
    """What the server sends back until it closes, for bytes as they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        try:
            while part := connection.recv(65_536):
                found += part
        except ConnectionResetError:
            pass
        return found


def jpeg(label: int, seed: int = 0, size: tuple[int, int] = (64, 48), kind: str = "jpeg", **options: Any) -> bytes:
    """An encoded picture of a class."""
    file = io.BytesIO()
    Image.fromarray(pictures.picture(label, seed, size)).save(file, kind, **options)
    return file.getvalue()


def form(images: dict[str, bytes], boundary: str = "edge") -> tuple[bytes, dict[str, str]]:
    """A multipart body and its headers."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{name}"\r\n\r\n'.encode() + data
        for name, data in images.items()
    ]
    body = b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.fixture(scope="session")
def served_path(classifier: Any) -> Path:
    """The small classifier's file, which torch computes: exporting it would trace what the tests check."""
    return classifier.path


MAKE = served._made


@pytest.fixture
def made_graph() -> Any:
    """What makes a graph of a classifier in memory."""
    return MAKE


@pytest.fixture(scope="session", autouse=True)
def without_export() -> Iterator[None]:
    """No graph is made in memory: torch can't trace code whose shapes are checked. A test of its own makes one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "_made", lambda *_: None)
        yield


Start = Callable[..., Running]
Begin = Callable[[Any, Settings], Running]


@pytest.fixture(scope="module")
def start(begin: Begin) -> Start:
    """Starts servers, which end with the module."""

    def started(*paths: Path, limits: dict[str, Any] | None = None, **options: Any) -> Running:
        settings = Settings(port=0, threads=2, limits=Limits(**limits or {}), **options)
        return begin(servers.application(served.named_paths([str(path) for path in paths]), settings), settings)

    return started


@pytest.fixture(scope="module")
def begin() -> Iterator[Begin]:
    """Starts servers of applications, which end with the module."""
    ends: list[Callable[[], None]] = []

    def begun(app: Any, settings: Settings) -> Running:
        listener = servers.listener(settings)
        ready: Future[asyncio.AbstractEventLoop] = Future()
        server = servers.Server(app, settings, on_start=lambda: ready.set_result(asyncio.get_running_loop()))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        loop = ready.result(20)

        def end() -> None:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()

        ends.append(end)
        return Running(app, listener.getsockname()[1], loop)

    yield begun
    for end in ends:
        end()


@pytest.fixture(scope="module")
def running(start: Start, served_path: Path) -> Running:
    """A server of the small classifier."""
    return start(served_path)


@pytest.fixture
def process() -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], int]]]:
    """`resnets serve` in a process of its own: the process and its port."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
        command = [sys.executable, "-m", "resnets", "serve", *arguments, "--port", "0"]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        begun = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
        made.append(begun)
        assert begun.stderr is not None
        for line in begun.stderr:
            if line.startswith(b"resnets serves at "):
                stream = begun.stderr
                threading.Thread(target=stream.read, daemon=True).start()
                return begun, int(line.rsplit(b":", 1)[1])
        raise AssertionError(f"the server ended: {begun.wait()}")

    yield begin
    for one in made:
        if one.poll() is None:
            one.kill()
        one.wait()
        assert one.stderr is not None
        one.stderr.close()


def awaited(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine gives, run in a thread of its own: a browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
