"""What every request passes before the routes: its id, whether it may ask, and how its answer leaves.

Nothing that goes wrong behind it reaches a client but as a status and a sentence.
"""

import json
import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnets.serve.limits import Refused
from resnets.serve.metrics import Metrics
from resnets.serve.settings import Settings, check_host, check_key, check_origin, security_headers

ACCESS = logging.getLogger("resnets.serve.access")
log = logging.getLogger(__name__)

FAILED = Refused(500, "failed", "the server could not answer; its owner's log says why, under this request's id")
UNREAD = (400, 401, 403, 408, 411, 413, 415, 421)  # whose body may not have been read: the connection is not used again
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics
        self.draining = False  # told to stop: what comes is answered, and no connection is kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(self, scope, send).run(receive)


class _Exchange:
    """One request and its answer."""

    def __init__(self, guard: Guard, scope: Scope, send: Send) -> None:
        self.guard, self.scope, self.send = guard, scope, send
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = self.headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        self.begun = time.perf_counter()
        self.status = 0
        self.complete = False
        self.code: str | None = None
        scope["state"] = {**scope.get("state", {}), "request_id": self.id, "images": 0}

    async def run(self, receive: Receive) -> None:
        """Answer it, whatever happens."""
        try:
            self._check()
            if self.scope["method"] == "OPTIONS" and "access-control-request-method" in self.headers:
                await self._preflight()
            else:
                await self.guard.app(self.scope, receive, self._leave)
        except Refused as refused:
            await self._refuse(refused)
        except Exception:
            log.exception("request %s failed", self.id)
            if not self.complete:
                await self._refuse(FAILED)
        finally:
            self._count()

    def _check(self) -> None:
        host = self.headers.get("host")
        if sum(name == b"host" for name, _ in self.scope["headers"]) > 1:
            raise Refused(400, "two_hosts", "the request has more than one Host header")
        check_host(self.guard.settings, host)
        navigates = self.scope["method"] == "GET" and self.headers.get("sec-fetch-mode") == "navigate"
        check_origin(self.guard.settings, host or "", self.headers, navigates=navigates)
        if self.scope["method"] != "OPTIONS":
            check_key(self.guard.settings, self.scope["path"], self.headers.get("authorization"))

    async def _leave(self, message: Message) -> None:
        """Send a part of the answer on, with what every answer's head has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name.lower() for name, _ in message["headers"]}
            more = security_headers() | {"x-request-id": self.id, "cache-control": "no-store"} | self._cors()
            if self.guard.draining or (self.status in UNREAD and self.scope["method"] == "POST"):
                more["connection"] = "close"
            added = [(name.encode(), value.encode()) for name, value in more.items() if name.encode() not in own]
            message = {**message, "headers": [*message["headers"], *added]}
        else:
            self.complete = not message.get("more_body", False)
        await self.send(message)

    def _cors(self) -> dict[str, str]:
        origin = self.headers.get("origin")
        if origin is None or origin not in self.guard.settings.origins:
            return {}
        return {
            "access-control-allow-origin": origin, "vary": "Origin", "access-control-expose-headers": "X-Request-Id",
            "cross-origin-resource-policy": "cross-origin",
        }  # fmt: skip

    async def _preflight(self) -> None:
        allowed = {"access-control-allow-methods": "GET, POST", "access-control-max-age": "600"}
        allowed["access-control-allow-headers"] = "Authorization, Content-Type, X-Request-Id"
        headers = [(name.encode(), value.encode()) for name, value in allowed.items()] if self._cors() else []
        await self._leave({"type": "http.response.start", "status": 204, "headers": headers})
        await self._leave({"type": "http.response.body", "body": b""})

    async def _refuse(self, refused: Refused) -> None:
        if self.status:  # the answer has begun; cutting it off is all that can be done
            raise refused
        self.code = refused.code
        body = json.dumps(error_of(refused, self.id)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **refused.headers()}
        if refused.status == 401:
            headers["www-authenticate"] = "Bearer"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._leave({"type": "http.response.start", "status": refused.status, "headers": raw})
        await self._leave({"type": "http.response.body", "body": body})

    def _count(self) -> None:
        elapsed = time.perf_counter() - self.begun
        route = getattr(self.scope.get("route"), "path", "none")  # as the routes have it: few, whatever is asked
        metrics = self.guard.metrics
        metrics.requests.labels(route, str(self.status)).inc()
        metrics.seconds.labels(route).observe(elapsed)
        code = self.code or self.scope["state"].get("code")
        if code is not None:
            metrics.refused.labels(code).inc()
        fields: dict[str, Any] = {
            "request": self.id, "method": self.scope["method"], "path": self.scope["path"][:200],
            "status": self.status, "milliseconds": round(1000 * elapsed, 1), "images": self.scope["state"]["images"],
            "client": (self.scope.get("client") or ("",))[0],
        }  # fmt: skip
        if code is not None:
            fields["refused"] = code
        ACCESS.info("%s %s %s", fields["method"], fields["path"], self.status, extra={"fields": fields})


def error_of(refused: Refused, request_id: str) -> dict[str, str]:
    """What a client reads: `error` as the open inference protocol has it, and what programs can test."""
    return {"error": refused.message, "code": refused.code, "request_id": request_id}
