"""Running the application on uvicorn: sockets, signals, a reload on SIGHUP, and an end that loses no request."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

import uvicorn

from resnets.base.cpus import usable_cpus
from resnets.base.errors import InputError
from resnets.serve.app import Application
from resnets.serve.connection import connections
from resnets.serve.registry import Registry
from resnets.serve.served import Served, open_served
from resnets.serve.settings import Settings

BACKLOG = 2048  # connections that the system keeps until they are taken
DRAIN_STEP = 0.05  # seconds
LINGER = 1.0  # seconds in which a client that is connected may still ask, after nobody else can connect

log = logging.getLogger(__name__)


def application(paths: dict[str, Path], settings: Settings) -> Application:
    """The application for some classifiers, which are opened. Raises InputError when one cannot be used."""
    threads = settings.threads or usable_cpus()

    def opener(name: str, path: Path) -> Served:
        return open_served(name, path, threads=threads)

    return Application(Registry(paths, opener), settings)


def run(paths: dict[str, Path], settings: Settings, *, started: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; what is being answered then is answered.

    started: is told the server's address once it listens. Raises InputError where it cannot listen there.
    """
    with listener(settings) as sock:
        run_at(sock, application(paths, settings), settings, started=started)


def run_at(
    sock: socket.socket, app: "Serves", settings: Settings, *, started: Callable[[str], None] | None = None
) -> None:
    """`run` of an application that is there, at a socket of `listener`."""
    address = _address(settings, sock)
    Server(app, settings, on_start=lambda: started(address) if started is not None else None).run(sockets=[sock])


@runtime_checkable
class Serves(Protocol):
    """An application as a server runs it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        ...

    def drain(self) -> None:
        """From now on say that the server is not ready."""
        ...

    async def reload_all(self) -> object:
        """Read every classifier again."""
        ...


class Server(uvicorn.Server):
    """uvicorn's server, which drains before it ends and reads classifiers again on SIGHUP."""

    def __init__(self, app: Serves, settings: Settings, *, on_start: Callable[[], None] | None = None) -> None:
        limits = settings.limits
        config = uvicorn.Config(
            app, http=connections(limits), ws="none", lifespan="on", log_config=None, access_log=False,
            proxy_headers=False,
            server_header=False, backlog=BACKLOG, timeout_keep_alive=int(max(1, limits.idle_seconds)),
            timeout_graceful_shutdown=int(limits.seconds + limits.body_seconds) + 1,
        )  # fmt: skip
        super().__init__(config)
        self.app, self.settings, self.on_start = app, settings, on_start
        self._tasks: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and hear of SIGHUP."""
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            with suppress(ValueError, RuntimeError):  # outside the main thread no signal comes
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        if self.on_start is not None:
            self.on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that it is not ready, wait for `drain` seconds, take no more, and answer what is there."""
        self.app.drain()
        for _ in range(round(self.settings.drain / DRAIN_STEP)):
            if self.force_exit:
                break
            await asyncio.sleep(DRAIN_STEP)
        await self._take_the_last(sockets or [])
        await super().shutdown(sockets)

    async def _take_the_last(self, sockets: list[socket.socket]) -> None:
        """Close the door behind those who are in front of it, and give everyone who is in time to ask.

        The system resets what nobody has accepted when a socket is closed, so all of it is accepted first.
        """
        accepted = [connection for sock in sockets for connection in _accepted(sock)]
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()
        loop = asyncio.get_running_loop()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)
        end = loop.time() + LINGER
        while self.server_state.connections and loop.time() < end and not self.force_exit:
            await asyncio.sleep(DRAIN_STEP)

    def _protocol(self) -> asyncio.Protocol:
        made: Any = self.config.http_protocol_class
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as uvicorn calls it
        """The first signal ends the server in good order, a second one at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    def _reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self.app.reload_all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _accepted(sock: socket.socket) -> Iterator[socket.socket]:
    """Who waits to be taken."""
    sock.setblocking(False)
    while True:
        try:
            connection, _ = sock.accept()
        except OSError:  # nobody
            return
        connection.setblocking(False)
        yield connection


def listener(settings: Settings) -> socket.socket:
    """A socket that listens at the address. Raises InputError where it can't."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(
            f"host {settings.host!r}: not an address of this machine ({error.strerror or error})"
        ) from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        raise InputError(
            f"{settings.host}:{settings.port}: can't listen there ({error.strerror or error}); choose another --port"
        ) from error
    return found


def _address(settings: Settings, sock: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{sock.getsockname()[1]}"
