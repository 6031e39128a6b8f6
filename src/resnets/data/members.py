"""The members of zip and tar archives, one after the other; nothing is unpacked by name, and no index is kept.

A member's name is only a name here: one that is absolute, or climbs with `..`, is written nowhere and can do no harm.
"""

import errno
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Literal

from resnets.base.errors import InputError, RunFailed
from resnets.base.turns import take
from resnets.data.unzipping import inflated

MAX_MEMBER = 512 * 2**20  # bytes; far beyond any photograph, and what a zip bomb has to declare
MAX_EXPANSION = 100  # a compressed tar's content over its size, once it is past UNPACKED_FREELY; photographs reach 1.1
UNPACKED_FREELY = 2 * 2**30  # bytes
LARGE = 64 * 2**20  # bytes of a member: one that is larger may be a bomb
LONGEST_NAME = 4096  # characters, as on a disk
MAX_HEADER = 2**20  # bytes of what a tar says of one member

_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 1  # a zip member's flag bit


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive, and the numbers by which its bytes are found again."""

    name: str  # as a path from the archive's top
    kind: Literal["file", "folder", "link"]
    size: int = 0  # in bytes, unpacked
    place: tuple[int, ...] = ()  # zip: where its header is, packed size, size, method, CRC-32; tar: first byte, size


def zip_members(archive: str, file: IO[bytes]) -> Iterator[Member]:
    """The members of the zip archive in `file`.

    archive: what messages call it. Raises InputError when it is damaged, or a member encrypted or packed strangely.
    """
    try:
        with zipfile.ZipFile(file) as opened:
            members = opened.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, OverflowError, NotImplementedError, struct.error) as error:
        raise InputError(f"{archive}: not a zip archive, or damaged ({error}); copy or make it again") from error
    for member in members:
        name = member.filename.replace("\\", "/")  # as some Windows programs write it
        if name.endswith("/"):
            yield Member(_checked_name(archive, name), "folder")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield Member(_checked_name(archive, name), "link")
        else:
            _check_readable(archive, member)
            place = (member.header_offset, member.compress_size, member.file_size, member.compress_type, member.CRC)
            yield Member(_checked_name(archive, name), "file", member.file_size, place)


def tar_members(archive: str, file: IO[bytes]) -> Iterator[Member]:
    """The members of the plain tar archive in `file`.

    archive: what messages call it. Raises InputError where it is damaged, after the members before that place.
    """
    try:
        with tarfile.open(fileobj=_Headers(file), mode="r:") as tar:
            yield from _tar_members(archive, tar, file)
    except (tarfile.TarError, EOFError, OverflowError, IndexError, KeyError, RecursionError) as error:
        raise _not_a_tar(archive, error) from error
    except ValueError as error:
        if isinstance(error, InputError):  # from whoever reads on
            raise
        raise _not_a_tar(archive, error) from error  # what tarfile raises on damaged headers, by kind of header


def read_zip(file: IO[bytes], place: Sequence[int], name: str) -> bytes:
    """The bytes of the zip member at `place`, and never more than it declares.

    Raises OSError, naming it, when it is damaged, or is not of the size that it declares.
    """
    _, packed, size, _, crc = map(int, place)
    _check_bounds(name, size)
    if size > max(LARGE, MAX_EXPANSION * packed):
        raise damaged(name, f"{packed / 2**20:,.1f} MiB that declare to be {size / 2**20:,.0f} MiB when unpacked")
    take(size)
    data = _unpacked_zip(file, place, name, size)
    if zlib.crc32(data) != crc:
        raise damaged(name, "its checksum is another")
    return data


def head(file: IO[bytes], member: Member, count: int) -> bytes:
    """The first bytes of a member; none of one that cannot be read."""
    count = min(count, member.size)
    try:
        if len(member.place) == len(("header", "packed", "size", "method", "crc")):
            return b"".join(_inflated(file, member.place, count))
        file.seek(member.place[0])
        return file.read(count)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, struct.error, zlib.error, lzma.LZMAError):
        return b""


def read_tar(file: IO[bytes], place: Sequence[int], name: str) -> bytes:
    """The bytes of the tar member at `place`. Raises OSError, naming it, when they are cut short."""
    start, size = map(int, place)
    _check_bounds(name, size)
    take(size)
    file.seek(start)
    return _whole(file.read(size), size, name)


def check_size(where: str, size: int) -> None:
    """Raise InputError when a member called `where` is larger than MAX_MEMBER."""
    if size > MAX_MEMBER:
        raise InputError(
            f"{where}: {size / 2**20:,.0f} MiB when unpacked; a file of an archive may have {MAX_MEMBER // 2**20} MiB"
        )


def damaged(name: str, why: str) -> OSError:
    """The error of a member that cannot be read."""
    return OSError(errno.EIO, f"damaged in the archive: {why}", name)


def _check_bounds(name: str, size: int) -> None:
    if not 0 <= size <= MAX_MEMBER:
        why = f"{size / 2**20:,.0f} MiB when unpacked; a file of an archive may have {MAX_MEMBER // 2**20} MiB"
        raise OSError(errno.EFBIG, why, name)


def _unpacked_zip(file: IO[bytes], place: Sequence[int], name: str, size: int) -> bytes:
    unpacked = io.BytesIO()  # which holds them once, and a list of pieces twice
    try:
        for piece in _inflated(file, place, size + 1):
            unpacked.write(piece)
    except (zipfile.BadZipFile, EOFError, ValueError, struct.error, zlib.error, lzma.LZMAError) as error:
        raise damaged(name, str(error)) from error
    data = unpacked.getvalue()
    if len(data) > size:
        raise damaged(name, f"more than the {size:,} bytes that it declares")
    return _whole(data, size, name)


def _inflated(file: IO[bytes], place: Sequence[int], count: int) -> Iterator[bytes]:
    """Up to `count` unpacked bytes of a zip member."""
    start, packed, _, method, _ = map(int, place)
    file.seek(start)
    _skip_zip_header(file)
    return inflated(file, packed, method, count)


class _Headers(io.BufferedIOBase):
    """A tar as tarfile is let read it: what it says of one member is short, however large it declares that to be."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size or 0:,} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _tar_members(archive: str, tar: tarfile.TarFile, file: IO[bytes]) -> Iterator[Member]:
    ends = 0
    places: dict[str, tuple[int, int]] | None = None  # of every file before, once a hard link asks for one
    while (member := tar.next()) is not None:
        tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - it would keep a kilobyte for each member
        if tar.offset <= ends or member.size < 0:  # a negative size would lead round for ever
            raise tarfile.ReadError("a member ends before it begins")
        ends = tar.offset
        name = _checked_name(archive, member.name)
        if member.isdir():
            yield Member(name, "folder")
        elif member.isreg() and not member.issparse():
            place = (member.offset_data, member.size)
            if places is not None:
                places[name] = place
            yield Member(name, "file", member.size, place)
        elif member.islnk():  # the bytes are its target's, which comes before it
            places = _places_before(file, member.offset) if places is None else places
            place = places.get(_normal(member.linkname))
            if place is not None:
                places[name] = place
            yield Member(name, "link") if place is None else Member(name, "file", place[1], place)
        else:
            yield Member(name, "link")
    file.seek(tar.offset)
    if any(file.read(tarfile.BLOCKSIZE)):  # tarfile takes a header that it cannot read for the end
        raise tarfile.ReadError(f"the header at byte {tar.offset:,} is damaged")


def _places_before(file: IO[bytes], end: int) -> dict[str, tuple[int, int]]:
    """Where the bytes of each file of a tar archive are that comes before the byte `end`."""
    found: dict[str, tuple[int, int]] = {}
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None and member.offset < end:
            tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - as above
            if member.isreg() and not member.issparse():
                found[_normal(member.name)] = (member.offset_data, member.size)
    return found


def _not_a_tar(archive: str, error: Exception) -> InputError:
    return InputError(f"{archive}: not a tar archive, or damaged ({error}); copy or make it again")


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


def _normal(name: str) -> str:
    """A member's name as a path from the archive's top."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _checked_name(archive: str, name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"{archive}: a member's name has {len(name):,} characters, {name[:40]!r} and so on; no more than "
            f"{LONGEST_NAME:,} can be read"
        )
    return _normal(name)


def _whole(data: bytes, size: int, name: str) -> bytes:
    if len(data) != size:
        raise damaged(name, f"{len(data):,} of {size:,} bytes")
    return data


def no_room(archive: str, where: str, error: OSError) -> RunFailed:
    """The error of an archive that could not be unpacked into the folder `where`."""
    return RunFailed(f"{archive}: could not be unpacked into {where} ({error.strerror or error})")
