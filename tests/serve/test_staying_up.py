"""Reloads, stops, overload and bad requests: no request is lost, and the next good one is answered right."""

import asyncio
import os
import random
import signal
import socket
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import resnets
from resnets.classifier.file import Classifier
from resnets.serve.client import Client
from tests.serve.conftest import Running, Start, form, jpeg, raw

# Of an image that can't be used the server speaks itself; the command line silences Pillow in the same way.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

KEY = "a-key-of-enough-characters"
GOOD = {label: jpeg(label) for label in range(3)}
NAMES = ("blue", "green", "red")


class Load:
    """Clients that ask one good question after another, and what they were told."""

    def __init__(self, port: int, clients: int) -> None:
        self.port, self.stopped, self.statuses = port, threading.Event(), Counter[int | str]()
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self, number: int) -> None:
        connection: HTTPConnection | None = None
        try:
            connection = self._questions(number)
        finally:
            if connection is not None:
                connection.close()

    def _questions(self, number: int) -> HTTPConnection | None:
        """Ask until the end; the connection that is still open then."""
        connection: HTTPConnection | None = None
        while not self.stopped.is_set():
            label = number % 3
            try:
                if connection is None:
                    connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
                    connection.connect()
            except ConnectionRefusedError:  # it has stopped: nothing was sent
                return None
            try:
                connection.request("POST", "/v1/predict", GOOD[label])
                answer = connection.getresponse()
                body = answer.read()
                told: int | str = answer.status
                if answer.status == 200 and f'"answers":[{{"class":"{NAMES[label]}"'.encode() not in body:
                    told = "wrong"
                if answer.getheader("connection") == "close":
                    connection.close()
                    connection = None
            except OSError as error:
                told, connection = f"lost: {error!r}", None
            with self._lock:
                self.statuses[told] += 1
        return connection

    def end(self) -> Counter[int | str]:
        """Stop asking; what the clients were told."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)
        return self.statuses


@pytest.fixture(scope="module")
def own(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the classifier's file that a test may replace."""
    assert classifier.path is not None
    path = tmp_path_factory.mktemp("own") / "colours.safetensors"
    path.write_bytes(classifier.path.read_bytes())
    return path


def test_a_reload_under_load_drops_nothing_and_changes_what_answers(
    start: Start, own: Path, classifier: Classifier
) -> None:
    running = start(own, key=None)
    before = running.ask("GET", "/v1/classifiers").json["classifiers"][0]["temperature"]
    load = Load(running.port, 8)
    other = resnets.load(own)
    other.temperature = 2.5
    other.save(own)
    for _ in range(3):
        asyncio.run_coroutine_threadsafe(running.app.reload_all(), running.loop).result(30)
    statuses = load.end()
    assert set(statuses) == {200}
    assert statuses[200] > 20
    after = running.ask("GET", "/v1/classifiers").json["classifiers"][0]["temperature"]
    assert (before, after) == (1.7, 2.5)


@pytest.mark.parametrize("exported", [False, True])
def test_a_classifier_that_was_replaced_is_let_go(exported: bool, start: Start, own: Path, onnx_file: Path) -> None:
    running = start(onnx_file if exported else own)
    before = weakref.ref(running.app.registry.get())
    for path in ("/", "/v1/classifiers", f"/explorer/{running.app.registry.names()[0]}"):
        assert running.ask("GET", path).status == 200
    asked = "/v1/predict?seen=true" if exported else "/v1/predict?map=true"  # the explorer once kept eight of them
    assert running.ask("POST", asked, GOOD[0]).status == 200
    asyncio.run_coroutine_threadsafe(running.app.reload_all(), running.loop).result(30)
    assert running.ask("POST", asked, GOOD[0]).status == 200
    assert before() is None


def test_a_reload_by_the_protocol_needs_the_key_and_a_bad_file_changes_nothing(start: Start, own: Path) -> None:
    running = start(own, key=KEY)
    client = Client(running.address, key=KEY)
    client.reload("colours")
    good = own.read_bytes()
    own.write_bytes(good[:-50])
    with pytest.raises(resnets.InputError, match="old one goes on"):
        client.reload("colours")
    own.write_bytes(good)
    (found,) = [client.predict(GOOD[1])]
    assert isinstance(found, resnets.Prediction)
    assert found.label == "green"
    with pytest.raises(resnets.InputError, match="no such classifier"):
        client.reload("mauve")
    with pytest.raises(resnets.InputError, match="key"):
        Client(running.address, key="another-key-of-enough-length").reload("colours")


def test_a_server_that_is_told_to_stop_answers_what_it_has_and_a_hangup_reloads(
    process: Callable[..., Any], onnx_file: Path
) -> None:
    server, port = process(str(onnx_file), "--drain", "0.5")
    load = Load(port, 8)
    time.sleep(0.5)
    server.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with socket.create_connection(("127.0.0.1", port)) as late:  # in the drain it still answers, and says no
        late.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert late.recv(100).startswith(b"HTTP/1.1 503 ")
    assert server.wait(20) == 0
    statuses = load.end()
    assert set(statuses) == {200}
    assert statuses[200] > 20


def test_ten_times_over_capacity_everyone_is_answered_or_refused(start: Start, own: Path) -> None:
    running = start(own, limits={"queue": 4})
    load, patience = Load(running.port, 40), time.monotonic() + 30  # seconds, for a machine that does other work too
    while min(load.statuses[200], load.statuses[503]) <= 20 and time.monotonic() < patience:
        time.sleep(0.1)
    statuses = load.end()
    assert set(statuses) <= {200, 503}
    assert statuses[200] > 20
    assert statuses[503] > 20
    assert running.app.service.waiting == 0
    assert running.app.service.ledger.held == 0
    assert running.ask("POST", "/v1/predict", GOOD[2]).json["predictions"][0]["answers"][0]["class"] == "red"


KINDS = ("jpeg", "png", "gif", "webp", "tiff", "bmp")
WHOLE = {kind: jpeg(1, 3, (40, 30), kind) for kind in KINDS}
HEADERS = ("Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Expect", "Host", "Connection")


def mutated(seed: int) -> bytes:
    """A whole request, wrong in some way."""
    random_ = random.Random(seed)
    data = bytearray(WHOLE[random_.choice(KINDS)])
    for _ in range(random_.choice((0, 1, 3, 20))):
        data[random_.randrange(len(data))] = random_.randrange(256)
    data = data[: random_.randrange(len(data) + 1)] if random_.random() < 0.4 else data
    body, kind = bytes(data), "image/jpeg"
    if random_.random() < 0.3:
        body, said = form({"a\x00b\r\n.png": bytes(data), "b": b""}, random_.choice(("edge", "x" * 60)))
        kind = said["Content-Type"]
        if random_.random() < 0.5:
            place = random_.randrange(len(body))
            body = body[:place] + bytes([random_.randrange(256)]) + body[place + 1 :]
    path = random_.choice(("/v1/predict", "/v1/predict?top=0", "/v1/predict?map=1", "/v2/models/colours/infer", "/%ff"))
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", "Connection: close"]
    if random_.random() < 0.2:
        cuts = sorted(random_.sample(range(len(body) + 1), min(3, len(body))))
        parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
        body = body[: random_.randrange(1, len(body) + 1)] if random_.random() < 0.3 else body
    else:
        wrong = random_.random() < 0.15
        lines.append(f"Content-Length: {random_.choice((0, 5, 10**6, 10**30, -1)) if wrong else len(body)}")
    if random_.random() < 0.2:
        value = "".join(chr(random_.randrange(1, 256)) for _ in range(20)).replace("\n", " ").replace("\r", " ")
        lines.append(f"{random_.choice(HEADERS)}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def check_mutated(running: Running, seed: int) -> None:
    """A mutated request is answered without a fault, and a good one after it right."""
    answer = raw(running.port, mutated(seed))
    assert answer.startswith(b"HTTP/1.1 "), answer[:50]
    assert answer[9:12] not in (b"500", b"502", b"504"), (seed, answer)
    good = running.ask("POST", "/v1/predict", GOOD[seed % 3])
    assert good.json["predictions"][0]["answers"][0]["class"] == NAMES[seed % 3]


@pytest.fixture(scope="module")
def patient(start: Start, own: Path) -> Running:
    return start(own, limits={"body_seconds": 0.3, "head_seconds": 0.3})


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_mutated_requests_are_refused_and_the_next_good_one_is_answered_right(patient: Running, seed: int) -> None:
    check_mutated(patient, seed)


@pytest.mark.slow
def test_10_000_mutated_requests_leave_the_server_as_it_was(patient: Running) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: check_mutated(patient, seed), range(1_000)))
        held = memory()
        list(pool.map(lambda seed: check_mutated(patient, seed), range(1_000, 10_000)))
    assert memory() - held < 80 << 20


def memory() -> int:
    """Bytes that this process holds."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
