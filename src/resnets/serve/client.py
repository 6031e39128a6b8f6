"""A small client for `resnets serve`, with nothing but Python's standard library."""

import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from resnets.base.errors import InputError, RunFailed
from resnets.classifier.prediction import Answer, Prediction

Picture = str | Path | bytes  # a file, or the bytes of one

BUSY = 503


class Client:
    """Asks a server what is on images.

    A server that is busy is asked again, up to `patience` seconds. Raises InputError for what the server refuses, and
    RunFailed when it can't be reached or stays busy.
    """

    def __init__(
        self, address: str = "http://127.0.0.1:8000", *, key: str | None = None, timeout: float = 60.0,
        patience: float = 30.0,
    ) -> None:  # fmt: skip
        """address: as `resnets serve` prints it. key: the server's, if it has one. timeout: seconds of one request."""
        self.address, self.key, self.timeout, self.patience = address.rstrip("/"), key, timeout, patience

    def predict(
        self, images: Picture | Sequence[Picture], *, classifier: str | None = None, top: int = 5
    ) -> Prediction | list[Prediction]:
        """What is on an image, or on each of several. One of several that can't be read has its `error` set."""
        options: dict[str, Any] = {"top": top} | ({} if classifier is None else {"classifier": classifier})
        if isinstance(images, str | Path | bytes):
            name, data = _read(images, 0)
            found = self._post(f"/v1/predict?{urlencode(options)}", data, "application/octet-stream")
            return _prediction(found["predictions"][0], name)
        many = [_read(one, place) for place, one in enumerate(images)]
        body, kind = _form(many)
        rows = self._post(f"/v1/predict?{urlencode(options)}", body, kind)["predictions"]
        return [_prediction(row, name) for row, (name, _) in zip(rows, many, strict=True)]

    def classifiers(self) -> list[dict[str, Any]]:
        """The server's classifiers: names, classes, scores and settings."""
        return list(self._ask("/v1/classifiers")["classifiers"])

    def ready(self) -> bool:
        """Whether the server is there and takes requests."""
        try:
            return bool(self._ask("/readyz", patient=False)["ready"])
        except RunFailed:
            return False

    def reload(self, classifier: str) -> None:
        """Have the server read a classifier again from its file, which needs the key."""
        self._post(f"/v2/repository/models/{quote(classifier, safe='')}/load", b"{}", "application/json")

    def _post(self, path: str, data: bytes, kind: str) -> dict[str, Any]:
        return self._ask(path, data, {"Content-Type": kind})

    def _ask(
        self, path: str, data: bytes | None = None, headers: dict[str, str] | None = None, *, patient: bool = True
    ) -> dict[str, Any]:
        given = dict(headers or {}) | ({} if self.key is None else {"Authorization": f"Bearer {self.key}"})
        end = time.monotonic() + self.patience
        while True:
            try:
                with urlopen(Request(self.address + path, data, given), timeout=self.timeout) as answer:
                    return json.load(answer)
            except HTTPError as error:
                with error:
                    said = _error(error)
                wait = float(error.headers.get("Retry-After") or 1)
                if error.code != BUSY or not patient or time.monotonic() + wait > end:
                    kind = RunFailed if error.code >= 500 else InputError
                    raise kind(f"{self.address}: {said} (status {error.code})") from None
                time.sleep(wait)
            except (URLError, OSError) as error:
                raise RunFailed(f"{self.address}: can't be reached ({getattr(error, 'reason', error)})") from error


def _read(image: Picture, place: int) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return f"image {place}", image
    try:
        return str(image), Path(image).read_bytes()
    except OSError as error:
        raise InputError(f"{image}: can't be read ({error.strerror or error})") from error


def _form(images: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    """A multipart form with these files, and its content type."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{place}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for place, (_, data) in enumerate(images)
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _prediction(row: dict[str, Any], name: str) -> Prediction:
    answers = tuple(Answer(one["class"], one["probability"]) for one in row["answers"])
    return Prediction(name, answers, error=row["error"], sure=row["sure"])


def _error(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
