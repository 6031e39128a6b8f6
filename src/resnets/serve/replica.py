"""One replica: a whole application, which is asked by whoever has the sockets instead of having some itself."""

import asyncio
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resnets.serve.app import Application
from resnets.serve.server import application
from resnets.serve.settings import Settings

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, whole."""

    method: str
    path: str
    query: bytes
    headers: Headers
    request_id: str
    body: bytes


@dataclass(kw_only=True)
class Told:
    """The answer, whole, and what the log and the counters want to know of it."""

    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    route: str | None = None
    state: dict[str, Any] = field(default_factory=dict[str, Any])  # of the request: images, and why it was refused
    fault: str | None = None  # where it failed


class Replica:
    """Answers as a server of its own would. Its methods are what Ray Serve calls."""

    def __init__(self, paths: dict[str, Path], settings: Settings) -> None:
        self.app: Application = application(paths, settings)

    async def answer(self, asked: Asked) -> Told:
        """What the application says."""
        state = {"request_id": asked.request_id, "images": 0}
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": asked.method, "path": asked.path, "raw_path": asked.path.encode(), "query_string": asked.query,
            "headers": list(asked.headers), "client": None, "server": None, "state": state,
        }  # fmt: skip
        body = [{"type": "http.request", "body": asked.body, "more_body": False}]
        told = Told(state=state)

        async def receive() -> dict[str, Any]:
            return body.pop() if body else await asyncio.Future()  # nobody leaves: the whole request is here

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told.status, told.headers = message["status"], tuple(map(tuple, message["headers"]))
            else:
                told.body += message.get("body", b"")

        try:
            await self.app.api(scope, receive, send)  # pyright: ignore[reportArgumentType] # messages are dictionaries
        except Exception:  # after the application has said that it failed
            told.fault = traceback.format_exc()
        told.state = {name: value for name, value in scope["state"].items() if name in ("images", "code")}
        told.route = getattr(scope.get("route"), "path", None)
        return told

    async def reload_all(self) -> list[str]:
        """Read every classifier again; the names of those that can't be used, so that the ones before go on."""
        return await self.app.reload_all()

    def metrics(self) -> str:
        """Its counters, as Prometheus reads them."""
        return self.app.metrics.text().decode()

    def is_ready(self) -> bool:
        """Whether it answers: it does, if it says so."""
        return True


class Gone(Exception):  # noqa: N818 - somebody else is asked
    """The replica that was asked has died, or can't be reached."""
