"""uvicorn's HTTP connection, which also ends what is too slow, too long or too many."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from resnets.serve.limits import Limits
from resnets.serve.settings import security_headers


def connections(limits: Limits) -> type[HttpToolsProtocol]:
    """A protocol class for uvicorn that keeps these limits."""
    return type("LimitedConnection", (Connection,), {"limits": limits})


class Connection(HttpToolsProtocol):
    """One client's connection."""

    limits: Limits

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0  # bytes of a head that is not complete

    def connection_made(self, transport: Any) -> None:
        """A client is there; it is answered 503 where too many are."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._say(503, "busy", "too many connections; try again", "retry-after: 1\r\n")
        else:
            self._expect(self.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request: refused where a head has no end."""
        self._head += len(data)
        super().data_received(data)
        if self._head > self.limits.head and not self.transport.is_closing():
            self._say(431, "long_head", "the address and headers are too long")

    def on_message_begin(self) -> None:
        """The first byte of a request: its head must end soon."""
        super().on_message_begin()
        self._expect(self.limits.head_seconds)

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._check_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._check_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A whole head: the application watches the time from now on."""
        self._expect(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body, which is not of the head."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A whole request."""
        self._head = 0
        self._expect(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out; what is left of a body that nobody reads must come soon."""
        unread = self.cycle is not None and self.cycle.more_body
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._expect(self.limits.body_seconds)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """What is not HTTP."""
        self._say(400, "not_http", "this is not a valid HTTP request")

    def _check_head(self, more: int) -> None:
        self._head = max(self._head, more)
        if more > self.limits.head:
            raise ValueError(more)  # the parser ends, and the client is answered 400

    def _expect(self, seconds: float | None) -> None:
        """The next step must come within so many seconds; None: somebody else watches."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self._say(408, "slow", "the request did not arrive in time")

    def _say(self, status: int, code: str, message: str, more: str = "") -> None:
        """Answer without the application, and close."""
        self._expect(None)
        idle = self.cycle is None or self.cycle.response_complete
        if idle:
            body = json.dumps({"error": message, "code": code})
            safe = "".join(f"{name}: {value}\r\n" for name, value in security_headers().items())
            head = f"HTTP/1.1 {status} {code.title()}\r\ncontent-type: application/json\r\n{safe}{more}"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write((head + body).encode())
        self.transport.close()
