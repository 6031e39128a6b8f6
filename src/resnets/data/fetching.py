"""A file on the web or in an object store -> a local file. A connection that breaks is taken up where it broke off."""

import errno
import http.client
import io
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from resnets.base.errors import InputError
from resnets.data.stores import store_of

log = logging.getLogger(__name__)

WEB = ("http://", "https://")
CHUNK = 1 << 20  # bytes
TIMEOUT = 60.0  # seconds without a byte
TRIES = 6  # in a row that bring nothing
WAIT = 0.25  # seconds before the second try; each further one waits twice as long
_REFUSED = (400, 401, 403, 404, 405, 410, 451)  # answers that another try does not change


@dataclass(frozen=True)
class _Answer:
    """What a source sends, from which byte on, and how many bytes the file has in all, where that is known."""

    read: Callable[[int], bytes]
    begins: int
    size: int | None


def fetch(uri: str, file: IO[bytes] | io.BufferedIOBase) -> None:
    """Write what is at an http, https or object-store URI to `file`, from its beginning.

    Raises OSError, naming the URI, when it is not there or does not come after several tries.
    """
    done, failed = 0, 0
    while True:
        before = done
        try:
            with _opened(uri, done) as answer:
                file.seek(answer.begins)
                file.truncate()
                done = answer.begins
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
            if answer.size is None or done == answer.size:
                return
            why = f"the connection was closed after {done:,} of {answer.size:,} bytes"
        except FileNotFoundError:
            raise
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", 0) == errno.ENOSPC:
                raise
            if getattr(error, "code", 0) in _REFUSED:
                raise OSError(errno.ENOENT, f"the server answered {error}", uri) from error
            why = str(error) or type(error).__name__
        failed = 1 if done > before else failed + 1
        if failed >= TRIES:
            raise OSError(errno.EIO, f"{why}, after {TRIES} tries", uri)
        log.info("%s: %s; trying again from byte %s", uri, why, f"{done:,}")
        time.sleep(WAIT * 2 ** (failed - 1))


@contextmanager
def _opened(uri: str, done: int) -> Generator[_Answer]:
    if uri.startswith(WEB):
        headers = {
            "User-Agent": "resnets",
            "Accept-Encoding": "identity",
            **({"Range": f"bytes={done}-"} if done else {}),
        }
        with urllib.request.urlopen(urllib.request.Request(uri, headers=headers), timeout=TIMEOUT) as response:
            begins = done if response.status == http.client.PARTIAL_CONTENT else 0
            length = response.headers.get("Content-Length")
            yield _Answer(response.read, begins, begins + int(length) if length else None)
        return
    try:
        with store_of(uri).open(uri) as body:
            size = body.seek(0, 2)
            body.seek(done)
            yield _Answer(body.read, done, size)
    except InputError as error:
        raise OSError(errno.EINVAL, str(error), uri) from error
