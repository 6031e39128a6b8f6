"""What the arguments of a prediction mean: files, folders, patterns, lists, archives, tables, URIs -> entries, one by
one, in an order that depends on nothing but the names. No listing of all of them is ever held in memory.
"""

import glob
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from resnets.base.errors import InputError
from resnets.base.names import as_on_disk
from resnets.base.reading import head
from resnets.bulk.manifest import Entry
from resnets.bulk.walking import files_below, of_a_run
from resnets.data import image_formats, members, parquet_images, unpacking
from resnets.data.image_formats import SUFFIXES
from resnets.data.listing import LeftOut, is_hidden, picture_kind
from resnets.data.remote_folders import HUB, hub_files
from resnets.data.shard_names import expanded
from resnets.data.sources import ARCHIVES
from resnets.data.stores import LOCAL, Store, arrow, is_uri, open_local, store_of

CONTAINERS = (*ARCHIVES, parquet_images.SUFFIX)

_WILD = re.compile(r"[*?\[]")


@dataclass
class Discovery:
    """The images that some arguments mean.

    arguments: as `resnets predict` takes them. listed: the names that `-` stands for, one a line. scratch: the folder
    that compressed archives are unpacked into, once. out: the file that answers go to, which no folder or pattern
    means; nor do they mean what a bulk prediction has left in its folder of parts.
    """

    arguments: Sequence[str]
    listed: Iterable[str]
    scratch: Path
    out: Path | None = None
    stores: list[Store] = field(default_factory=list[Store])  # those that the entries so far are in
    unpacked: int = 0  # archives

    def __iter__(self) -> Iterator[Entry]:
        """Every image in order. A name that matches nothing is passed on, so that it becomes a row with its error.

        Raises InputError for a folder without images, an empty name, a missing package, and what looks like an option
        and is no file; RunFailed when there is no room to unpack an archive.
        """
        for name in self.arguments:
            if name == "-":
                for line in self.listed:
                    given = line.removeprefix("\ufeff").rstrip("\r\n")  # some editors begin a list with a BOM
                    if given.strip():
                        yield from self._one(as_on_disk(given))
            else:
                yield from self._argument(name)

    def _argument(self, name: str) -> Iterator[Entry]:
        if not name:
            raise InputError("'': the name of an image is empty; name files, folders or patterns")
        if name.startswith(HUB):
            for file in hub_files(name):
                yield from self._argument(file)
            return
        name = name if is_uri(name) else as_on_disk(name)
        if "{" in name and not os.path.lexists(name) and (shards := expanded(name)) != [name]:
            for shard in shards:
                yield from self._argument(shard)
            return
        if is_uri(name):
            yield from self._uri(name)
        elif os.path.isdir(name):  # noqa: PTH112 - no Path of a name that no system allows
            yield from self._folder(name, files_below(name), LOCAL)
        elif os.path.lexists(name):
            yield from self._one(name)
        elif name.startswith("-"):
            raise InputError(f"{name}: neither an option nor a file; `resnets predict --help` lists the options")
        elif _WILD.search(name):
            yield from self._pattern(name)
        else:
            yield from self._one(name)

    def _pattern(self, pattern: str) -> Iterator[Entry]:
        """The files that match, and what is in folders that do; ** finds what is in them itself."""
        matching = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - as the shell would
        found = [name for name in matching if not self._is_output(name) and not of_a_run(name)]
        folders = {name for name in found if Path(name).is_dir()}
        if "**" in pattern.split("/") and len(folders) < len(found):
            found = [name for name in found if name not in folders]
        for name in found:
            yield from self._folder(name, files_below(name), LOCAL) if name in folders else self._one(name)
        if not found:
            yield from self._one(pattern)

    def _uri(self, uri: str) -> Iterator[Entry]:
        number = self._store(uri)
        store = self.stores[number]
        path = store.path(uri).rstrip("/") or "/"
        with _said(store, path):
            folder = store.is_folder(path)
            pattern = not folder and _WILD.search(path) and not store.is_file(path)
        if folder:
            yield from self._folder(store.name(path), _below_in(store, path), number)
        elif pattern:
            yield from self._uri_pattern(uri, number)
        else:
            yield from self._one(uri)

    def _uri_pattern(self, uri: str, number: int) -> Iterator[Entry]:
        """What matches in a store, as `_pattern` has it. A question mark begins a URI's options and matches nothing."""
        store = self.stores[number]
        levels = store.path(uri).rstrip("/").split("/")
        first = next(place for place, level in enumerate(levels) if _WILD.search(level))
        top, levels = "/".join(levels[:first]) or "/", levels[first:]
        nothing = True
        for name, is_folder in _matching_in(store, top, levels):
            nothing = False
            if is_folder and "**" not in levels:
                yield from self._folder(store.name(name), _below_in(store, name), number)
            elif not is_folder and not self._is_output(store.name(name)):
                yield from self._file(store.name(name), number)
        if nothing:
            yield from self._one(uri)

    def _folder(self, folder: str, files: Iterator[str], store: int) -> Iterator[Entry]:
        """The images in a folder; where it has none, what its archives and Parquet files hold."""
        shards: list[str] = []
        others = LeftOut()
        empty = True
        for name in files:
            if picture_kind(name.rpartition("/")[2], partial(self._head, name, store)):
                empty = False
                yield Entry(name, store=store)
            elif empty and name.lower().endswith(CONTAINERS) and not self._is_output(name):
                shards.append(name)
            else:
                others.add(name)
        if empty and not shards:
            held = f" (its {others.count:,} files are others, such as {others.example})" if others.count else ""
            raise InputError(
                f"{folder}: no images in this folder, and no archives or Parquet files{held}; "
                f"{', '.join(sorted(SUFFIXES))} are images"
            )
        for name in shards if empty else ():
            yield from self._file(name, store)

    def _is_output(self, name: str) -> bool:
        """Whether a file, by its path or URI, is the one that answers go to."""
        path = unquote(name.removeprefix("file://")) if is_uri(name) else name
        if self.out is None or path.rpartition("/")[2] != self.out.name:
            return False
        return os.path.realpath(path) == os.path.realpath(self.out)

    def _one(self, name: str) -> Iterator[Entry]:
        """A file by its name or URI."""
        if not is_uri(name):
            return self._file(name, LOCAL)
        number = self._store(name)
        return self._file(self.stores[number].name(self.stores[number].path(name)), number)

    def _file(self, name: str, store: int) -> Iterator[Entry]:
        lower = name.lower()
        if lower.endswith(parquet_images.SUFFIX):
            arrow(name)
            return self._guarded(name, store, self._rows)
        if lower.endswith(".zip"):
            return self._guarded(name, store, self._zip)
        if lower.endswith(ARCHIVES):
            return self._guarded(name, store, self._tar)
        return iter((Entry(name, store=store),))

    def _guarded(
        self, name: str, store: int, entries: Callable[[str, IO[bytes], int], Iterator[Entry]]
    ) -> Iterator[Entry]:
        """The entries of a container; where it turns out to be damaged, a last one that says so."""
        try:
            with self._opened(name, store) as file:
                yield from entries(name, file, store)
        except parquet_images.NoColumn:
            raise
        except InputError as error:
            yield Entry(name, "bad", why=str(error))
        except OSError as error:
            yield Entry(name, "bad", why=f"{name}: cannot be read ({error.strerror or error})")

    def _opened(self, name: str, store: int) -> IO[bytes]:
        return open_local(name) if store == LOCAL else self.stores[store].open(name)

    def _head(self, name: str, store: int) -> bytes:
        """A file's first bytes; none of what cannot be read."""
        if store == LOCAL:
            return head(name, image_formats.HEAD)
        try:
            with self.stores[store].open(name) as file:
                return file.read(image_formats.HEAD)
        except OSError:
            return b""

    def _rows(self, name: str, file: IO[bytes], store: int) -> Iterator[Entry]:
        for row, place in parquet_images.places(name, file):
            yield Entry(f"{name}/{row}", "parquet", store, len(name), place)

    def _zip(self, name: str, file: IO[bytes], store: int) -> Iterator[Entry]:
        for member in _images(name, members.zip_members(name, file), file):
            yield self._member(name, member, Entry(f"{name}/{member.name}", "zip", store, len(name), member.place))

    def _tar(self, name: str, file: IO[bytes], store: int) -> Iterator[Entry]:
        kind, container = "tar", len(name)
        if unpacking.is_compressed(file):
            kind, container, store = "unpacked", self._unpack(name, file), LOCAL
            file = open_local(str(unpacked_copy(self.scratch, container)))
        with file:
            for member in _images(name, members.tar_members(name, file), file):
                yield self._member(name, member, Entry(f"{name}/{member.name}", kind, store, container, member.place))

    def _member(self, archive: str, member: members.Member, entry: Entry) -> Entry:
        """The entry; a bad one where the member is too large to be read."""
        try:
            members.check_size(f"{archive}/{member.name}", member.size)
        except InputError as error:
            return Entry(entry.name, "bad", why=str(error))
        return entry

    def _unpack(self, name: str, file: IO[bytes]) -> int:
        """Unpack a compressed tar into the scratch folder; the number of the copy."""
        number, self.unpacked = self.unpacked, self.unpacked + 1
        copy = unpacked_copy(self.scratch, number)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            with copy.open("wb") as target:
                unpacking.unpack(name, size, file, target)
        except OSError as error:
            raise members.no_room(name, str(self.scratch), error) from error
        return number

    def _store(self, uri: str) -> int:
        store = store_of(uri)
        if store not in self.stores:
            self.stores.append(store)
        return self.stores.index(store)


def _below_in(store: Store, folder: str) -> Iterator[str]:
    """Every file in a store's folder, as rows call it. Raises InputError when the store cannot be asked."""
    with _said(store, folder):
        yield from map(store.name, store.below(folder))


def _matching_in(store: Store, top: str, levels: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """What matches below a store's folder; nothing where there is none. Raises InputError as `_below_in` does."""
    with _said(store, top):
        if store.is_folder(top):
            yield from store.matching(top, levels)


@contextmanager
def _said(store: Store, path: str) -> Generator[None]:
    """What the store cannot tell of a path in the block is an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{store.name(path)}: cannot be read ({error})") from error


def unpacked_copy(scratch: Path, number: int) -> Path:
    """Where the content of a listing's compressed archive lies."""
    return scratch / f"unpacked-{number}.tar"


def _images(archive: str, found: Iterator[members.Member], file: IO[bytes]) -> Iterator[members.Member]:
    """The pictures among the members of the archive in `file`. Raises InputError when there is none."""
    images = (
        member
        for member in found
        if member.kind == "file"
        and not any(map(is_hidden, member.name.split("/")))
        and picture_kind(member.name.rpartition("/")[2], partial(members.head, file, member, image_formats.HEAD))
    )
    first = next(images, None)
    if first is None:
        raise InputError(f"{archive}: no images in this archive")
    yield from chain((first,), images)
