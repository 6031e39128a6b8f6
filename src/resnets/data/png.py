"""PNG without the chunks that change no pixel: the ones that are too large, or damaged, make Pillow refuse the rest."""

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_PIXELS = frozenset({b"tRNS"})  # ancillary by name, and still of the picture
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_ORIENTATION = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # texts that can say which way up it is
_LIMIT = 16 * 2**20  # bytes of such a text, unpacked

Chunk = tuple[bytes, bytes, bytes]  # kind, body, and the whole as it is stored


def pixels_only(data: bytes) -> bytes:
    """The file without ancillary chunks, but for transparency and what says the orientation.

    A damaged file is given back with its damage, where that is in the chunks of the pixels.
    """
    return SIGNATURE + b"".join(map(_kept, _chunks(data)))


def _chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to the end of the picture; what is cut short comes last, as it is."""
    at = len(SIGNATURE)
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + size
        yield kind, data[at + 8 : end - 4] if end <= len(data) else b"", data[at:end]
        if kind == b"IEND":
            return
        at = end


def _kept(chunk: Chunk) -> bytes:
    kind, body, whole = chunk
    if not kind[:1].islower() or kind in _PIXELS:
        return whole
    if int.from_bytes(whole[-4:], "big") != zlib.crc32(kind + body):
        return b""
    if kind == b"eXIf":
        return whole
    return _said_plainly(kind, body) if kind in _TEXT and body.startswith(_ORIENTATION) else b""


def _said_plainly(kind: bytes, body: bytes) -> bytes:
    """A text about the orientation as a chunk without compression, of which Pillow unpacks 1 MiB; none if damaged."""
    keyword, _, rest = body.partition(b"\0")
    if kind != b"iTXt":
        text = _unpacked(rest[1:]) if kind == b"zTXt" else rest
        return _chunk(b"tEXt", keyword + b"\0" + text) if text else b""
    _, _, text = [*rest[2:].split(b"\0", 2), b"", b""][:3]  # after its language and its translated keyword
    text = _unpacked(text) if rest[:1] == b"\1" else text
    return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text) if text else b""


def _unpacked(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(packed, _LIMIT)
    except zlib.error:
        return b""
    return text if stream.eof else b""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
