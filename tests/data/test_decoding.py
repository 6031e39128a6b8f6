"""Every kind of image file becomes the pixels a viewer would show."""

import io
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnets.base.errors import InputError
from resnets.data import decoding
from tests import pictures

PIXELS = pictures.picture(1, 0, (13, 7))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_lossless_file_gives_the_pixels_that_were_saved(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(PIXELS), kind, **options)
    assert np.array_equal(np.asarray(decoding.decode(data, channels=3, name="x")), PIXELS)


def test_a_jpeg_gives_pillows_own_pixels() -> None:
    data = encoded(Image.fromarray(PIXELS), "JPEG", quality=90)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(np.asarray(decoding.decode(data, channels=3, name="x")), expected)


def test_a_gif_gives_its_first_frame() -> None:
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    data = encoded(red, "GIF", save_all=True, append_images=[blue])
    assert np.asarray(decoding.decode(data, channels=3, name="x"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright_whatever_its_exif_orientation(orientation: int) -> None:
    stored = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
              5: lambda a: np.rot90(np.flipud(a), 3), 6: lambda a: np.rot90(a, 1),
              7: lambda a: np.rot90(np.flipud(a), 1), 8: lambda a: np.rot90(a, 3)}[orientation](PIXELS)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    assert np.array_equal(np.asarray(decoding.decode(data, channels=3, name="x")), PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_a_photograph_whose_exif_is_cut_short_is_read_as_it_is_stored(kind: str) -> None:
    options = {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {"dpi": (72, 72)}}[kind]  # Pillow asks no EXIF for dpi
    plain = encoded(Image.fromarray(PIXELS), kind, **options)
    data = encoded(Image.fromarray(PIXELS), kind, exif=b"Exif\0\0MM\0*\0", **options)
    expected = np.asarray(decoding.decode(plain, channels=3, name="x"))
    assert np.array_equal(np.asarray(decoding.decode(data, channels=3, name="x")), expected)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(decoding.upright(image, name="x")), expected)


def short_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF of these tags, each with its kind, how many values it has, and the four bytes that hold or point to them."""
    fields = b"".join(
        tag.to_bytes(2) + kind.to_bytes(2) + count.to_bytes(4) + held for tag, kind, count, held in entries
    )
    pointed_to = bytes([0, 0, 0, 72, 0, 0, 0, 1])  # 72 / 1, at byte 64
    head = b"MM\0*\0\0\0\x08" + len(entries).to_bytes(2) + fields + bytes(4)
    return b"Exif\0\0" + head.ljust(64, b"\0") + pointed_to


@pytest.mark.parametrize(
    "odd", [(0x0128, 2, 2, b"2\0\0\0"), (0x0131, 5, 1, bytes([0, 0, 0, 64]))], ids=["short-as-text", "text-as-ratio"]
)
def test_a_photograph_is_turned_once_whatever_else_its_exif_holds(odd: tuple[int, int, int, bytes]) -> None:
    exif = short_exif((0x0112, 3, 1, b"\0\x06\0\0"), odd)
    data = encoded(Image.fromarray(np.ascontiguousarray(np.rot90(PIXELS, 1))), "PNG", exif=exif)
    turned = decoding.decode(data, channels=3, name="x")
    assert np.array_equal(np.asarray(turned), PIXELS)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(decoding.upright(image, name="x")), PIXELS)
    assert np.array_equal(np.asarray(decoding.upright(turned, name="x")), PIXELS)


def test_transparent_pixels_lie_over_white() -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (200, 0, 0, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    pixels = np.asarray(decoding.decode(encoded(Image.fromarray(rgba), "PNG"), channels=3, name="x"))
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[0, 1].tolist() == [127, 127, 127]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_a_palette_with_a_transparent_colour_lies_over_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 90, 80, 70])
    image.putpixel((1, 0), 1)
    pixels = np.asarray(decoding.decode(encoded(image, "PNG", transparency=0), channels=3, name="x"))
    assert pixels[0].tolist() == [[255, 255, 255], [90, 80, 70]]


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    pixels = np.asarray(decoding.decode(encoded(Image.fromarray(values), "PNG"), channels=1, name="x"))
    assert pixels.tolist() == [[0, 1, 128, 255]]


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = np.asarray(decoding.decode(encoded(image, "JPEG", quality=95), channels=3, name="x"))[4, 4]
    assert red > 240
    assert max(green, blue) < 15


def test_grey_repeats_into_three_channels_and_colour_becomes_luma() -> None:
    grey = Image.fromarray(PIXELS[:, :, 0])
    three = np.asarray(decoding.decode(encoded(grey, "PNG"), channels=3, name="x"))
    assert (three == PIXELS[:, :, :1]).all()
    luma = np.asarray(decoding.decode(encoded(Image.fromarray(PIXELS), "PNG"), channels=1, name="x"))
    assert np.abs(luma - PIXELS @ [0.299, 0.587, 0.114]).max() <= 0.51  # rounded to whole numbers


def test_channels_can_be_left_to_the_file() -> None:
    assert decoding.decode(encoded(Image.fromarray(PIXELS[:, :, 0]), "PNG"), channels=None, name="x").mode == "L"
    assert decoding.decode(encoded(Image.fromarray(PIXELS), "PNG"), channels=None, name="x").mode == "RGB"


def header_only_png(width: int, height: int) -> bytes:
    """A valid PNG header with hardly any data behind it: what a decompression bomb looks like at first."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9_000, 10_000, 60_000])
def test_a_bomb_is_refused_by_its_size(side: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow's own, below its error
        with pytest.raises(InputError, match=r"bomb\.png: .*more than 80 million pixels"):
            decoding.decode(header_only_png(side, side), channels=3, name="bomb.png")


JPEG = encoded(Image.fromarray(pictures.picture(0, 0, (64, 64))), "JPEG")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"this is a text", "not an image"),
        (JPEG[: len(JPEG) // 2], "damaged or cut short"),
        (encoded(Image.fromarray(PIXELS), "PNG")[:60], "damaged or cut short"),
        (b"%PDF-1.4", "not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "not an image|damaged"),
        (encoded(Image.fromarray(np.ones((3, 3), np.float32)), "TIFF"), "floating-point"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_fault(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=rf"photo\.jpg: .*?({why})"):
        decoding.decode(data, channels=3, name="photo.jpg")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jpg: cannot be read \(No such file"):
        decoding.decode_file(tmp_path / "gone.jpg", channels=3)


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((4, 4, 3), np.float32), "pixels are float32; they must be uint8"),
        (np.zeros((4,), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_an_array_that_is_no_image_is_refused(array: np.ndarray, why: str) -> None:
    with pytest.raises(InputError, match=why):
        decoding.from_array(array)
