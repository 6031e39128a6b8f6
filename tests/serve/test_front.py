"""A server with replicas, which are asked here without Ray: they answer as one server does, whoever dies."""

import asyncio
import itertools
from collections.abc import Iterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import resnets
from resnets.serve.client import Client
from resnets.serve.front import Front
from resnets.serve.limits import Limits
from resnets.serve.replica import Asked, Gone, Replica, Told
from resnets.serve.settings import Settings, Workforce
from tests.serve.conftest import Begin, Running, jpeg

KEY = "a-key-of-enough-characters"
SETTINGS = Settings(port=0, threads=1, key=KEY, limits=Limits(seconds=1.0, body=1 << 16))
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Here:
    """Two replicas of this process, of which some may be dead. They take turns."""

    def __init__(self, path: Path) -> None:
        self.members = {name: Replica({"colours": path}, SETTINGS) for name in ("first", "second")}
        self.dead, self._turns = set[str](), itertools.cycle(self.members)

    async def answer(self, asked: Asked) -> Told:
        name = next(self._turns)
        if name in self.dead:
            raise Gone(name)
        return await self.members[name].answer(asked)

    async def everyone(self, method: str, *arguments: Any, seconds: float) -> dict[str, Any]:  # noqa: ARG002
        found = {name: getattr(one, method)(*arguments) for name, one in self.members.items() if name not in self.dead}
        return {name: await one if isawaitable(one) else one for name, one in found.items()}


@pytest.fixture(scope="module")
def own(served_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the classifier's file that a test may replace."""
    path = tmp_path_factory.mktemp("own") / "colours.safetensors"
    path.write_bytes(served_path.read_bytes())
    return path


@pytest.fixture(scope="module")
def replicas(own: Path) -> Here:
    return Here(own)


@pytest.fixture(scope="module")
def front(begin: Begin, replicas: Here) -> Iterator[Running]:
    yield begin(Front(replicas, SETTINGS), SETTINGS)
    for one in replicas.members.values():
        one.app.service.close()


@pytest.fixture(scope="module")
def alone(begin: Begin, front: Running, replicas: Here) -> Running:
    """The application of one replica, as a server of its own."""
    return begin(replicas.members["first"].app, SETTINGS)


@pytest.fixture(autouse=True)
def alive(replicas: Here) -> None:
    replicas.dead.clear()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/predict?top=2&probabilities=true&map=true", jpeg(1)),
        ("POST", "/v1/predict", b"no image"),
        ("POST", "/v1/predict?top=0", jpeg(1)),
        ("POST", "/v1/predict?classifier=../etc", jpeg(1)),
        ("POST", "/v1/predict", b"x" * ((1 << 16) + 1)),
        ("GET", "/v1/predict", None), ("GET", "/", None), ("GET", "/static/page.css", None), ("GET", "/docs", None),
        ("GET", "/openapi.json", None), ("GET", "/explorer/colours", None), ("GET", "/nowhere", None),
        ("POST", "/explorer/colours", jpeg(1)), ("POST", "/explorer/colours", b"no image"),
        ("GET", "/v2/models/colours", None), ("GET", "/healthz", None), ("GET", "/readyz", None),
    ],
)  # fmt: skip
def test_it_answers_as_one_server_does(
    method: str, path: str, body: bytes | None, front: Running, alone: Running
) -> None:
    ours, theirs = (one.ask(method, path, body, HEADERS | {"X-Request-Id": "one"}) for one in (front, alone))
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    assert {**ours.headers, "date": ""} == {**theirs.headers, "date": ""}


def test_it_has_the_guard_of_one_server(front: Running) -> None:
    assert front.ask("GET", "/v1/classifiers").status == 401
    assert front.ask("GET", "/v1/classifiers", headers=HEADERS | {"Host": "elsewhere.example"}).status == 421
    assert front.ask("GET", "/v1/classifiers", headers=HEADERS | {"Origin": "http://elsewhere.example"}).status == 403


def test_a_request_whose_replica_dies_is_given_to_another_and_is_refused_where_none_lives(
    front: Running, replicas: Here
) -> None:
    replicas.dead.add("first")
    for label, name in enumerate(("blue", "green", "red")):
        found = front.ask("POST", "/v1/predict", jpeg(label), HEADERS)
        assert found.json["predictions"][0]["answers"][0]["class"] == name
    assert front.ask("GET", "/readyz").status == 200
    replicas.dead.add("second")
    found = front.ask("POST", "/v1/predict", jpeg(0), HEADERS)
    assert (found.status, found.json["code"], found.headers["retry-after"]) == (503, "busy", "1")
    assert front.ask("GET", "/readyz").status == 503
    assert front.ask("GET", "/healthz").status == 200
    held: Any = front.app
    assert held.asked == held.ledger.held == 0


def test_a_reload_reaches_every_replica_and_a_bad_file_changes_none(front: Running, replicas: Here, own: Path) -> None:
    def loaded() -> list[Any]:
        return [one.app.registry.get() for one in replicas.members.values()]

    before, client = loaded(), Client(front.address, key=KEY)
    client.reload("colours")
    after = loaded()
    assert not set(map(id, before)) & set(map(id, after))
    asyncio.run_coroutine_threadsafe(front.app.reload_all(), front.loop).result(30)
    assert not set(map(id, after)) & set(map(id, after := loaded()))
    good = own.read_bytes()
    own.write_bytes(good[:-50])
    with pytest.raises(resnets.InputError, match="old one goes on"):
        client.reload("colours")
    own.write_bytes(good)
    assert loaded() == after


def test_counters_say_which_replica_they_are_of(front: Running) -> None:
    for _ in range(4):
        front.ask("POST", "/v1/predict", jpeg(0), HEADERS)
    text = front.ask("GET", "/metrics", headers=HEADERS).body.decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    images = {one.labels["replica"]: one.value for one in samples if one.name == "resnets_images_total"}
    assert set(images) == {"first", "second"}
    assert min(images.values()) >= 2
    requests = [
        one for one in samples if one.name == "resnets_requests_total"
        and (one.labels["route"], one.labels["status"]) == ("/v1/predict", "200")
    ]  # fmt: skip
    assert sum(one.value for one in requests if "replica" not in one.labels) >= 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicas": 2}, "replicas= ?2: only works with engine"),
        ({"ray_address": "auto"}, "ray_address= ?auto: only works with engine"),
        ({"engine": "ray", "replicas": "few"}, "replicas= ?few: must be a number such as 2, or a range such as 1:4"),
        ({"engine": "ray", "replicas": "4:2"}, "replicas from 4 to 2"),
        ({"engine": "ray", "replicas": 0}, "replicas from 0 to 0: at least 1"),
    ],
)
def test_replicas_that_cannot_be_are_refused(options: dict[str, Any], message: str, served_path: Path) -> None:
    with pytest.raises(resnets.InputError, match=message):
        resnets.serve(served_path, **options)


def test_without_ray_the_message_says_how_to_install_it(served_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(resnets.InputError, match=r"pip install 'resnets\[replicas\]'"):
        resnets.serve(served_path, engine="ray", port=0)


def test_a_range_of_replicas_is_read() -> None:
    assert Workforce.of("3") == Workforce(least=3, most=3)
    assert Workforce.of("1:4", "auto") == Workforce(least=1, most=4, address="auto")
