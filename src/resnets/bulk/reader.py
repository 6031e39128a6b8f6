"""An entry of a listing -> the bytes of its image."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from resnets.base.errors import InputError
from resnets.base.reading import read_regular
from resnets.base.turns import take
from resnets.bulk.discovery import unpacked_copy
from resnets.bulk.manifest import Entry
from resnets.data import members
from resnets.data.parquet_images import Cursor
from resnets.data.stores import LOCAL, Store, open_local


@dataclass
class Reader:
    """Reads entries, from any number of threads. Each keeps the container that it read from last open."""

    stores: Sequence[Store]  # those of the listing
    scratch: Path  # where the listing unpacked compressed archives
    _kept: threading.local = field(default_factory=threading.local)
    _open: list[IO[bytes]] = field(default_factory=list[IO[bytes]])

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        """Close what the threads have left open, which must have ended."""
        for file in self._open:
            file.close()

    def image(self, entry: Entry) -> "Image":
        """What a predictor takes."""
        return Image(entry, self)

    def read(self, entry: Entry) -> bytes:
        """The image's bytes, still encoded. Raises OSError or InputError when it cannot be read."""
        if entry.kind == "bad":
            raise InputError(entry.why)
        if entry.kind == "file":
            return self._file(entry)
        if entry.kind == "parquet":
            return self._cursor(entry).read(*entry.place)
        read = members.read_zip if entry.kind == "zip" else members.read_tar
        return read(self._container(entry), entry.place, entry.name)

    def _file(self, entry: Entry) -> bytes:
        if entry.store != LOCAL:
            with self.stores[entry.store].open(entry.name) as file:
                size = file.seek(0, 2)
                members.check_size(entry.name, size)
                take(size)
                file.seek(0)
                return file.read(size)
        try:
            return read_regular(entry.name, limit=members.MAX_MEMBER)
        except ValueError as error:  # a name that no system allows
            raise InputError(f"{entry.name!r}: cannot be read ({error})") from error

    def _cursor(self, entry: Entry) -> Cursor:
        file = self._container(entry)
        cursor: Cursor | None = getattr(self._kept, "cursor", None)
        if cursor is None or cursor.file is not file:
            cursor = self._kept.cursor = Cursor(entry.name[: entry.container], file)
        return cursor

    def _container(self, entry: Entry) -> IO[bytes]:
        where = (entry.store, _container_name(entry, self.scratch))
        if getattr(self._kept, "where", None) != where:
            self._close()
            store, name = where
            file = open_local(name) if store == LOCAL else self.stores[store].open(name)
            self._open.append(file)
            self._kept.file, self._kept.where = file, where
        return self._kept.file

    def _close(self) -> None:
        if file := getattr(self._kept, "file", None):
            file.close()
            self._open.remove(file)
            self._kept.where = self._kept.cursor = self._kept.file = None


@dataclass(frozen=True, slots=True)
class Image:
    """One entry with what reads it."""

    entry: Entry
    reader: Reader

    @property
    def name(self) -> str:
        return self.entry.name

    def read(self) -> bytes:
        """The image's bytes, still encoded. Raises OSError or InputError when it cannot be read."""
        return self.reader.read(self.entry)


def _container_name(entry: Entry, scratch: Path) -> str:
    return str(unpacked_copy(scratch, entry.container)) if entry.kind == "unpacked" else entry.name[: entry.container]
