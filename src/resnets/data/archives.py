"""zip and tar archives of class folders -> ImageSet, read where they are: nothing is ever extracted by name."""

import errno
import mmap
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from resnets.base.reading import open_regular
from resnets.base.turns import take
from resnets.data import image_formats, members, unpacking
from resnets.data.class_folders import arrange, image_set
from resnets.data.imageset import ImageSet
from resnets.data.listing import Listing, Names, is_image
from resnets.data.members import Member


@dataclass(frozen=True)
class ZipMembers:
    """Files in a zip archive. Each read opens the archive, so threads and forked workers share no position in it."""

    archive: str
    paths: Names
    table: NDArray[np.int64]  # a row a file: where its header is, packed size, size, method, CRC-32

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, /) -> bytes:
        """The member's bytes. Raises OSError when the archive is gone, or damaged at this member."""
        with open_regular(self.archive) as file:
            return members.read_zip(file, self.table[index].tolist(), self.name(index))

    def name(self, index: int, /) -> str:
        """The archive's path and the member's, as one path."""
        return f"{self.archive}/{self.paths[index]}"


@dataclass(frozen=True)
class TarMembers:
    """Files in a tar archive, by where their bytes begin."""

    archive: str
    paths: Names
    table: NDArray[np.int64]  # a row a file: where its bytes begin, how many
    unpacked: mmap.mmap | None = None  # a compressed archive's content, in a temporary file that has no name

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, /) -> bytes:
        """The member's bytes. Raises OSError when the archive is gone or cut short."""
        if self.unpacked is not None:
            start, size = map(int, self.table[index])
            take(size)
            return self.unpacked[start : start + size]
        with open_regular(self.archive) as file:
            return members.read_tar(file, self.table[index].tolist(), self.name(index))

    def name(self, index: int, /) -> str:
        """The archive's path and the member's, as one path."""
        return f"{self.archive}/{self.paths[index]}"


@dataclass(frozen=True)
class Archive:
    """An archive's files, and what is in it by folder."""

    files: ZipMembers | TarMembers
    rows: Mapping[str, int]  # path -> place in `files`; where a path is there twice, the later, as when unpacking
    listing: Listing

    def read(self, path: str) -> bytes:
        """One file's bytes. Raises FileNotFoundError when it is not there, InputError when it is too large."""
        if path not in self.rows:
            raise FileNotFoundError(errno.ENOENT, "not in the archive", self.listing.where(path))
        row = self.rows[path]
        members.check_size(self.listing.where(path), int(self.files.table[row][_SIZE[type(self.files)]]))
        return self.files.read(row)

    def image_set(self) -> ImageSet:
        """The images that its class folders hold. Raises InputError as `layout.arrange` does."""
        arrangement = arrange(self.listing)
        rows = np.array([self.rows[path] for path in arrangement.paths], dtype=np.int64)
        return image_set(self.listing.source, arrangement, self.files, rows)


_SIZE = {ZipMembers: 2, TarMembers: 1}  # the column of `table`


def open_archive(archive: str) -> Archive:
    """A zip, tar or compressed tar archive; a compressed tar is unpacked once into an unnamed temporary file.

    Raises InputError, naming the archive, when it is damaged, encrypted, holds an image larger than MAX_MEMBER, or
    expands like a bomb; RunFailed when there is no room to unpack it.
    """
    return _open_zip(archive) if archive.lower().endswith(".zip") else _open_tar(archive)


@dataclass
class _Index:
    """An archive's files while they are gathered."""

    listing: Listing
    rows: dict[str, int] = field(default_factory=dict[str, int])
    table: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])

    def add(self, member: Member, file: IO[bytes]) -> None:
        """Record a member of the archive in `file`."""
        path = member.name
        if member.kind == "link":
            self.listing.links.add(path)
        elif member.kind == "folder":
            if path:
                self.listing.add_member(path, folder=True)
        else:
            if is_image(path.rpartition("/")[2]):
                members.check_size(self.listing.where(path), member.size)
            if path not in self.rows:
                self.listing.add_member(path, partial(members.head, file, member, image_formats.HEAD))
            self.rows[path] = len(self.table)
            self.table.append(member.place)

    def files(self, columns: int) -> tuple[Names, NDArray[np.int64]]:
        """The paths and table; a row that a later one replaced keeps its place, and no path leads to it."""
        paths = [""] * len(self.table)
        for path, row in self.rows.items():
            paths[row] = path
        return Names(paths), np.array(self.table, dtype=np.int64).reshape(-1, columns)


def _open_zip(archive: str) -> Archive:
    index = _Index(Listing(archive))
    with open_regular(archive) as file:
        for member in members.zip_members(archive, file):
            index.add(member, file)
    return Archive(ZipMembers(archive, *index.files(5)), index.rows, index.listing)


def _open_tar(archive: str) -> Archive:
    index = _Index(Listing(archive))
    content: mmap.mmap | None = None
    with open_regular(archive) as packed:
        compressed = unpacking.is_compressed(packed)
        with _unpacked(archive, packed) if compressed else packed as file:
            for member in members.tar_members(archive, file):
                index.add(member, file)
            if compressed:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Archive(TarMembers(archive, *index.files(2), content), index.rows, index.listing)


def _unpacked(archive: str, packed: IO[bytes]) -> IO[bytes]:
    """The content of a compressed file, in a temporary file that is gone when it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        unpacking.unpack(archive, Path(archive).stat().st_size, packed, file)
        file.seek(0)
    except OSError as error:
        file.close()
        raise members.no_room(archive, tempfile.gettempdir(), error) from error
    except BaseException:
        file.close()
        raise
    return file
