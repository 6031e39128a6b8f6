"""ONNX Runtime Web, a file of its npm package each: a script and its WebAssembly, the very ones that hashes name."""

import hashlib
import logging
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.weights.download import offline

VERSION = "1.30.0"
ADDRESS = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}"
VARIABLE = "RESNETS_ONNXRUNTIME_WEB"
SCRIPT, WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
SHA256 = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
LARGEST = 100 << 20  # bytes of a file
TIMEOUT = 60.0  # seconds without a byte

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WebRuntime:
    """What a page needs to compute: a JavaScript module, and the WebAssembly that it runs."""

    script: str
    wasm: bytes


def web_runtime() -> WebRuntime:
    """ONNX Runtime Web of VERSION.

    RESNETS_ONNXRUNTIME_WEB names a folder with the package, such as node_modules/onnxruntime-web, or another address of
    one. Without it, two files are downloaded once, from the public copy of npm's packages at ADDRESS. Raises
    InputError when there are none, or they are others than those whose hashes are known.
    """
    script, wasm = (_read(name) for name in (SCRIPT, WASM))
    return WebRuntime(script.decode(), wasm)


def cached(name: str) -> Path:
    """Where a file of the package is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache / "resnets" / f"onnxruntime-web-{VERSION}" / Path(name).name


def _read(name: str) -> bytes:
    where = os.environ.get(VARIABLE) or ADDRESS
    if "://" not in where:
        return _of_folder(Path(where), name)
    path, address = cached(name), f"{where.rstrip('/')}/{name}"
    if path.is_file() and _is_right(name, content := path.read_bytes()):
        return content
    if offline():
        raise InputError(
            f"{address}: is not in the cache ({path}), and RESNETS_OFFLINE or HF_HUB_OFFLINE says to stay offline; "
            f"unset it, or let {VARIABLE} name a folder with the npm package onnxruntime-web"
        )
    content = _downloaded(address)
    if not _is_right(name, content):
        raise InputError(f"{address}: is not the file of version {VERSION} that its hash promises")
    write_whole(path, content)
    log.info("downloaded %s", address)
    return content


def _of_folder(folder: Path, name: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise InputError(
            f"{folder}: {VARIABLE} names it, but it isn't the npm package onnxruntime-web ({error.strerror})"
        ) from error
    if not _is_right(name, content):
        raise InputError(f"{folder / name}: is not that of version {VERSION}; install onnxruntime-web@{VERSION}")
    return content


def _downloaded(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            return answer.read(LARGEST)
    except (urllib.error.URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise InputError(
            f"{address}: can't be downloaded ({why}); let {VARIABLE} name a folder with the npm package onnxruntime-web"
        ) from error


def _is_right(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256[name]
