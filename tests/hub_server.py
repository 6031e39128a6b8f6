"""A web server on the loopback that speaks as the Hugging Face Hub does, and as a plain file host does.

/OWNER/NAME/resolve/REVISION/FILE   the Hub's: small files by a relative redirect, weights by one to its CDN
/models/FILE                        download.pytorch.org's
/api/repos/create and so on         the Hub's, for who writes a repository
/html, /loop, /stalls, /forbidden   what goes wrong on the way
"""

import base64
import contextlib
import hashlib
import itertools
import json
import re
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")  # in git LFS on the Hub, and therefore on its CDN


@dataclass
class Hub:
    """What is served, and what has been asked for."""

    address: str = ""
    repositories: dict[str, Mapping[str, bytes]] = field(default_factory=dict)  # OWNER/NAME: files
    models: dict[str, bytes] = field(default_factory=dict)  # below /models/
    breaks: dict[str, list[int]] = field(
        default_factory=dict
    )  # of a file's next bodies: bytes until the connection closes
    commit: str = COMMIT  # that answers name
    tag: str | None = None  # the ETag of every file, instead of its hash
    ranges: bool = True  # whether a download can go on in the middle
    trickles: dict[str, str] = field(default_factory=dict)  # of a file: whether its headers or body come byte by byte
    extra: dict[str, str] = field(default_factory=dict)  # headers of every answer
    asked: list[str] = field(default_factory=list)  # "METHOD /path", with the range asked for
    writers: tuple[str, ...] = ("hf_writer",)  # tokens that may write
    created: list[dict[str, Any]] = field(default_factory=list)  # what was asked of new repositories
    uploads: dict[str, bytes] = field(default_factory=dict)  # by their hash
    messages: list[str] = field(default_factory=list)  # of commits

    def serve(self, name: str, folder: Path) -> None:
        """Serve a folder as the repository OWNER/NAME."""
        self.repositories[name] = {path.name: path.read_bytes() for path in folder.iterdir()}

    def bodies(self, name: str) -> list[str]:
        """The requests for the contents of files whose path ends so."""
        return [line for line in self.asked if line.startswith("GET") and line.split()[1].endswith(name)]


@contextmanager
def running() -> Generator[Hub]:
    """A hub that answers until the block ends; its port is closed then."""
    hub = Hub()

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        self.served.asked.append(f"POST {path}")
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.served.writers:
            self._json(403, {"error": "You don't have the rights to create a model"})
        elif path == "/api/repos/create":
            self.served.created.append(json.loads(content))
            self._json(200, {"url": f"{self.served.address}/x/y", "name": self.served.created[-1]["name"], "id": "1"})
        elif path == "/api/validate-yaml":
            self._json(200, {"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = [
                {"path": one["path"], "uploadMode": "lfs" if one["path"].endswith(LARGE) else "regular"}
                | {"shouldIgnore": False, "oid": None}
                for one in json.loads(content)["files"]
            ]
            self._json(200, {"files": files, "commitOid": self.served.commit})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {"oid": one["oid"], "size": one["size"]}
                | {"actions": {"upload": {"href": f"{self.served.address}/upload/{one['oid']}"}}}
                for one in json.loads(content)["objects"]
            ]
            self._json(200, {"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/([\w-]+/[\w.-]+)/commit/main", path):
            self._commit(found[1], [json.loads(line) for line in content.splitlines()])
        else:
            self._json(404, {"error": "no such path"})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.served.asked.append(f"PUT {self.path}")
        self.served.uploads[_etag(content)] = content
        self._send(200, {"ETag": _etag(content)})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        files = dict(self.served.repositories.get(name, {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.served.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.served.uploads[value["oid"]]
        self.served.repositories[name] = files
        url = f"{self.served.address}/{name}/commit/{self.served.commit}"
        self._json(200, {"success": True, "commitOid": self.served.commit, "commitUrl": url, "hookOutput": ""})

    def _json(self, status: int, values: Mapping[str, Any]) -> None:
        self._send(status, {"Content-Type": "application/json"}, json.dumps(values).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing on standard error."""

    def _answer(self, *, body: bool) -> None:
        wanted = self.headers.get("Range")
        self.served.asked.append(f"{self.command} {self.path}" + (f" {wanted}" if wanted else ""))
        path = self.path.partition("?")[0]
        if found := re.fullmatch(r"/([\w-]+/[\w.-]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*found.groups())
        elif found := re.fullmatch(r"/(?:cdn|api/resolve-cache)/([\w-]+/[\w.-]+)/(.+)", path):
            content = self.served.repositories[found[1]][found[2]]
            tag = self.served.tag or _etag(content)
            self._file(content, body, {"X-Repo-Commit": self.served.commit, "ETag": f'"{tag}"'})
        elif path.removeprefix("/models/") in self.served.models:
            content = self.served.models[path.removeprefix("/models/")]
            self._file(content, body, {"ETag": f'"{_etag(content)}"'})
        elif path == "/html/w.pth":
            self._send(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Please log in</html>")
        elif path == "/loop/w.pth":
            self._send(302, {"Location": path})
        elif path == "/stalls/w.pth":
            time.sleep(1.0)
        elif path == "/forbidden/w.pth":
            self._send(403, {})
        else:
            self._send(404, {})

    def _resolve(self, name: str, revision: str, file: str) -> None:
        files = self.served.repositories.get(name)
        if files is None:  # the Hub does not say whether a repository is missing or private
            self._send(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Invalid username or password."})
        elif revision not in ("main", COMMIT):
            self._send(404, {"X-Error-Code": "RevisionNotFound"})
        elif file not in files:
            self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.served.commit})
        elif file.endswith(LARGE):
            cdn = self.served.address.replace("127.0.0.1", "localhost")
            tag = f'"{self.served.tag or _etag(files[file])}"'
            linked = {"X-Linked-Size": str(len(files[file])), "X-Linked-ETag": tag, "X-Repo-Commit": self.served.commit}
            self._send(302, {"Location": f"{cdn}/cdn/{name}/{file}", **linked})
        else:
            self._send(307, {"Location": f"/api/resolve-cache/{name}/{file}", "X-Repo-Commit": self.served.commit})

    def _file(self, content: bytes, body: bool, headers: Mapping[str, str]) -> None:
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
        if asked and same and self.served.ranges:
            start = int(asked[1])
            headers = {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        rest = content[start:]
        kind = {"Content-Type": "application/octet-stream", "Content-Length": str(len(rest))}
        breaks = self.served.breaks.get(self.path.rpartition("/")[2]) if body else None
        sent = rest[: breaks.pop(0)] if breaks else rest
        self._send(206 if start else 200, {**kind, **headers}, sent if body else b"")

    def _send(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        slow = self.served.trickles.get(self.path.rpartition("/")[2])
        self.send_response(status)
        if slow == "headers":
            self.flush_headers()
            self._trickle(b"X")
        for name, value in self.served.extra.items():
            self.send_header(name, value)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if slow == "body" and body:
            self._trickle(body)
        self.wfile.write(body)

    def _trickle(self, content: bytes) -> None:
        """A byte now and then, until nobody listens."""
        with contextlib.suppress(OSError):
            for place in itertools.count():
                self.wfile.write(content[place % len(content) :][:1])
                time.sleep(0.02)


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
