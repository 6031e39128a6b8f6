"""A safetensors file that carries a SHA-256 of all it holds, so that a flipped byte is noticed.

The file stays an ordinary one: the digest is one more entry of its metadata, over the data and the rest of the header.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

ENTRY = "sha256"
_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 8  # of the data, for those who map it into memory
_CHUNK = 1 << 20


def sealed(content: bytes) -> bytes:
    """A safetensors file's content with its digest in it."""
    (length,) = _LENGTH.unpack_from(content)
    header: dict[str, Any] = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    data = memoryview(content)[_LENGTH.size + length :]
    digest = _header_digest(header)
    digest.update(data)
    return b"".join((*_closed(header, digest), data))


@dataclass(frozen=True)
class Stored:
    """One tensor of a safetensors file."""

    dtype: str  # as safetensors calls it: F32
    array: NDArray[Any]  # its bits, in any order in memory


def write_sealed(file: BinaryIO, tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> None:
    """Write a sealed safetensors file, one tensor after the other, so that no second copy of all is in memory.

    Other threads go on meanwhile: neither the digest nor the writing holds the interpreter.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    ends = 0
    for name, tensor in tensors.items():
        begins, ends = ends, ends + tensor.array.nbytes
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.array.shape), "data_offsets": [begins, ends]}
    digest = _header_digest(header)
    file.write(b"".join(_closed(header, digest)))  # as long as it will be with the digest of all
    for tensor in tensors.values():
        data = np.ascontiguousarray(tensor.array).reshape(-1).view(np.uint8).data
        digest.update(data)
        file.write(data)
    file.seek(0)
    file.write(b"".join(_closed(header, digest)))


def seal_of(path: Path) -> Literal["whole", "broken", "none"]:
    """Whether a file is what was sealed, differs from it, or never was sealed.

    Raises OSError when it cannot be read. What is no safetensors file at all is broken.
    """
    with path.open("rb") as file:
        try:
            header = _header(file)
            stated = header.get("__metadata__", {}).pop(ENTRY, None)
        except (struct.error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return "broken"
        if stated is None:
            return "none"
        digest = _header_digest(header)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return "whole" if digest.hexdigest() == stated else "broken"


def _closed(header: dict[str, Any], digest: "hashlib._Hash") -> tuple[bytes, bytes]:
    """What a sealed file begins with: the length of its header, and the header with the digest in it."""
    header["__metadata__"] = {**header.get("__metadata__", {}), ENTRY: digest.hexdigest()}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return _LENGTH.pack(len(text)), text


def _header(file: BinaryIO) -> dict[str, Any]:
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    if length > Path(file.name).stat().st_size:
        raise ValueError(length)
    return dict(json.loads(file.read(length)))


def _header_digest(header: dict[str, Any]) -> "hashlib._Hash":
    """The digest so far: of the header without any digest in it."""
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode())
