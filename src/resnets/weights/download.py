"""Files from the web into torch's own cache, each whole and with the hash that its name promises, or not at all.

The cache is the one that torch.hub and torchvision fill, $TORCH_HOME/hub/checkpoints (by default under ~/.cache/torch),
so what they have downloaded is not downloaded again.
"""

import contextlib
import hashlib
import http.client
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from resnets.base.errors import InputError
from resnets.base.files import written_whole
from resnets.base.progress import Progress, Watch, unwatched
from resnets.classifier.header import shortly
from resnets.weights.limits import Budget
from resnets.weights.published import TORCHVISION_HOST

log = logging.getLogger(__name__)

MIRROR = "RESNETS_TORCHVISION_MIRROR"
TIMEOUT = 20.0  # seconds without a byte
ATTEMPTS = 5  # in a row to go on with a download that breaks off, before it is given up
CHUNK = 1 << 20

_TRUE = ("1", "ON", "YES", "TRUE")  # as huggingface_hub reads its own variables


def offline() -> bool:
    """Whether RESNETS_OFFLINE or HF_HUB_OFFLINE says that only what is cached may be used."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("RESNETS_OFFLINE", "HF_HUB_OFFLINE"))


def checkpoints() -> Path:
    """The folder that torch keeps downloaded weights in."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache, "torch")).expanduser() / "hub" / "checkpoints"


def cached_at(url: str) -> Path:
    """Where a URL's file is in the cache, or would be.

    A name with a hash stands for one content, whoever has it; another name is kept apart by its URL.
    """
    try:
        name = unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError as error:
        raise InputError(f"{url}: is no address ({error}); it must be as https://HOST/FILE") from error
    name = "".join(letter if letter.isprintable() and letter not in "\\:" else "_" for letter in name)
    if promised(name) is None:
        name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name[-100:] or 'weights'}"
    return checkpoints() / name


def promised(name: str) -> str | None:
    """The beginning of the file's SHA-256 that its name promises, as torchvision's names do: resnet50-0676ba61.pth."""
    found = re.search(r"-([0-9a-f]{8,64})\.[a-z.]+$", name)
    return found[1] if found else None


def download(url: str, *, watch: Watch = unwatched) -> Path:
    """The file at a URL, from the cache where it is there already.

    RESNETS_TORCHVISION_MIRROR stands in for https://download.pytorch.org/models. Raises InputError, leaving nothing
    behind, when the URL cannot be reached, answers with something else, or sends other bytes than the name promises;
    RunFailed when the cache cannot be written.
    """
    target = cached_at(url)
    if os.path.isfile(target) and _sound(target):  # noqa: PTH113 - which is no error for folders closed to us
        return target
    if offline():
        raise InputError(
            f"{url}: is not in the cache ({target}), and RESNETS_OFFLINE or HF_HUB_OFFLINE says to stay offline; "
            "unset it, copy the file there, or give a local file"
        )
    with written_whole(target, instead="set TORCH_HOME to another folder") as file:
        _transfer(url, target.name, file, watch)
    log.info("downloaded %s to %s", url, target)
    return target


def _sound(path: Path) -> bool:
    """Whether a cached file is what its name promises."""
    prefix = promised(path.name)
    if prefix is None:
        return True
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); mend or remove it") from error
    if digest.startswith(prefix):
        return True
    log.warning("%s is damaged (its hash is not what its name promises) and is not used", path)
    return False


@dataclass(slots=True)
class _Received:
    """How much of a file has come, of how much, and which version of it."""

    done: int = 0
    total: int | None = None
    tag: str | None = None  # the server's ETag
    why: str = ""  # it broke off, if it did


def _transfer(url: str, name: str, file: BinaryIO, watch: Watch) -> None:
    """All of a URL into `file`, going on where a connection breaks off."""
    address, digest, got, fruitless = _mirrored(url), hashlib.sha256(), _Received(), 0
    budget = Budget(address)
    while fruitless < ATTEMPTS:
        before = got.done
        budget.request()
        with budget.enforced(), _opened(address, got, budget) as response:
            if got.done and response.status != http.client.PARTIAL_CONTENT:  # the whole of it again
                file.seek(0)
                file.truncate()
                digest, got = hashlib.sha256(), _Received()
            if got.total is None:
                got.total, got.tag = _length(response), response.headers.get("ETag")
                budget.received(got.total or 0)
            for chunk in _chunks(response, got):
                budget.received(got.done + len(chunk))
                file.write(chunk)
                digest.update(chunk)
                got.done += len(chunk)
                watch(_progress(name, got))
        if not got.why:
            break
        log.info("%s broke off after %d bytes (%s); going on from there", address, got.done, got.why)
        fruitless = 0 if got.done > before else fruitless + 1
    else:
        of = f" of {got.total:,}" if got.total else ""
        raise InputError(f"{address}: broke off after {got.done:,}{of} bytes, again and again ({got.why}); try later")
    if not got.done:
        raise InputError(f"{address}: sent nothing; check the address")
    prefix = promised(name)
    if prefix is not None and not digest.hexdigest().startswith(prefix):
        raise InputError(
            f"{address}: sent {got.done:,} bytes whose SHA-256 begins with {digest.hexdigest()[: len(prefix)]}, not "
            f"{prefix} as its name promises; they are not kept; try again, or another mirror ({MIRROR})"
        )


def _mirrored(url: str) -> str:
    mirror = os.environ.get(MIRROR)
    return url.replace(TORCHVISION_HOST, mirror.rstrip("/"), 1) if mirror and url.startswith(TORCHVISION_HOST) else url


@contextlib.contextmanager
def _opened(url: str, got: _Received, budget: Budget) -> Generator[HTTPResponse]:
    """The response to a request for the rest of a file. Raises InputError when there is none worth reading."""
    headers = {"User-Agent": "resnets", "Accept-Encoding": "identity"}
    if got.done:
        headers["Range"] = f"bytes={got.done}-"
        if got.tag:
            headers["If-Range"] = got.tag
    try:
        response = _opener(budget).open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            raise InputError(f"{url}: {_refusal(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        budget.check_time()
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{url}: cannot be reached ({shortly(reason)}); connect to the network, name a mirror ({MIRROR}), copy "
            f"the file into {checkpoints()}, or give a local file"
        ) from error
    with response:
        if response.headers.get_content_type() == "text/html":
            raise InputError(
                f"{url}: sent a web page, not a file of weights; a login page or a proxy may be in the way"
            )
        yield response


def _opener(budget: Budget) -> urllib.request.OpenerDirector:
    """What opens addresses, and tells `budget` of every connection."""

    def told(kind: type[http.client.HTTPConnection]) -> Any:
        class Connection(kind):
            def connect(self) -> None:
                super().connect()
                budget.connected(self.sock)

        return Connection

    class Http(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> HTTPResponse:
            return self.do_open(told(http.client.HTTPConnection), req)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> HTTPResponse:
            return self.do_open(told(http.client.HTTPSConnection), req)

    return urllib.request.build_opener(Http, Https)


def _refusal(error: urllib.error.HTTPError) -> str:
    if error.code in (301, 302, 303, 307, 308):
        return f"redirects without end, or nowhere ({error.code}); check the address"
    if error.code in (404, 410):
        return f"there is no such file ({error.code} {error.reason}); check the address"
    if error.code in (401, 403):
        return f"the server does not give it to everyone ({error.code} {error.reason}); download it by hand"
    return f"the server answered {error.code} {error.reason}; try again later"


def _chunks(response: HTTPResponse, got: _Received) -> Iterator[bytes]:
    """What a response sends, until its end or until it breaks off; `got.why` says which."""
    got.why = ""
    try:
        while chunk := response.read1(CHUNK):  # what has come, however little, so that time is looked at
            yield chunk
        if got.total is not None and got.done < got.total:
            got.why = "the connection was closed"
    except http.client.IncompleteRead as error:
        if error.partial:
            yield error.partial
        got.why = "the connection was closed"
    except (OSError, http.client.HTTPException) as error:
        got.why = shortly(error)


def _length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _progress(name: str, got: _Received) -> Progress:
    done, total = (round(size / 1e6) for size in (got.done, got.total or got.done))
    return Progress(f"downloading {name} (MB)", done, total)
