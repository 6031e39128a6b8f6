"""What clients meet of a server with replicas: the sockets, the limits, and whom a request is given to.

Every request but a reload only reads, so one whose replica dies is given to another.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Protocol, runtime_checkable

from fastapi import FastAPI, Request
from fastapi.responses import Response

from resnets.serve.app import add_health, handle_errors
from resnets.serve.bodies import Ledger, body_of
from resnets.serve.guard import FAILED, Guard
from resnets.serve.limits import busy
from resnets.serve.metrics import Metrics, joined
from resnets.serve.replica import Asked, Gone, Told
from resnets.serve.settings import Settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
PAUSE = 0.1  # seconds before another replica is asked
PATIENCE = 5.0  # seconds that a replica has to say how it is

log = logging.getLogger(__name__)


@runtime_checkable
class Replicas(Protocol):
    """Those who answer."""

    async def answer(self, asked: Asked) -> Told:
        """What one of them says. Raises Gone when it dies over it, Refused when none can take it."""
        ...

    async def everyone(self, method: str, *arguments: Any, seconds: float) -> dict[str, Any]:
        """What each of them, by its id, gives for a method of `Replica`; without those that don't within `seconds`."""
        ...


class Front:
    """The application of a server whose replicas compute."""

    def __init__(self, replicas: Replicas, settings: Settings) -> None:
        self.replicas, self.settings = replicas, settings
        self.metrics, self.ledger = Metrics(), Ledger(settings.limits.bodies)
        self.asked = 0  # requests that replicas have
        api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        handle_errors(api)
        add_health(api, ready=self._ready, metrics=self._metrics)
        api.add_api_route("/v2/repository/models/{name}/load", self._reload, methods=["POST"])
        api.add_api_route("/{path:path}", self._answer, methods=METHODS)
        self.guard = Guard(api, settings, self.metrics)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        await self.guard(scope, receive, send)

    def drain(self) -> None:
        """From now on say that the server is not ready."""
        self.guard.draining = True

    async def reload_all(self) -> None:
        """Have every replica read every classifier again."""
        found = await self.replicas.everyone("reload_all", seconds=600)
        for replica, refused in found.items():
            log.info("replica %s read its classifiers again%s", replica, f", not {refused}" if refused else "")

    async def _ready(self) -> bool:
        return not self.guard.draining and bool(await self.replicas.everyone("is_ready", seconds=PATIENCE))

    async def _metrics(self) -> bytes:
        return joined(self.metrics, await self.replicas.everyone("metrics", seconds=PATIENCE))

    async def _answer(self, request: Request) -> Response:
        """What a replica says."""
        if self.asked >= self.settings.limits.queue:
            raise busy("the queue is full; try again")
        async with self._whole(request) as asked, self._counted():
            return self._response(request, await self._told(asked))

    async def _reload(self, request: Request) -> Response:
        """What the replica says that liked it least."""
        async with self._whole(request) as asked:
            found = await self.replicas.everyone("answer", asked, seconds=600)
        if not found:
            raise busy("no replica answers; try again")
        return self._response(request, max(found.values(), key=lambda told: told.status))

    async def _told(self, asked: Asked) -> Told:
        limit = self.settings.limits.seconds
        try:
            async with asyncio.timeout(limit):
                while True:
                    try:
                        return await self.replicas.answer(asked)
                    except Gone as gone:
                        log.warning("request %s is given to another replica: %s", asked.request_id, gone)
                        await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise busy(f"no answer within {limit:g} seconds; try again") from None

    @asynccontextmanager
    async def _whole(self, request: Request) -> AsyncIterator[Asked]:
        """The request with its body, which counts as held while the block runs."""
        async with body_of(request, self.settings.limits, self.ledger) as body:
            yield Asked(
                method=request.method, path=request.scope["path"], query=request.scope["query_string"],
                headers=tuple(request.headers.raw), request_id=request.state.request_id, body=body,
            )  # fmt: skip

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.asked += 1
        try:
            yield
        finally:
            self.asked -= 1

    def _response(self, request: Request, told: Told) -> Response:
        """The answer, and in the request what the guard counts and logs."""
        request.scope["state"].update(told.state)
        request.scope["route"] = SimpleNamespace(path=told.route or "none")
        if told.fault is not None:
            log.error("request %s failed\n%s", request.state.request_id, told.fault)
        if not told.status:
            raise FAILED
        response = Response(told.body, told.status)
        response.raw_headers = list(told.headers)
        return response
