"""What a zip member is packed with, unpacked with a bound on what comes out: Python's own reader has none for bzip2."""

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

_CHUNK = 2**18  # packed bytes at a time
_MAX_DICTIONARY = 256 * 2**20  # bytes that LZMA may ask for; its strongest setting takes 64 MiB


def inflated(file: IO[bytes], packed: int, method: int, count: int) -> Iterator[bytes]:
    """Up to `count` unpacked bytes of the `packed` ones that come next in `file`, in pieces.

    Raises zlib.error, OSError, EOFError, lzma.LZMAError or struct.error when they are damaged.
    """
    if method == zipfile.ZIP_STORED:
        yield file.read(min(packed, count))
        return
    stream, left = _stream(file, method), packed
    if method == zipfile.ZIP_LZMA:
        left -= 9
    while count > 0 and not stream.eof:
        data = b""
        if stream.needs_input:
            data = file.read(min(left, _CHUNK))
            left -= len(data)
            if not data:
                return
        piece = stream.decompress(data, count)
        count -= len(piece)
        yield piece


class _Deflate:
    """zlib's decompressor with the interface of the others."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def _stream(file: IO[bytes], method: int) -> _Deflate | bz2.BZ2Decompressor | lzma.LZMADecompressor:
    if method == zipfile.ZIP_LZMA:
        return _lzma(file.read(9))
    return bz2.BZ2Decompressor() if method == zipfile.ZIP_BZIP2 else _Deflate()


def _lzma(properties: bytes) -> lzma.LZMADecompressor:
    """What unpacks a zip member of LZMA whose first 9 bytes these are (PKWARE's APPNOTE, 5.8.8)."""
    size, first, dictionary = struct.unpack("<2xHBL", properties)
    if size != 5 or first >= 9 * 5 * 5 or dictionary > _MAX_DICTIONARY:
        raise lzma.LZMAError(f"it asks for {dictionary / 2**20:,.0f} MiB of memory, or its properties are damaged")
    kind = {"id": lzma.FILTER_LZMA1, "lc": first % 9, "lp": first // 9 % 5, "pb": first // 45, "dict_size": dictionary}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[kind])
