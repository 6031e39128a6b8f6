"""ONNX Runtime Web from its npm package: a script and a WebAssembly file, the very ones that a hash names."""

import hashlib
import io
import logging
import os
import tarfile
import urllib.error
import urllib.request
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.weights.download import offline

VERSION = "1.30.0"
# npm's own "integrity" of the package: SHA-512 of its archive.
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
REGISTRY = "https://registry.npmjs.org"
REGISTRY_VARIABLE, PACKAGE_VARIABLE = "npm_config_registry", "RESNETS_ONNXRUNTIME_WEB"
SCRIPT, WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
LARGEST = 200 << 20  # bytes of the archive
TIMEOUT = 60.0  # seconds without a byte

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WebRuntime:
    """What a page needs to compute: a JavaScript module, and the WebAssembly that it runs."""

    script: str
    wasm: bytes


def web_runtime() -> WebRuntime:
    """ONNX Runtime Web of VERSION.

    RESNETS_ONNXRUNTIME_WEB names a folder with the package, such as node_modules/onnxruntime-web. Without it, the
    archive is downloaded from npm's registry, or from that of npm_config_registry, once. Raises InputError when there
    is none, or it is another than the one whose hash is known.
    """
    folder = os.environ.get(PACKAGE_VARIABLE)
    if folder:
        return _of_folder(Path(folder))
    with tarfile.open(fileobj=io.BytesIO(_archive()), mode="r:gz") as archive:
        script, wasm = (_member(archive, f"package/{name}") for name in (SCRIPT, WASM))
    return WebRuntime(script.decode(), wasm)


def cached() -> Path:
    """Where the archive is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache / "resnets" / f"onnxruntime-web-{VERSION}.tgz"


def _of_folder(folder: Path) -> WebRuntime:
    try:
        return WebRuntime((folder / SCRIPT).read_text(encoding="utf-8"), (folder / WASM).read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder}: {PACKAGE_VARIABLE} names it, but it isn't the npm package onnxruntime-web ({error.strerror})"
        ) from error


def _archive() -> bytes:
    path = cached()
    if path.is_file() and _is_right(content := path.read_bytes()):
        return content
    address = f"{(os.environ.get(REGISTRY_VARIABLE) or REGISTRY).rstrip('/')}/onnxruntime-web/-/{path.name}"
    if offline():
        raise InputError(
            f"{address}: is not in the cache ({path}), and RESNETS_OFFLINE or HF_HUB_OFFLINE says to stay offline; "
            f"unset it, or let {PACKAGE_VARIABLE} name a folder with that package"
        )
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            content = answer.read(LARGEST)
    except (urllib.error.URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise InputError(
            f"{address}: can't be downloaded ({why}); let {PACKAGE_VARIABLE} name a folder with that package"
        ) from error
    if not _is_right(content):
        raise InputError(f"{address}: is not the archive that its hash promises; check the registry")
    write_whole(path, content)
    log.info("downloaded %s", address)
    return content


def _is_right(content: bytes) -> bool:
    return hashlib.sha512(content).digest() == b64decode(INTEGRITY)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None  # its hash was right
    return file.read()
