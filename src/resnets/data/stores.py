"""Where files are: on this machine's disks, or behind a URI in an object store, which pyarrow reads."""

import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from resnets.base.errors import InputError
from resnets.base.reading import open_regular
from resnets.data.listing import is_hidden

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

BUFFER = 2**20  # bytes: of a tar in an object store, a listing asks once for each of so many and not for each member
LOCAL = -1  # the number of the store that needs no URI

WORK_FILES = ("job.json", "entries.jsonl")  # one of which is in OUT.parts, the work folder of a bulk prediction

# What would end a URI's path or be decoded, and what Python drops from one. Other characters stay readable.
_ESCAPES = {code: f"%{code:02X}" for code in (*range(32), *map(ord, "%?#"))}
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_WEB = ("http", "https")
_PATH_ONLY = ("file", "hdfs", "viewfs")  # schemes whose host is no part of a path


def is_uri(name: str) -> bool:
    """Whether a name begins as s3://, gs:// or file:// do."""
    return bool(_SCHEME.match(name))


@dataclass(frozen=True)
class Store:
    """One file system behind URIs. It can be pickled: it is connected to when it is first used."""

    root: str  # the URI of its top, with the options that came with it

    @property
    def scheme(self) -> str:
        return self.root.partition(":")[0]

    def name(self, path: str) -> str:
        """What a row calls the file at `path`: a URI that means it when it is given back."""
        return f"{self.scheme}://{path.translate(_ESCAPES)}"

    def path(self, uri: str) -> str:
        """Where in this store a URI's file is."""
        parts = urlsplit(uri)
        return unquote(parts.path) if self.scheme in _PATH_ONLY else parts.netloc + unquote(parts.path)

    def open(self, name: str) -> IO[bytes]:
        """A file by what rows call it; any place in it can be sought. Raises OSError when it cannot be opened.

        A file on the web is copied to a temporary one first.
        """
        if self.scheme in _WEB:
            return _copied(name)
        file: Any = self._system.open_input_file(unquote(name.removeprefix(f"{self.scheme}://")))
        return _Buffered(file, BUFFER)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at `path`. Raises OSError when the store cannot be asked; the web never has one."""
        if self.scheme in _WEB:
            return False
        from pyarrow.fs import FileType

        return self._system.get_file_info(path).type == FileType.Directory

    def below(self, folder: str) -> Iterator[str]:
        """Every file in `folder`, at any depth, by name in each folder; what `inside` leaves out is left out.

        Raises OSError when the store cannot be asked.
        """
        for path, is_folder in self.inside(folder):
            if is_folder:
                yield from self.below(path)
            else:
                yield path

    def inside(self, folder: str) -> Iterator[tuple[str, bool]]:
        """What is directly in `folder`, by name, and whether it is a folder.

        Hidden ones are left out, and what bulk predictions have left behind. Raises OSError as `below` does.
        """
        from pyarrow.fs import FileSelector, FileType

        found = self._system.get_file_info(FileSelector(folder))
        for info in sorted(found, key=lambda info: info.base_name):
            is_folder = info.type == FileType.Directory
            if not is_hidden(info.base_name) and not (is_folder and self._of_a_run(info.path)):
                yield info.path, is_folder

    def matching(self, folder: str, pattern: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """What matches in `folder`, by name, and whether it is a folder: one pattern for each level; ** is any number.

        Raises OSError as `below` does.
        """
        first, *rest = pattern
        if first == "**" and rest:
            yield from self.matching(folder, rest)
        for path, is_folder in self.inside(folder):
            if first == "**":
                if is_folder:
                    yield from self.matching(path, pattern)
                elif not rest:
                    yield path, False
            elif fnmatchcase(path.rpartition("/")[2], first):
                if not rest:
                    yield path, is_folder
                elif is_folder:
                    yield from self.matching(path, rest)

    def is_file(self, path: str) -> bool:
        """Whether there is a file at `path`. Raises OSError when the store cannot be asked; the web is not asked."""
        if self.scheme in _WEB:
            return True
        from pyarrow.fs import FileType

        return self._system.get_file_info(path).type == FileType.File

    def _of_a_run(self, folder: str) -> bool:
        from pyarrow.fs import FileType

        if not folder.endswith(".parts"):
            return False
        found = self._system.get_file_info([f"{folder}/{name}" for name in WORK_FILES])
        return any(info.type == FileType.File for info in found)

    @cached_property
    def _system(self) -> "FileSystem":
        pyarrow = arrow("a URI")
        try:
            return pyarrow.fs.FileSystem.from_uri(self.root)[0]
        except (ValueError, NotImplementedError) as error:
            raise InputError(
                f"{self.root}: this kind of storage cannot be read ({error}); use s3://, gs:// or file://"
            ) from error


def _copied(uri: str) -> IO[bytes]:
    from resnets.data.fetching import fetch

    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        fetch(uri, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


class _Buffered(io.BufferedReader):
    """A file of pyarrow's that Python's readers of archives can read: one that has all that files have."""

    @property
    def name(self) -> str:
        return ""

    @property
    def mode(self) -> str:
        return "rb"


def store_of(uri: str) -> Store:
    """The store that a URI's file is in. Raises InputError when it holds credentials."""
    parts = urlsplit(uri)
    if "@" in parts.netloc and parts.scheme in ("s3", "gs", "gcs"):
        raise InputError(
            f"{parts.scheme}://...@{parts.netloc.rpartition('@')[2]}: contains credentials, which would be "
            "stored in files; "
            "set them in the environment or in the configuration of the storage"
        )
    query = f"?{parts.query}" if parts.query else ""
    return Store(f"{parts.scheme}://{parts.netloc}/{query}")


def arrow(what: str) -> Any:
    """pyarrow with its file systems and Parquet. Raises InputError, saying how to install it, where it is missing."""
    try:
        import pyarrow.fs
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{what} needs pyarrow, which is not installed: pip install 'resnets[bulk]'") from None
    return pyarrow


def open_local(path: str) -> IO[bytes]:
    """A file of this machine. Raises OSError for a pipe, a device and the like."""
    return open_regular(path)
