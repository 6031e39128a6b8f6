"""JPEG files for training: nearly Pillow's pixels at the file's size, and what is unusual is left to Pillow."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from resnets.base.errors import InputError
from resnets.data import jpeg
from resnets.data.augmentation import COLUMNS, RandomBox, resized_box
from resnets.data.preprocessing import Preprocessing

SIZE = (151, 98)  # whole blocks of 8 or 16 in neither direction
SMALL = Preprocessing(size=24, resize=24)


def smooth(mode: str = "RGB") -> Image.Image:
    """Colours that change slowly, as in a photograph's background."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def wanted(share: float = 0.5, size: int = 24) -> RandomBox:
    return RandomBox(np.full(COLUMNS, share, np.float32), 0.9, size)


def pillows(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30}])
@pytest.mark.parametrize(("mode", "subsampling"), [("L", 2), ("RGB", 0)])
def test_grey_and_whole_colours_have_pillows_pixels_to_the_bit(
    mode: str, subsampling: int, options: dict[str, Any]
) -> None:
    data = encoded(smooth(mode), subsampling=subsampling, **options)
    assert jpeg.size_if_plain(data) == SIZE
    found = jpeg.decoded(data, *SIZE)
    assert found is not None
    assert np.array_equal(found, pillows(data))


@pytest.mark.parametrize("subsampling", [1, 2])
def test_halved_colours_are_close_to_pillows_and_no_colour_is_stronger_over_all(subsampling: int) -> None:
    data = encoded(smooth(), subsampling=subsampling)
    found = jpeg.decoded(data, *SIZE)
    assert found is not None
    difference = found.astype(int) - pillows(data).astype(int)
    assert 0 < abs(difference).mean() < 4  # of 255, in a picture of strong colours; 0.3 in photographs
    assert (abs(difference.mean((0, 1))) < 0.5).all()


def test_each_thread_decodes_into_memory_of_its_own() -> None:
    black, white = (encoded(Image.new("RGB", SIZE, colour)) for colour in ("black", "white"))
    first = jpeg.decoded(black, *SIZE)
    with ThreadPoolExecutor(1) as other:
        elsewhere = other.submit(jpeg.decoded, white, *SIZE).result()
        assert first is not None
        assert elsewhere is not None
        assert (first.max(), elsewhere.min()) == (0, 255)
        jpeg.decoded(white, *SIZE)
        assert first.min() == 255  # the same memory, as it says


def test_a_picture_too_large_to_keep_has_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "KEPT", 1000)
    black, white = (jpeg.decoded(encoded(Image.new("RGB", SIZE, colour)), *SIZE) for colour in ("black", "white"))
    assert black is not None
    assert white is not None
    assert (black.max(), white.min()) == (0, 255)


@pytest.mark.parametrize("part", [2, 4, 8])
def test_a_part_of_the_size_is_the_whole_picture_made_smaller(part: int) -> None:
    data = encoded(smooth(), quality=95)
    found = jpeg.decoded(data, *SIZE, part=part)
    assert found is not None
    assert found.shape == (-(-SIZE[1] // part), -(-SIZE[0] // part), 3)
    width, height = (side // part for side in SIZE)  # of whole pixels: those at an odd edge cover less of the picture
    scaled = smooth().crop((0, 0, width * part, height * part)).resize((width, height), Image.Resampling.BOX)
    difference = abs(found[:height, :width].astype(int) - np.asarray(scaled).astype(int))
    assert difference.mean() < 2  # of 255: quality 95, and colours that are stored at half the size


def spied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The heights that libjpeg was asked for, from now on."""
    heights: list[int] = []
    decode = simplejpeg.decode_jpeg

    def listening(data: bytes, colours: str, **options: Any) -> np.ndarray:
        heights.append(simplejpeg.decode_jpeg_header(data)[0])
        return decode(data, colours, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg", listening)
    return heights


@pytest.mark.parametrize("part", [1, 2, 4, 8])
@pytest.mark.parametrize(("mode", "subsampling"), [("L", 2), ("RGB", 0), ("RGB", 1), ("RGB", 2)])
def test_rows_to_the_bottom_of_a_box_are_those_of_the_whole_picture(
    mode: str, subsampling: int, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(smooth(mode), subsampling=subsampling)
    decoded = jpeg.decoded(data, *SIZE, part=part)
    assert decoded is not None
    whole, heights = decoded.copy(), spied(monkeypatch)
    for bottom in range(1, len(whole) + 1):
        found = jpeg.decoded(data, *SIZE, part=part, bottom=bottom)
        assert found is not None
        assert len(found) >= bottom
        assert np.array_equal(found, whole[: len(found)])
    assert set(heights) == {32, 64, 96, 98}


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 2}, {"restart_marker_rows": 1}])
def test_a_file_whose_pixels_are_not_in_one_piece_is_decoded_whole(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = spied(monkeypatch)
    found = jpeg.decoded(encoded(smooth(), **options), *SIZE, bottom=20)
    assert found is not None
    assert (len(found), heights) == (98, [98])


@pytest.mark.parametrize("left_out", [1, 2, 50])
def test_a_file_that_is_cut_short_below_the_box_is_refused_too(left_out: int) -> None:
    data = encoded(smooth())[:-left_out]
    assert jpeg.decoded(data, *SIZE, bottom=20) is None


def test_a_fault_within_the_box_is_left_to_pillow() -> None:
    """Here the pixels end too early, so that the marker of the end comes first."""
    data = encoded(smooth())
    assert jpeg.decoded(data[:-1500] + data[-2:], *SIZE, bottom=90) is None


@pytest.mark.parametrize(
    ("box", "size", "part"),
    [((0, 0, 100, 48), 24, 2), ((0, 0, 100, 47), 24, 1), ((0, 0, 96, 96), 24, 4), ((0, 0, 999, 192), 24, 8)],
)
def test_a_file_is_decoded_smaller_only_where_the_box_keeps_enough_pixels(
    box: tuple[int, int, int, int], size: int, part: int
) -> None:
    assert jpeg.fraction(box, size) == part


def test_a_box_stays_inside_the_smaller_picture() -> None:
    assert jpeg.part_of((0, 0, 151, 98), 8, *SIZE) == (0, 0, 19, 12)
    assert jpeg.part_of((150, 97, 151, 98), 8, *SIZE) == (18, 12, 19, 13)


@pytest.mark.parametrize(
    "data",
    [
        encoded(smooth(), exif=turned(6)),
        encoded(smooth(), comment=b"first", exif=turned(6)),
        encoded(smooth())[:20],
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x02\xff",
        encoded(smooth("CMYK")),
        encoded(smooth(), keep_rgb=True),
        b"\xff\xd8\xff nothing",
        b"GIF89a",
    ],
)
def test_what_is_turned_in_other_colours_or_no_jpeg_is_left_to_pillow(data: bytes) -> None:
    assert jpeg.size_if_plain(data) is None


def test_a_picture_that_exif_turns_is_cropped_as_it_stands_upright() -> None:
    data = encoded(smooth(), exif=turned(6))
    found = SMALL.resized_crop_of_file(data, wanted(), name="a.jpg")
    with Image.open(io.BytesIO(data)) as image:
        upright = image.transpose(Image.Transpose.ROTATE_270)
    assert np.array_equal(found, SMALL.resized_crop(upright, wanted()))


def test_a_file_that_is_cut_short_is_refused_by_name() -> None:
    data = encoded(smooth())
    assert jpeg.decoded(data[: len(data) // 2], *SIZE) is None
    with pytest.raises(InputError, match=r"a\.jpg: the image is damaged or cut short"):
        SMALL.resized_crop_of_file(data[: len(data) // 2], wanted(), name="a.jpg")


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_box_is_resized_as_pillow_does_but_for_rounding(channels: int, interpolation: Any) -> None:
    pixels = np.random.default_rng(channels).integers(0, 256, (60, 80, channels), dtype=np.uint8)
    box = (7, 5, 71, 52)
    found = resized_box(pixels, box, 24, interpolation)
    resampling = Preprocessing(interpolation=interpolation).resampling
    planes = [Image.fromarray(plane).crop(box).resize((24, 24), resampling) for plane in np.moveaxis(pixels, 2, 0)]
    theirs = np.stack([np.asarray(plane) for plane in planes], axis=2)
    assert found.shape == (24, 24, channels)
    assert abs(found.astype(int) - theirs.astype(int)).max() <= 1  # each rounds its weights in its own way
