"""The explorer page with a client's image inside: what it holds, who may ask for it, and one at a time."""

import base64
import json
import re
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnets import looking
from resnets.evaluation.calibration import probabilities
from resnets.serve import explorer
from tests.serve.conftest import Running, Start, form, jpeg

HTML = b"<!doctype html><script>alert(1)</script>"


def data_of(page: bytes) -> dict[str, Any]:
    """The page's JSON."""
    (found,) = re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", page.decode(), re.DOTALL)
    return json.loads(found)


def logits(record: dict[str, Any]) -> np.ndarray:
    content = zlib.decompress(base64.b64decode(record["bytes"]))
    ((kind, shape, first),) = [rest for name, *rest in record["arrays"] if name == "logits"]
    return np.frombuffer(content, kind, int(np.prod(shape)), first)


def test_the_page_holds_the_answers_that_predict_gives(running: Running, served_path: Path) -> None:
    body = form({"a </script>.jpg": jpeg(1), "../b.png": jpeg(2, kind="png")})
    answer = running.ask("POST", "/explorer/colours", *body)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    live = data_of(answer.body)["live"]
    assert [one["name"] for one in live["images"]] == ["script>.jpg", "b.png"]  # no folders
    (classifier,) = live["classifiers"]
    predicted = running.ask("POST", "/v1/predict?probabilities=true", *body).json["predictions"]
    for record, expected in zip(live["records"], predicted, strict=True):
        found = probabilities(logits(record)[None], classifier["temperature"])[0]
        # The same network in the same arithmetic; predict may have had both images in one batch.
        np.testing.assert_allclose(found, expected["probabilities"], atol=1e-6)
        assert [classifier["classes"][one] for one in record["answers"]] == [
            one["class"] for one in expected["answers"]
        ]
    assert str(served_path.parent).encode() not in answer.body
    assert data_of(answer.body)["shown"] == ["colours"]


def test_a_browser_may_run_the_pages_scripts_and_the_front_page_send_its_form(running: Running) -> None:
    answer = running.ask("POST", "/explorer/colours", jpeg(0))
    policy = answer.headers["content-security-policy"]
    assert re.findall(r"script-src 'self'((?: 'sha256-[^']+')+);", policy)
    assert "form-action 'none'" in policy
    assert "form-action 'self'" in running.ask("GET", "/").headers["content-security-policy"]
    for path in ("/docs", "/explorer/colours"):
        assert "form-action 'none'" in running.ask("GET", path).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (HTML, {}, 415, "not_an_image"),
        (*form({"a.jpg": jpeg(0), "b.jpg": HTML}), 415, "not_an_image"),
        (jpeg(0)[:300], {}, 422, "damaged"),
        (b"", {}, 400, "no_image"),
        (*form({f"{place}.jpg": jpeg(0) for place in range(3)}), 413, "too_many_images"),
        (jpeg(0), {"Origin": "https://evil.example"}, 403, "foreign_origin"),
        (jpeg(0), {"Origin": "null"}, 403, "foreign_origin"),
        (jpeg(0), {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403, "foreign_origin"),
        (jpeg(0), {"Host": "evil.example"}, 421, "foreign_host"),
    ],
)
def test_what_is_refused(body: bytes, headers: dict[str, str], status: int, code: str, running: Running) -> None:
    answer = running.ask("POST", "/explorer/colours", body, headers)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_an_exported_file_is_refused_and_so_is_a_name_that_is_not_there(start: Start, onnx_file: Path) -> None:
    exported = start(Path(f"colours={onnx_file}"))
    answer = exported.ask("POST", "/explorer/colours", jpeg(0))
    assert (answer.status, answer.json["code"]) == (409, "only_exported")
    assert exported.ask("POST", "/explorer/birds", jpeg(0)).status == 404
    assert [one["activations"] for one in exported.ask("GET", "/v1/classifiers").json["classifiers"]] == [False]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Whether a page is being computed, which goes on only once the second event is set."""
    begun, go_on = threading.Event(), threading.Event()
    real: Callable[..., Any] = looking.image_record

    def slow(*arguments: Any, **more: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return real(*arguments, **more)

    monkeypatch.setattr(looking, "image_record", slow)
    return begun, go_on


def test_one_page_is_computed_at_a_time_while_everything_else_is_answered(
    running: Running, held: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = held
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(running.ask, "POST", "/explorer/colours", jpeg(0))
        assert begun.wait(10)
        second = running.ask("POST", "/explorer/colours", jpeg(1))
        assert (second.status, second.json["code"], second.headers["retry-after"]) == (503, "busy", "1")
        assert running.ask("GET", "/healthz").status == 200
        assert running.ask("POST", "/v1/predict", jpeg(2)).json["predictions"][0]["answers"][0]["class"] == "red"
        go_on.set()
        assert first.result().status == 200
    assert running.ask("POST", "/explorer/colours", jpeg(1)).status == 200
    assert (running.app.service.waiting, running.app.service.ledger.held) == (0, 0)


def test_a_page_that_takes_too_long_is_refused_and_keeps_its_turn_until_it_ends(
    start: Start, served_path: Path, held: tuple[threading.Event, threading.Event]
) -> None:
    running = start(served_path, limits={"seconds": 0.3})
    late, meanwhile = (running.ask("POST", "/explorer/colours", jpeg(0)) for _ in range(2))
    assert (late.status, late.json["code"], meanwhile.status, meanwhile.json["code"]) == (503, "busy", 503, "busy")
    assert "no answer within" in late.json["error"]
    assert "being looked into" in meanwhile.json["error"]
    assert (running.app.service.waiting, running.app.service.ledger.held) == (0, 0)
    held[1].set()


def test_the_network_that_answers_others_gets_no_hooks(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = explorer.live_of

    def watched(opened: Any, images: Any) -> Any:
        seen.extend(classifier for _, _, classifier in opened)
        return real(opened, images)

    monkeypatch.setattr(explorer, "live_of", watched)
    assert running.ask("POST", "/explorer/colours", jpeg(0)).status == 200
    served = running.app.registry.get().classifier
    assert served is not None
    (own,) = seen
    assert own.network is not served.network


def test_the_description_names_what_it_takes_and_its_errors(running: Running) -> None:
    described = running.ask("GET", "/openapi.json").json["paths"]["/explorer/{name}"]["post"]
    assert {"400", "403", "409", "413", "415", "422", "503"} <= set(described["responses"])
    assert list(described["responses"]["200"]["content"]) == ["text/html"]
    assert list(described["responses"]["415"]["content"]) == ["application/json"]
    assert "multipart/form-data" in described["requestBody"]["content"]
