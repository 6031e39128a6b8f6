"""zip and tar archives of class folders -> ImageSet, read where they are: nothing is ever extracted by name.

A member's name is only a name here: one that is absolute, or climbs with `..`, is written nowhere and can do no harm.
"""

import bz2
import errno
import gzip
import io
import lzma
import mmap
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from resnets.data.imageset import ImageSet
from resnets.data.layout import arrange, image_set
from resnets.data.listing import Listing, Names, is_image
from resnets.errors import InputError, RunFailed

MAX_MEMBER = 512 * 2**20  # bytes; far beyond any photograph, and what a zip bomb has to declare
MAX_EXPANSION = 100  # a compressed tar's content over its size, once it is past SMALL; photographs reach 1.1
SMALL = 2 * 2**30

_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 1  # a zip member's flag bit
_COMPRESSED: Mapping[bytes, Callable[[str], io.BufferedIOBase]] = {  # by a file's first bytes, whatever it is called
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


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
        start, packed, size, method, crc = map(int, self.table[index])
        info = zipfile.ZipInfo(self.name(index))
        info.compress_size, info.file_size, info.compress_type, info.CRC = packed, size, method, crc
        try:
            with Path(self.archive).open("rb") as file:
                file.seek(start)
                _skip_zip_header(file)
                with zipfile.ZipExtFile(file, "r", info) as member:
                    data = member.read()
        except (zipfile.BadZipFile, EOFError, struct.error, zlib.error, lzma.LZMAError) as error:
            raise _damaged(self.name(index), str(error)) from error
        if len(data) != size:
            raise _damaged(self.name(index), f"{len(data):,} of {size:,} bytes")
        return data

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
        start, size = map(int, self.table[index])
        if self.unpacked is not None:
            return self.unpacked[start : start + size]
        with Path(self.archive).open("rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) != size:
            raise _damaged(self.name(index), f"{len(data):,} of {size:,} bytes")
        return data

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
        _check_size(self.listing, path, int(self.files.table[row][_SIZE[type(self.files)]]))
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

    def add(self, name: str, size: int, place: tuple[int, ...]) -> None:
        path = _normal(name)
        if is_image(path.rpartition("/")[2]):
            _check_size(self.listing, path, size)
        if path not in self.rows:
            self.listing.add_member(path)
        self.rows[path] = len(self.table)
        self.table.append(place)

    def add_folder(self, name: str) -> None:
        if path := _normal(name):
            self.listing.add_member(path, folder=True)

    def files(self, columns: int) -> tuple[Names, NDArray[np.int64]]:
        """The paths and table; a row that a later one replaced keeps its place, and no path leads to it."""
        paths = [""] * len(self.table)
        for path, row in self.rows.items():
            paths[row] = path
        return Names(paths), np.array(self.table, dtype=np.int64).reshape(-1, columns)


def _open_zip(archive: str) -> Archive:
    index = _Index(Listing(archive))
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, OverflowError, NotImplementedError, struct.error) as error:
        raise InputError(f"{archive}: not a zip archive, or damaged ({error}); copy or make it again") from error
    for member in members:
        name = member.filename.replace("\\", "/")  # as some Windows programs write it
        if name.endswith("/"):
            index.add_folder(name)
        elif stat.S_ISLNK(member.external_attr >> 16):
            index.listing.links.add(_normal(name))
        else:
            _check_readable(archive, member)
            place = (member.header_offset, member.compress_size, member.file_size, member.compress_type, member.CRC)
            index.add(name, member.file_size, place)
    return Archive(ZipMembers(archive, *index.files(5)), index.rows, index.listing)


def _skip_zip_header(file: IO[bytes]) -> None:
    """Move from where a member begins to its first byte; the header there repeats the name, at a length of its own."""
    signature, name_length, extra_length = struct.unpack("<4s22xHH", file.read(30))
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("no member begins where it should")
    file.seek(name_length + extra_length, io.SEEK_CUR)


def _check_readable(archive: str, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise InputError(
            f"{archive}: {member.filename} is encrypted; unpack the archive with its password and give the folder"
        )
    if member.compress_type not in _ZIP_METHODS:
        raise InputError(
            f"{archive}: {member.filename} is packed with method {member.compress_type}; "
            "stored, deflate, bzip2 and LZMA can be read, or unpack the archive and give the folder"
        )


def _open_tar(archive: str) -> Archive:
    index = _Index(Listing(archive))
    with Path(archive).open("rb") as file:
        first = file.read(6)
    openers = [opener for magic, opener in _COMPRESSED.items() if first.startswith(magic)]
    with _unpacked(archive, openers[0]) if openers else Path(archive).open("rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                _index_tar(index, tar, file)
        except InputError:
            raise
        except (tarfile.TarError, ValueError, EOFError, OverflowError, IndexError, KeyError, RecursionError) as error:
            # What tarfile raises on damaged headers, by kind of header.
            raise InputError(f"{archive}: not a tar archive, or damaged ({error}); copy or make it again") from error
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if openers else None
    return Archive(TarMembers(archive, *index.files(2), content), index.rows, index.listing)


def _index_tar(index: _Index, tar: tarfile.TarFile, file: IO[bytes]) -> None:
    """Fill `index` with the members of `tar`, whose bytes are `file`'s."""
    ends = 0
    while (member := tar.next()) is not None:
        tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - it would keep a kilobyte for each member
        if tar.offset <= ends:  # a negative size would lead round for ever
            raise tarfile.ReadError("a member ends before it begins")
        ends = tar.offset
        if member.isdir():
            index.add_folder(member.name)
        elif member.isreg() and not member.issparse():
            index.add(member.name, member.size, (member.offset_data, member.size))
        else:
            index.listing.links.add(_normal(member.name))
    file.seek(tar.offset)
    if any(file.read(tarfile.BLOCKSIZE)):  # tarfile takes a header that it cannot read for the end
        raise tarfile.ReadError(f"the header at byte {tar.offset:,} is damaged")


def _unpacked(archive: str, opener: Callable[[str], io.BufferedIOBase]) -> IO[bytes]:
    """The content of a compressed file, in a temporary file that is gone when it is closed."""
    limit = max(SMALL, MAX_EXPANSION * Path(archive).stat().st_size)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        with opener(archive) as packed:
            while chunk := _next_chunk(archive, packed):
                _check_expansion(archive, file.tell() + len(chunk), limit)
                file.write(chunk)
        file.seek(0)
    except OSError as error:
        file.close()
        where = tempfile.gettempdir()
        raise RunFailed(f"{archive}: could not be unpacked into {where} ({error.strerror or error})") from error
    except BaseException:
        file.close()
        raise
    return file


def _check_expansion(archive: str, size: int, limit: int) -> None:
    if size > limit:
        raise InputError(
            f"{archive}: expands to more than {limit / 2**30:.0f} GiB, over {MAX_EXPANSION} times its own size; "
            "if that is right, unpack it and give the folder"
        )


def _next_chunk(archive: str, packed: io.BufferedIOBase) -> bytes:
    try:
        return packed.read(2**20)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"{archive}: damaged or cut short ({error}); copy or make it again") from error


def _normal(name: str) -> str:
    """A member's name as a path from the archive's top."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _check_size(listing: Listing, path: str, size: int) -> None:
    if size > MAX_MEMBER:
        raise InputError(
            f"{listing.where(path)}: {size / 2**20:,.0f} MiB when unpacked; a file of an archive may have "
            f"{MAX_MEMBER // 2**20} MiB"
        )


def _damaged(name: str, why: str) -> OSError:
    return OSError(errno.EIO, f"damaged in the archive: {why}", name)
