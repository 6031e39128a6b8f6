"""All addresses of a server, as an ASGI application."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from resnets.serve import explorer, v1, v2
from resnets.serve.guard import FAILED, Guard, error_of
from resnets.serve.limits import Refused
from resnets.serve.metrics import CONTENT_TYPE, Metrics
from resnets.serve.registry import Registry
from resnets.serve.service import Service
from resnets.serve.settings import Settings, security_headers
from resnets.serve.site import Site

log = logging.getLogger(__name__)

_ABOUT = "Answers for images, by classifiers that resnets trained."


class Application:
    """The server's application and what it holds."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self.settings, self.registry = settings, registry
        self.metrics = Metrics()
        self.service = Service(registry, settings.limits, self.metrics, threads=settings.threads)
        api = FastAPI(title="resnets serve", description=_ABOUT, version="1", docs_url=None, redoc_url=None,
                      lifespan=self._lifespan, redirect_slashes=False)  # fmt: skip
        handle_errors(api)
        api.include_router(v1.routes(self.service))
        api.include_router(v2.routes(self.service, key=settings.key))
        add_health(api, ready=self._ready, metrics=self._metrics)
        api.include_router(explorer.routes(self.service))
        _add_pages(api)
        self.api: ASGIApp = api  # without the guard, for whoever has one before it
        self.guard = Guard(api, settings, self.metrics)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        await self.guard(scope, receive, send)

    @property
    def draining(self) -> bool:
        """Whether it was told to stop: it still answers, says that it is not ready, and keeps no connection."""
        return self.guard.draining

    def drain(self) -> None:
        """From now on say that the server is not ready."""
        self.guard.draining = True

    async def reload_all(self) -> list[str]:
        """Read every classifier again; the names of those that can't be used, so that the ones before go on."""
        kept: list[str] = []
        for name in self.registry.names():
            try:
                await self.registry.reload(name)
                self.metrics.reloads.labels(name).inc()
            except Refused as refused:
                log.warning("%s: %s", name, refused.message)
                kept.append(name)
        return kept

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        yield
        self.service.close()

    async def _ready(self) -> bool:
        return not self.draining

    async def _metrics(self) -> bytes:
        return self.metrics.text()


def add_health(api: FastAPI, *, ready: Callable[[], Awaitable[bool]], metrics: Callable[[], Awaitable[bytes]]) -> None:
    """The addresses that say how a server is. ready, metrics: what to say of it."""

    @api.get("/healthz", tags=["health"], summary="Whether the process runs")
    async def healthz() -> JSONResponse:
        return JSONResponse({"alive": True})

    @api.get("/readyz", tags=["health"], summary="Whether requests should be sent here")
    @api.get("/v2/health/ready", tags=["open inference protocol"], summary="Whether all models answer")
    async def readyz() -> JSONResponse:
        found = await ready()
        return JSONResponse({"ready": found}, 200 if found else 503)

    @api.get("/metrics", tags=["health"], summary="Counters for Prometheus")
    async def counters() -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE)


def handle_errors(api: FastAPI) -> None:
    """Whatever goes wrong is answered with a status and a sentence."""

    def answer(request: Request, refused: Refused, more: dict[str, str] | None = None) -> JSONResponse:
        request.scope["state"]["code"] = refused.code
        said = error_of(refused, request.scope["state"]["request_id"])
        return JSONResponse(said, refused.status, refused.headers() | (more or {}))

    async def on_refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return answer(request, error)

    async def on_option(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        names = ", ".join(dict.fromkeys(str(one["loc"][-1]) for one in error.errors()))[:100]
        return answer(request, Refused(400, "bad_option", f"an option has no such value: {names}; see /docs"))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        words = {404: "no such address; see /docs", 405: "the address takes another method; see /docs"}
        code = {404: "no_such_address", 405: "wrong_method"}.get(error.status_code, "refused")
        refused = Refused(error.status_code, code, words.get(error.status_code, "the request can't be answered"))
        return answer(request, refused, dict(error.headers or {}))

    async def on_failed(request: Request, _: Exception) -> JSONResponse:
        return answer(request, FAILED)  # the guard logs the error, which comes there too

    api.add_exception_handler(Refused, on_refused)
    api.add_exception_handler(Exception, on_failed)
    api.add_exception_handler(RequestValidationError, on_option)
    api.add_exception_handler(HTTPException, on_http)


def _add_pages(api: FastAPI) -> None:
    """The page and its files."""
    site = Site()

    def file_at(path: str, request: Request, policy: dict[str, str] | None = None) -> Response:
        found = site.get(path)
        if found is None:
            raise Refused(404, "no_such_address", "no such address; see /docs")
        headers = {"etag": found.etag, "cache-control": "no-cache"} | (policy or {})
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, headers=headers, media_type=found.kind)

    @api.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return file_at("index.html", request, security_headers(forms=True))

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return file_at("docs.html", request)

    @api.get("/favicon.ico", include_in_schema=False)
    async def icon(request: Request) -> Response:
        return file_at("icon.svg", request)

    @api.get("/static/{path:path}", include_in_schema=False)
    async def static(path: str, request: Request) -> Response:
        return file_at(path, request)
