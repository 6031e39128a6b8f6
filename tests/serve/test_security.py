"""Who may ask what: keys, hosts, origins, and what the answers tell a browser."""

import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest

from resnets.serve.logs import JsonLines
from resnets.serve.settings import Settings
from tests.serve.conftest import Running, Start, form, jpeg, raw

KEY = "a-key-of-enough-characters"


@pytest.fixture(scope="module")
def locked(start: Start, served_path: Path) -> Running:
    """A server with a key, a name, and a page elsewhere that may use it."""
    return start(served_path, key=KEY, hosts=("photos.example.org",), origins=("https://lab.example.org",))


@pytest.mark.parametrize("path", ["/v1/classifiers", "/v2", "/v2/models/colours", "/metrics", "/explorer/colours"])
@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer wrong-key-of-enough-length", f"Basic {KEY}", KEY, "Bearer é"]
)
def test_without_the_key_nothing_is_said(path: str, header: str | None, locked: Running) -> None:
    answer = locked.ask("GET", path, headers={} if header is None else {"Authorization": header})
    assert (answer.status, answer.json["code"]) == (401, "wrong_key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"colours" not in answer.body


def test_with_the_key_all_is_answered_and_health_needs_none(locked: Running) -> None:
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert locked.ask("GET", "/v1/classifiers", headers=bearer).status == 200
    assert locked.ask("POST", "/v1/predict", jpeg(0), bearer).status == 200
    assert locked.ask("POST", "/v1/predict", jpeg(0)).status == 401
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/", "/docs", "/static/page.css"):
        assert locked.ask("GET", path).status == 200, path


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from resnets.serve import settings

    seen: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(settings.hmac, "compare_digest", lambda a, b: not seen.append((a, b)) and a == b)
    settings.check_key(Settings(key=KEY), "/v1/predict", f"Bearer {KEY}")
    assert seen == [(KEY.encode(), KEY.encode())]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:8000", 200), ("10.1.2.3", 200), ("evil.example.com", 421),
        ("photos.example.org", 421), ("localhost.evil.example.com", 421), ("", 421), ("a b", 421),
        ("127.0.0.1@evil", 421), ("localhost:99999999", 421),
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused(host: str, status: int, running: Running) -> None:
    assert running.ask("GET", "/v2", headers={"Host": host}).status == status


def test_a_name_that_is_allowed_is_taken_and_no_host_or_two_are_not(locked: Running, running: Running) -> None:
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert locked.ask("GET", "/v2", headers={"Host": "Photos.example.org:443", **bearer}).status == 200
    assert raw(running.port, b"GET /v2 HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    two = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n"
    assert raw(running.port, two).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_a_web_page_elsewhere_cannot_use_the_server(headers: dict[str, str], status: int, running: Running) -> None:
    answer = running.ask("POST", "/v1/predict", jpeg(0), headers)
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers


def test_the_servers_own_page_may_and_a_link_from_elsewhere_may_open_it(running: Running) -> None:
    own = f"http://127.0.0.1:{running.port}"
    assert running.ask("POST", "/v1/predict", jpeg(0), {"Origin": own}).status == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert running.ask("GET", "/", headers=link).status == 200
    assert running.ask("POST", "/v1/predict", jpeg(0), link).status == 403


def test_cors_is_closed_but_for_the_origins_that_are_allowed(locked: Running, running: Running) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = locked.ask("OPTIONS", "/v1/predict", headers={"Origin": "https://lab.example.org", **asks})
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, "https://lab.example.org")
    assert "Authorization" in allowed.headers["access-control-allow-headers"]
    answer = locked.ask(
        "POST", "/v1/predict", jpeg(0), {"Origin": "https://lab.example.org", "Authorization": f"Bearer {KEY}"}
    )
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://lab.example.org")
    assert locked.ask("OPTIONS", "/v1/predict", headers={"Origin": "https://evil.example", **asks}).status == 403
    assert running.ask("OPTIONS", "/v1/predict", headers={"Origin": "https://lab.example.org", **asks}).status == 403


@pytest.mark.parametrize("path", ["/", "/docs", "/v2", "/nowhere", "/static/page.css", "/explorer/colours"])
def test_every_answer_has_the_security_headers(path: str, running: Running) -> None:
    answer = running.ask("GET", path)
    policy = answer.headers["content-security-policy"]
    scripts = re.findall(r"script-src ([^;]+)", policy)[0]
    assert "unsafe" not in scripts
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_no_page_has_a_script_or_style_within(path: str, running: Running) -> None:
    page = running.ask("GET", path).body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py", "/static//etc/passwd",
        "/static/..\\app.py", "/static/page.css%00.html", "/explorer/..%2f..%2fetc", "/v2/models/..%2f..%2fetc%2fpass",
        "/v2/models/%00", "//etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out(path: str, running: Running) -> None:
    answer = running.ask("GET", path)
    assert answer.status == 404
    assert answer.json["code"] in ("no_such_address", "no_such_classifier")


def test_a_files_name_comes_back_without_folders_and_control_characters(running: Running) -> None:
    names = {
        "../../etc/passwd": "passwd",
        "C:\\temp\\a.jpg": "a.jpg",
        "a\x1b[2Jb.jpg": "a[2Jb.jpg",
        "x" * 900: "x" * 200,
    }
    for sent, back in names.items():
        rows = running.ask("POST", "/v1/predict", *form({sent: jpeg(0)})).json["predictions"]
        assert rows[0]["image"] == back


@pytest.mark.parametrize("sent", ["abc\r\nX-Evil: 1", "a b", "x" * 65, "é", ""])
def test_a_request_id_that_is_no_id_is_replaced(sent: str, running: Running) -> None:
    head = f"GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: {sent}\r\n\r\n"
    answer = raw(running.port, head.encode("latin-1")).decode("latin-1").lower()
    (found,) = re.findall(r"\r\nx-request-id: (.*)\r\n", answer)
    assert found == "abc" if "\r" in sent else re.fullmatch(r"[0-9a-f]{16}", found)
    assert "\r\nx-evil" not in answer


def test_a_good_request_id_comes_back_and_is_in_the_log(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "resnets.serve.access")
    answer = running.ask("POST", "/v1/predict", jpeg(0), {"X-Request-Id": "trace-7"})
    assert answer.headers["x-request-id"] == "trace-7"
    records: list[Any] = []
    deadline = time.monotonic() + 5
    while not records and time.monotonic() < deadline:  # it is written after the answer
        records = [one for one in caplog.records if getattr(one, "fields", {}).get("request") == "trace-7"]
    (record,) = records
    row = json.loads(JsonLines().format(record))
    assert (row["status"], row["path"], row["images"], row["level"]) == (200, "/v1/predict", 1, "info")


def test_reading_models_again_needs_a_key(running: Running) -> None:
    assert running.ask("POST", "/v2/repository/models/colours/load").json["code"] == "needs_key"


def test_only_this_machine_can_connect_unless_told_otherwise() -> None:
    assert Settings().is_local
    assert Settings(host="::1").is_local
    assert not Settings(host="0.0.0.0").is_local
