"""The formats that torch.save has had: a zip archive since 1.6, pickles in a row before, a tar archive before that.

Each is pickles and, beside them, the numbers of the tensors. Nothing in them runs.
"""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from resnets.weights import topology
from resnets.weights.rebuilding import Rebuilder
from resnets.weights.stored_tensors import storage_dtype, view, whole
from resnets.weights.unpickling import Persistent, Unpickled, Unreadable, unpickled

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file of pickles
_TAR = ("pickle", "storages", "tensors")

Content = tuple[Any, tuple[str, ...]]  # what the file holds, and the functions named in it that are no weights'


def from_zip(data: bytes, archive: zipfile.ZipFile, *, limit: int) -> Content:
    """What torch.save or torch.jit.save wrote. Raises Unreadable where it is damaged, or writes past its own bytes."""
    members = {info.filename: info for info in archive.infolist()}
    pickled = min((name for name in members if _is_pickle(name)), key=len)
    base = pickled.removesuffix("data.pkl")
    if f"{base}byteorder" in members and _member(data, archive, members[f"{base}byteorder"]) == b"big":
        raise Unreadable("it was written on a big-endian machine")
    read: dict[str, Tensor] = {}

    def storages(name: tuple[Any, ...]) -> Tensor:
        key = str(name[2])
        if key not in read:
            info = members.get(f"{base}data/{key}")
            if info is None:
                raise Unreadable(f"it has no numbers {key:.40}, which a tensor needs")
            read[key] = _flat(_member(data, archive, info))
        return _narrowed(read[key], name)

    found = unpickled(io.BytesIO(_member(data, archive, members[pickled])))
    for name, geometry in _scripted(archive, f"{base}code/", list(members)):
        if name in found.classes:
            found.classes[name].geometry = geometry
    return Rebuilder(storages, limit=limit).value(found.content), found.code


def _scripted(archive: zipfile.ZipFile, folder: str, names: Sequence[str]) -> Iterator[tuple[str, topology.Geometry]]:
    """The convolutions' classes in TorchScript's code, and their geometry."""
    for name in names:
        if name.startswith(f"{folder}__torch__/") and name.endswith(".py"):
            module = name.removeprefix(folder).removesuffix(".py").replace("/", ".")
            yield from topology.scripted(module, archive.read(name).decode("utf-8", "replace"))


def is_torch(archive: zipfile.ZipFile) -> bool:
    """Whether a zip archive is one of torch's."""
    return any(map(_is_pickle, archive.namelist()))


def _is_pickle(name: str) -> bool:
    return name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)


def _member(data: bytes, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | memoryview:
    """A member's bytes, without a copy where it is not compressed."""
    if info.compress_type != zipfile.ZIP_STORED:
        return archive.read(info)
    if info.header_offset + 30 > len(data):
        raise Unreadable("it is damaged: a part of it is missing")
    name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
    start = info.header_offset + 30 + name + extra
    found = memoryview(data)[start : start + info.file_size]
    if len(found) != info.file_size:
        raise Unreadable("it is damaged: a part of it is missing")
    if info.CRC and zlib.crc32(found) != info.CRC:  # torch can be told to write none
        raise Unreadable(f"it is damaged: {info.filename:.80} is not what was written")
    return found


def _flat(data: bytes | memoryview) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if len(data) else torch.empty(0, dtype=torch.uint8)


def _narrowed(data: Tensor, name: tuple[Any, ...]) -> Tensor:
    """The bytes of a storage that a pickle says has so many numbers, of those that there are."""
    size = whole(name[4], "the size of a storage") * storage_dtype(name[1]).itemsize
    if size > len(data):
        raise Unreadable(f"it names {size:,} bytes of numbers, and has {len(data):,}")
    return data[:size]


def from_pickles(data: bytes, *, limit: int) -> Content:
    """What torch.save wrote before 1.6, or pickle.dump. Raises Unreadable where it is neither, or damaged."""
    file = io.BytesIO(data)
    found = unpickled(file)
    if found.content != MAGIC or isinstance(found.content, Persistent):
        rebuilder = Rebuilder(_nothing, limit=limit, nested=lambda one: _nested(one, limit))
        return rebuilder.value(found.content), found.code
    rebuilder, found = _legacy(file, limit)
    return rebuilder.value(found.content), found.code


def _legacy(file: io.BytesIO, limit: int) -> tuple[Rebuilder, Unpickled]:
    """Magic number (read), version, system, content, keys, then for each key a count and the numbers."""
    unpickled(file)
    system = unpickled(file).content
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise Unreadable("it was written on a big-endian machine")
    found = unpickled(file)
    keys = unpickled(file).content
    kinds = {str(name[2]): name[1] for name in found.stored if _names_storage(name)}
    read: dict[str, Tensor] = {}
    for key in keys if isinstance(keys, list) else []:
        if str(key) not in kinds:
            raise Unreadable("it is damaged: its numbers have no names")
        read[str(key)] = _next(file, storage_dtype(kinds[str(key)]))

    def storages(name: tuple[Any, ...]) -> Tensor:
        if str(name[2]) not in read:
            raise Unreadable(f"it has no numbers {name[2]!s:.40}, which a tensor needs")
        data = _narrowed(read[str(name[2])], name)
        _, kind, *_, part = (*name, None)[:6]  # a part of the storage, or None for all of it
        if not isinstance(part, tuple) or len(part) != 3:
            return data
        itemsize = storage_dtype(kind).itemsize
        first, count = (whole(number, "a part of a storage") for number in part[1:])
        return data[first * itemsize :][: count * itemsize].clone()

    return Rebuilder(storages, limit=limit), found


def _names_storage(name: Any) -> bool:
    return isinstance(name, tuple) and len(name) >= 5 and name[0] == "storage"


def _next(file: io.BytesIO, dtype: torch.dtype) -> Tensor:
    """The numbers that stand next in a file, behind their count."""
    head = file.read(8)
    count = struct.unpack("<q", head)[0] if len(head) == 8 else -1
    size = count * dtype.itemsize
    if not 0 <= size <= len(file.getbuffer()) - file.tell():
        raise Unreadable("it is damaged: it ends before its numbers do")
    return _flat(file.read(size))


def _nothing(_: tuple[Any, ...]) -> Tensor:
    raise Unreadable("it has a tensor whose numbers are elsewhere")


def _nested(data: bytes, limit: int) -> tuple[Tensor, torch.dtype]:
    """The storage that is a file of its own, as pickle.dump keeps it."""
    file = io.BytesIO(data)
    if unpickled(file).content != MAGIC:
        raise Unreadable("it has a tensor whose numbers are elsewhere")
    rebuilder, found = _legacy(file, limit)
    return rebuilder.storage(found.content)


def is_torch_tar(archive: tarfile.TarFile) -> bool:
    """Whether a tar archive is one of torch's, of 2016 and 2017."""
    return set(_TAR) <= set(archive.getnames())


def from_tar(archive: tarfile.TarFile, *, limit: int) -> Content:
    """What torch.save wrote before 0.2. Raises Unreadable where it is damaged."""
    pickle, storages, tensors = (_file(archive, name) for name in _TAR)
    known: dict[str, tuple[Tensor, torch.dtype]] = {}
    for _ in _counted(storages):
        key, _, kind = _three(unpickled(storages).content)
        known[str(key)] = (_next(storages, storage_dtype(kind)), storage_dtype(kind))
    views = unpickled(storages).content
    for part in views if isinstance(views, list) else []:
        target, root, offset, count = part if isinstance(part, tuple) and len(part) == 4 else (None, None, 0, 0)
        data, dtype = _of(known, root)
        first = whole(offset, "a part of a storage") * dtype.itemsize
        known[str(target)] = (data[first:][: whole(count, "a part of a storage") * dtype.itemsize].clone(), dtype)
    objects: dict[str, Tensor] = {}
    for _ in _counted(tensors):
        key, root, _ = _three(unpickled(tensors).content)
        axes = whole(_integers(tensors, 1)[0] & 0xFFFFFFFF, "the number of axes")  # of four bytes, and four of nothing
        shape, strides, offset = _integers(tensors, axes), _integers(tensors, axes), _integers(tensors, 1)[0]
        objects[str(key)] = view(*_of(known, root), offset, shape, strides)
    found = unpickled(pickle)
    return Rebuilder(_nothing, limit=limit, objects=objects).value(found.content), found.code


def _file(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    file = archive.extractfile(name)
    if file is None:
        raise Unreadable(f"it is damaged: {name} is no file")
    return io.BytesIO(file.read())


def _counted(file: io.BytesIO) -> Iterator[int]:
    return iter(range(whole(unpickled(file).content, "how many tensors it has")))


def _three(found: Any) -> tuple[Any, Any, Any]:
    if not isinstance(found, tuple) or len(found) != 3:
        raise Unreadable("it is damaged, or no checkpoint")
    return found


def _of(known: dict[str, tuple[Tensor, torch.dtype]], key: Any) -> tuple[Tensor, torch.dtype]:
    if str(key) not in known:
        raise Unreadable(f"it has no numbers {key!s:.40}, which a tensor needs")
    return known[str(key)]


def _integers(file: io.BytesIO, count: int) -> tuple[int, ...]:
    data = file.read(8 * count) if count <= 64 else b""
    if len(data) != 8 * count:
        raise Unreadable("it is damaged: it ends before its numbers do")
    return struct.unpack(f"<{count}q", data)
