"""Each limit, with its status, and what a server does after it: answers the next good request."""

import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import resnets
from resnets.serve.limits import Limits
from resnets.serve.settings import Settings
from tests.serve.conftest import Running, Start, ask, form, jpeg, raw

KEY = "a-key-of-enough-characters"


@pytest.fixture(scope="module")
def narrow(start: Start, served_path: Path) -> Running:
    """A server with small limits."""
    limits = {
        "body": 100_000, "pixels": 10_000, "images": 3, "queue": 4, "seconds": 2.0, "body_seconds": 0.5,
        "head_seconds": 0.5, "head": 8_192,
    }  # fmt: skip
    return start(served_path, limits=limits)


@pytest.fixture(autouse=True)
def still_good(request: pytest.FixtureRequest) -> Any:
    """After each test the server answers right."""
    yield
    if "narrow" in request.fixturenames:
        answer = request.getfixturevalue("narrow").ask("POST", "/v1/predict", jpeg(2))
        assert (answer.status, answer.json["predictions"][0]["answers"][0]["class"]) == (200, "red")


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(narrow: Running) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n\r\n"
    assert raw(narrow.port, head).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_refused_when_it_grows_too_large(narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", iter([b"x" * 60_000] * 2))
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"


def test_a_form_of_too_many_images_is_refused(narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", *form({f"{place}.jpg": jpeg(0) for place in range(4)}))
    assert (answer.status, answer.json["code"]) == (413, "too_many_images")


def test_more_pixels_than_allowed_are_refused(narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", jpeg(0, size=(101, 100)))
    assert (answer.status, answer.json["code"]) == (413, "too_many_pixels")


def png_of(width: int, height: int) -> bytes:
    """A PNG whose head says so, with pixels that unpack to a lot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def bomb(kind: str) -> bytes:
    """A small file of 20,000 x 20,000 pixels."""
    if kind == "png":
        return png_of(20_000, 20_000)
    if kind == "gif":
        size = struct.pack("<HH", 20_000, 20_000)
        return b"GIF89a" + size + b"\xf0\0\0" + bytes(6) + b"," + bytes(4) + size + b"\0\2\2\x44\1\0;"
    if kind == "webp":
        frame = b"\x10\x02\0\x9d\x01\x2a" + (16_383).to_bytes(2, "little") * 2 + bytes(10)
        chunk = b"VP8 " + struct.pack("<I", len(frame)) + frame
        return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "tiff", compression="group4")
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "gif", "tiff", "webp"])
def test_a_bomb_is_refused_without_being_unpacked(kind: str, running: Running) -> None:
    data = bomb(kind)
    assert len(data) < 100_000
    answer = running.ask("POST", "/v1/predict", data)
    assert (answer.status, answer.json["code"]) == (413, "too_many_pixels")


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7 ...",
        b"P6 2 2 255 aaaaaaaaaaaa",
        b"\0" * 18 + b"TRUEVISION-XFILE.\0",
        b"PK\x03\x04",
    ],
    ids=["svg", "html", "pdf", "ppm", "tga", "zip"],
)
def test_what_is_no_accepted_image_is_refused_whatever_it_is_called(data: bytes, narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", data, {"Content-Type": "image/jpeg"})
    assert (answer.status, answer.json["code"]) == (415, "not_an_image")
    (row,) = narrow.ask("POST", "/v1/predict", *form({"a.jpg": data, "b.jpg": jpeg(0)})).json["predictions"][:1]
    assert row["code"] == "not_an_image"


def test_a_damaged_image_is_refused_without_the_decoders_words(narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", jpeg(0)[:300])
    assert (answer.status, answer.json["code"]) == (422, "damaged")
    assert b"0x" not in answer.body
    assert b"bytes" not in answer.body


def test_a_compressed_body_is_refused(narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", zlib.compress(jpeg(0)), {"Content-Encoding": "deflate"})
    assert (answer.status, answer.json["code"]) == (415, "compressed")


@pytest.mark.parametrize(
    "body", [b"", b"--edge\r\n", b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--\r\n"]
)
def test_an_empty_or_broken_form_is_refused(body: bytes, narrow: Running) -> None:
    answer = narrow.ask("POST", "/v1/predict", body, {"Content-Type": "multipart/form-data; boundary=edge"})
    assert answer.status == 400


def test_a_form_without_a_boundary_is_refused(narrow: Running) -> None:
    assert narrow.ask("POST", "/v1/predict", b"x", {"Content-Type": "multipart/form-data"}).status == 400


def test_a_full_queue_answers_503_and_when_to_come_again(narrow: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    served = narrow.app.registry.get()
    real = served.compute

    def slow(pixels: np.ndarray, *, alone: bool = False) -> np.ndarray:
        held.wait(5)
        return real(pixels, alone=alone)

    monkeypatch.setattr(served, "compute", slow)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(narrow.ask, "POST", "/v1/predict", jpeg(0)) for _ in range(8)]
        deadline = time.monotonic() + 5
        while sum(one.done() for one in asked) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        held.set()
        answers = [one.result() for one in asked]
    assert sorted(one.status for one in answers) == [200] * 4 + [503] * 4
    assert all(one.headers["retry-after"] == "1" for one in answers if one.status == 503)
    assert narrow.app.service.waiting == 0
    assert narrow.app.service.ledger.held == 0


def test_a_request_that_takes_too_long_is_refused_and_leaves_nothing(
    start: Start, served_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(served_path, limits={"seconds": 0.2})
    served = running.app.registry.get()
    real = served.compute
    monkeypatch.setattr(served, "compute", lambda *a, **b: time.sleep(0.6) or real(*a, **b))
    answer = running.ask("POST", "/v1/predict", jpeg(0))
    assert (answer.status, answer.json["code"]) == (503, "busy")
    monkeypatch.undo()
    assert running.app.service.waiting == 0


def test_bodies_together_are_bounded(start: Start, served_path: Path) -> None:
    running = start(served_path, limits={"bodies": 1_000})
    answer = running.ask("POST", "/v1/predict", jpeg(0) + bytes(2_000))
    assert (answer.status, answer.json["code"]) == (503, "busy")
    assert running.app.service.ledger.held == 0


def test_a_body_that_trickles_is_given_up(narrow: Running) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
    begun = time.monotonic()
    assert raw(narrow.port, head).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("begun", [b"", b"POST /v1/pre", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_head_that_never_ends_is_given_up(begun: bytes, narrow: Running) -> None:
    answer = raw(narrow.port, begun)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"content-security-policy" in answer


def test_a_head_that_is_too_long_is_refused(narrow: Running) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(200))
    assert raw(narrow.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines)[:13] == b"HTTP/1.1 431 "
    assert raw(narrow.port, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n")[:11] in (b"HTTP/1.1 40", b"HTTP/1.1 43")


def test_the_rest_of_a_refused_body_must_come_soon(narrow: Running) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=10) as connection:
        head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
        connection.sendall(head)
        found = b""
        while part := connection.recv(65_536):
            found += part
    assert found.startswith(b"HTTP/1.1 404 ")


def test_too_many_connections_are_answered_503(start: Start, served_path: Path) -> None:
    running = start(served_path, limits={"connections": 3})
    kept = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(3)]
    try:
        time.sleep(0.1)
        assert raw(running.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    finally:
        for one in kept:
            one.close()
    time.sleep(0.1)
    assert running.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Limits(body=0), "body"),
        (lambda: Limits(seconds=0), "seconds"),
        (lambda: Settings(key="short"), "key"),
        (lambda: Settings(port=70_000), "port"),
        (lambda: Settings(origins=("https://a/b",)), "origin"),
        (lambda: Settings(threads=0), "threads"),
        (lambda: Settings(drain=-1), "drain"),
    ],
)
def test_settings_that_cannot_work_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(resnets.InputError, match=words):
        make()


def test_no_answer_of_a_failure_says_where(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> np.ndarray:
        raise RuntimeError("/secret/path in line 7")

    monkeypatch.setattr(running.app.registry.get(), "compute", fails)
    answer = running.ask("POST", "/v1/predict", jpeg(0))
    assert (answer.status, answer.json["code"]) == (500, "failed")
    assert b"secret" not in answer.body
    assert answer.headers["x-request-id"] == answer.json["request_id"]
    monkeypatch.undo()
    assert ask(running.port, "POST", "/v1/predict", jpeg(0)).status == 200
