"""The page's own files, read once: nothing of the disk can be asked for but these."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

KINDS = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}  # fmt: skip


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    content: bytes
    kind: str
    etag: str


class Site:
    """The files by name."""

    def __init__(self) -> None:
        self._files = {name: _read(name) for name in names()}

    def get(self, name: str) -> File | None:
        """A file; None where there is none of that name."""
        return self._files.get(name)


def names() -> list[str]:
    """All files of the page."""
    folder = files("resnets.serve").joinpath("page")
    return sorted(one.name for one in folder.iterdir() if _suffix(one.name) in KINDS)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


def _read(name: str) -> File:
    content = files("resnets.serve").joinpath("page", name).read_bytes()
    return File(content, KINDS[_suffix(name)], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
