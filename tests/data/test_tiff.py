"""A TIFF gives the pixels that its tags say, or is refused by what it has."""

import struct
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.data import decoding
from resnets.data.depth import Range

FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff(
    pixels: NDArray[np.generic],
    *,
    photometric: int = 1,
    planes: int = 1,
    order: Literal["<", ">"] = "<",
    **tags: tuple[int, ...],
) -> bytes:
    """An uncompressed TIFF of one strip a plane; tags: `t322=(1,)` adds or replaces one, with SHORT values."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    strips = [stored.tobytes()]
    if planes == 2:
        strips = [np.ascontiguousarray(stored[:, :, band]).tobytes() for band in range(samples)]
    at = [8 + sum(map(len, strips[:place])) for place in range(len(strips))]
    fields: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("H", (width,)), 257: ("H", (height,)), 258: ("H", (8 * pixels.dtype.itemsize,) * samples),
        259: ("H", (1,)), 262: ("H", (photometric,)), 273: ("L", tuple(at)), 277: ("H", (samples,)),
        278: ("H", (height,)), 279: ("L", tuple(map(len, strips))), 284: ("H", (planes,)),
        339: ("H", (FORMATS[pixels.dtype.kind],) * samples),
    } | {int(name[1:]): ("H", values) for name, values in tags.items()}  # fmt: skip
    body = b"".join(strips)
    directory = 8 + len(body)
    extra_at = directory + 2 + 12 * len(fields) + 4
    entries, extra = b"", b""
    for tag, (kind, values) in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            place, extra = struct.pack(f"{order}L", extra_at + len(extra)), extra + packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHL", tag, {"H": 3, "L": 4}[kind], len(values)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HL", 42, directory)
    return head + body + struct.pack(f"{order}H", len(fields)) + entries + bytes(4) + extra


def decoded(data: bytes, channels: int = 1, span: Range | None = None) -> list[object]:
    return np.asarray(decoding.decode(data, channels=channels, name="scan.tif", span=span)).tolist()


DEEP = np.array([[0, 257], [32768, 65535]], np.uint16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bits_in_which_white_is_zero_are_the_right_way_round(order: Literal["<", ">"]) -> None:
    assert decoded(tiff(DEEP, order=order)) == [[0, 1], [128, 255]]
    if order == "<":  # Pillow knows no other
        assert decoded(tiff(DEEP, photometric=0, order=order)) == [[255, 254], [127, 0]]
        assert decoded(tiff(DEEP, photometric=0, order=order), span=(65278, 65535)) == [[255, 0], [0, 0]]


def test_8_bits_in_which_white_is_zero_are_the_right_way_round() -> None:
    assert decoded(tiff(np.array([[0, 9], [200, 255]], np.uint8), photometric=0)) == [[255, 246], [55, 0]]


@pytest.mark.parametrize("kind", ["i1", "i2", "i4"])
def test_signed_pixels_keep_their_order(kind: str) -> None:
    pixels = np.array([[-100, -1], [0, 100]], kind)
    assert decoded(tiff(pixels), span=(-100, 100)) == [[0, 126], [128, 255]]
    with pytest.raises(InputError, match=r"scan\.tif: pixels from -100 to 100"):
        decoded(tiff(pixels))


COLOURS = np.arange(2 * 3 * 3).reshape(2, 3, 3)


def test_planes_of_8_bits_are_put_together() -> None:
    pixels = (COLOURS * 10).astype(np.uint8)
    assert decoded(tiff(pixels, photometric=2, planes=2), channels=3) == pixels.tolist()


@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_of_16_bits_are_scaled_by_a_range(order: Literal["<", ">"]) -> None:
    data = tiff((COLOURS + 500).astype(np.uint16), photometric=2, order=order)
    assert decoded(data, channels=3, span=(500, 517)) == (COLOURS * 15).tolist()
    assert decoded(data, channels=3) == np.where(COLOURS + 500 < 512, 1, 2).tolist()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            tiff((COLOURS * 3000).astype(np.uint16), photometric=2, planes=2),
            "TIFF with separate planes .tag 284",
        ),
        (tiff(np.zeros((4, 4), np.float32), photometric=0), "32-bit floating-point TIFF in which white is zero"),
        (tiff(np.zeros((4, 4), np.int16), photometric=0), "16-bit signed TIFF in which white is zero .tag 262"),
        (tiff(np.zeros((4, 4, 6), np.uint8), photometric=2, t338=(0, 0, 0)), "a TIFF with 6 bands"),
        (tiff(np.zeros((4, 4, 5), np.uint8), photometric=2, t338=(0, 0)), "a TIFF with 5 bands"),
        (tiff(np.zeros((4, 4, 13), np.uint16)), "a TIFF with 13 bands"),
        (tiff(np.zeros((4, 4, 3), np.int8), photometric=2), "3 8-bit signed bands .tag 339"),
        (tiff(np.zeros((4, 4), np.uint8), t339=(6,)), "sample format 6 .tag 339"),
        (tiff(np.zeros((4, 4, 3), np.uint8), photometric=2, t258=(5, 6, 5)), "5, 6, 5 bits .tag 258"),
        (tiff(np.zeros((4, 4), np.float64)), "1 band, 64 bits floating-point"),
        (tiff(np.full((4, 4), 2**31, np.uint32)), "values above 2,147,483,647"),
    ],
)
def test_pixels_that_would_come_out_wrong_are_refused_by_name(data: bytes, why: str) -> None:
    for span in (None, (0.0, 9.0)):
        with pytest.raises(InputError, match=rf"scan\.tif: .*{why}"):
            decoded(data, span=span)
