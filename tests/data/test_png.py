"""A PNG whose pixels are whole is read, whatever else is in the file."""

import io
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.data import decoding
from tests import pictures

PIXELS = pictures.picture(1, 0, (13, 7))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def chunk(kind: bytes, body: bytes, *, crc: int = 0) -> bytes:
    """A chunk; crc: what is added to its checksum."""
    return len(body).to_bytes(4, "big") + kind + body + ((zlib.crc32(kind + body) + crc) % 2**32).to_bytes(4, "big")


def png(pixels: NDArray[np.generic], colour: int, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of 8 or 16 bits of colour type `colour`, with chunks before and after the pixels."""
    height, width = pixels.shape[:2]
    deep = pixels.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(">u2" if deep == 16 else "u1").tobytes() for row in pixels)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([deep, colour, 0, 0, 0])
    image = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + image + after + chunk(b"IEND", b"")


def exif(orientation: int) -> bytes:
    return b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0\0\0\0\0"


EXIF_AS_TEXT = b"\nexif\n32\n" + (b"Exif\0\0" + exif(6)).hex().encode()


def decoded(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(decoding.decode(data, channels=3, name="x.png"))


BOMB = zlib.compress(bytes(3 << 20))
ODD = {
    "text": chunk(b"zTXt", b"Comment\0\0" + BOMB),
    "international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
    "colour profile": chunk(b"iCCP", b"profile\0\0" + BOMB),
    "wrong checksum": chunk(b"tEXt", b"Comment\0hello", crc=1),
    "wrong checksum of a time": chunk(b"tIME", bytes(7), crc=1),
    "damaged text": chunk(b"zTXt", b"Comment\0\0no zlib"),
    "xmp of 3 MiB": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(3 << 20))),
    "exif as text, damaged": chunk(b"zTXt", b"Raw profile type exif\0\0no zlib"),
    "gamma of no length": chunk(b"gAMA", b""),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("odd", ODD)
def test_chunks_that_change_no_pixel_are_left_out(odd: str, place: str) -> None:
    assert np.array_equal(decoded(png(PIXELS, 2, **{place: ODD[odd]})), PIXELS)


@pytest.mark.parametrize("odd", ["text", "wrong checksum"])
@pytest.mark.parametrize(
    "said",
    [
        chunk(b"eXIf", exif(6)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP + b" " * (3 << 20))),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(EXIF_AS_TEXT)),
    ],
    ids=["exif", "xmp", "packed-xmp", "large-xmp", "exif-as-text"],
)  # fmt: skip
def test_the_orientation_is_kept_beside_such_chunks(said: bytes, odd: str) -> None:
    turned = np.ascontiguousarray(np.rot90(PIXELS, 1))
    assert np.array_equal(decoded(png(turned, 2, before=ODD[odd] + said)), PIXELS)
    assert np.array_equal(decoded(png(turned, 2, after=said + ODD[odd])), PIXELS)


def test_transparency_and_palettes_are_of_the_picture() -> None:
    grey = np.array([[0, 7], [7, 200]], np.uint8)
    data = png(grey, 0, before=chunk(b"tRNS", b"\0\x07") + ODD["text"])
    assert decoded(data)[:, :, 0].tolist() == [[0, 255], [255, 200]]
    palette = chunk(b"PLTE", bytes([10, 20, 30, 90, 80, 70]))
    assert decoded(png(np.array([[0, 1]], np.uint8), 3, before=palette + ODD["text"]))[0].tolist() == [
        [10, 20, 30], [90, 80, 70],
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [20, 40, 70, -40])
def test_damage_in_the_picture_itself_is_still_damage(cut: int) -> None:
    with pytest.raises(InputError, match=r"x\.png: .*damaged"):
        decoded(png(PIXELS, 2, before=ODD["wrong checksum"])[:cut])


def test_a_wrong_checksum_of_the_pixels_is_damage() -> None:
    data = bytearray(png(PIXELS, 2))
    data[data.index(b"IDAT") + 40] ^= 1
    with pytest.raises(InputError, match=r"x\.png: .*damaged"):
        decoded(bytes(data))


def test_a_text_of_pillows_own_is_no_fault_either() -> None:
    from PIL.PngImagePlugin import PngInfo

    info, buffer = PngInfo(), io.BytesIO()
    info.add_text("workflow", "x" * (2 << 20), zip=True)
    Image.fromarray(PIXELS).save(buffer, "PNG", pnginfo=info)
    assert np.array_equal(decoded(buffer.getvalue()), PIXELS)
