"""Reading what a client sends: never more than the limits, never longer, and never compressed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from resnets.serve.limits import Limits, Refused, busy

LONGEST_NAME = 200  # characters of an image's name that are sent back
PART_HEAD = 4096  # bytes of a part's headers


@dataclass
class Ledger:
    """Bytes of all requests that are being read or answered."""

    most: int
    held: int = 0

    def take(self, count: int) -> None:
        """Raise Refused (503) where there is no room for so many more bytes."""
        if self.held + count > self.most:
            raise busy("the server is reading as much as it can hold; try again")
        self.held += count

    def give_back(self, count: int) -> None:
        """So many bytes are no longer held."""
        self.held -= count


@dataclass(frozen=True)
class Upload:
    """One encoded image and what the client calls it."""

    name: str
    data: bytes


@asynccontextmanager
async def body_of(request: Request, limits: Limits, ledger: Ledger) -> AsyncIterator[bytes]:
    """The whole body, which counts as held while the block runs.

    Raises Refused: 408 when it comes too slowly, 413 when it is too large, 415 when it is compressed, 503 when the
    server holds too much already, 400 when the client goes away.
    """
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise Refused(415, "compressed", "the body is compressed; send it as it is")
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal():
        raise Refused(400, "bad_length", "Content-Length is not a number")
    too_large = Refused(413, "too_large", f"the body has more than {limits.body:,} bytes; send less, or fewer images")
    if len(stated) > 18 or int(stated) > limits.body:
        raise too_large
    held = 0
    try:
        chunks: list[bytes] = []
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                if held + len(chunk) > limits.body:
                    raise too_large
                ledger.take(len(chunk))
                held += len(chunk)
                chunks.append(chunk)
        whole = b"".join(chunks)
        chunks.clear()
        yield whole
    except TimeoutError:
        raise Refused(408, "slow", f"the body did not arrive within {limits.body_seconds:g} seconds") from None
    except ClientDisconnect:
        raise Refused(400, "gone", "the client closed the connection") from None
    finally:
        ledger.give_back(held)


def uploads(content_type: str, body: bytes, limits: Limits) -> list[Upload]:
    """The images in a body: itself, or the files of a form. Raises Refused: 400 or 413."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        found = _parts(body, options.get(b"boundary", b""), limits)
    else:  # whatever its type says: the content decides
        found = [Upload("image", body)]
    if not found or not all(one.data for one in found):
        raise Refused(400, "no_image", "the request has no image in it")
    return found


def _parts(body: bytes, boundary: bytes, limits: Limits) -> list[Upload]:
    reader = _Parts(limits.images)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
        parser.finalize()
    except (MultipartParseError, ValueError, IndexError):
        raise Refused(400, "bad_form", "the multipart body is damaged or cut short") from None
    if not reader.ended:
        raise Refused(400, "bad_form", "the multipart body is damaged or cut short")
    return reader.found


@dataclass
class _Parts:
    """Gathers the parts of a form as they are parsed."""

    most: int
    found: list[Upload] = field(default_factory=list[Upload])
    ended: bool = False
    _field: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    _data: list[bytes] = field(default_factory=list[bytes])

    def callbacks(self) -> Any:
        """As the parser wants them."""
        return {
            "on_part_begin": self._begin, "on_header_field": self._on_field, "on_header_value": self._on_value,
            "on_header_end": self._header_end, "on_part_data": self._on_data, "on_part_end": self._end,
            "on_end": self._finish,
        }  # fmt: skip

    def _begin(self) -> None:
        if len(self.found) >= self.most:
            raise Refused(413, "too_many_images", f"more than {self.most} images in one request; send fewer")
        self._headers, self._data = {}, []
        self._field, self._value = bytearray(), bytearray()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._check_head()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_head()

    def _check_head(self) -> None:
        if len(self._field) + len(self._value) > PART_HEAD or len(self._headers) > 16:
            raise Refused(400, "bad_form", "a part of the form has too long headers")

    def _header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename")
        if name is None:
            raise Refused(400, "bad_form", "a part of the form is no file; options go into the address, as in ?top=3")
        self.found.append(Upload(printable(name.decode(errors="replace")), b"".join(self._data)))

    def _finish(self) -> None:
        self.ended = True


def printable(name: str) -> str:
    """A file's name without its folders and without control characters, and no longer than LONGEST_NAME."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(one for one in last if one.isprintable())[:LONGEST_NAME] or "image"
