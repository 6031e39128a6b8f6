"""Every kind of picture is known by its content; what cannot be read is named, counted, and never dropped unsaid."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from resnets.base.errors import InputError
from resnets.data import decoding
from resnets.data.checkup import survey
from resnets.data.sources import open_source
from tests import pictures
from tests.data.samples import fill, png, refusal, rows
from tests.data.test_archives import pack

PIXELS = pictures.picture(1, 0, (24, 16))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40
FORMATS = {"photo.ppm": "PPM", "photo.jp2": "JPEG2000", "photo.tga": "TGA", "photo.avif": "AVIF", "photo.webp": "WEBP"}


def encoded(form: str, pixels: np.ndarray = PIXELS) -> bytes:
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    buffer = io.BytesIO()
    options = {"AVIF": {"quality": 100, "subsampling": "4:4:4"}, "WEBP": {"lossless": True}}.get(form, {})
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_from_a_folder_by_its_suffix(name: str, tmp_path: Path) -> None:
    data = encoded(FORMATS[name])
    fill(tmp_path, ["a/1.png", "b/2.png"])
    (tmp_path / "b" / name).write_bytes(data)
    images = open_source(tmp_path)
    assert [file for file, _, _ in rows(images)] == ["1.png", "2.png", name]
    found = np.asarray(decoding.decode(data, channels=3, name=name)).astype(int)
    assert np.abs(found - PIXELS).max() <= (8 if FORMATS[name] == "AVIF" else 0)


def test_a_pgm_of_12_bits_and_one_of_a_small_maximum_are_scaled_by_what_they_say() -> None:
    deep = b"P5 2 1 4095\n" + np.array([0, 4095], ">u2").tobytes()
    assert np.asarray(decoding.decode(deep, channels=1, name="x")).tolist() == [[0, 255]]
    assert np.asarray(decoding.decode(b"P2 2 1 15\n0 15\n", channels=1, name="x")).tolist() == [[0, 255]]


@pytest.mark.parametrize("kind", ["folder", ".zip", ".tar", ".tar.gz"])
def test_a_file_without_a_suffix_is_looked_into(kind: str, tmp_path: Path) -> None:
    files = {"a/0001": png("x"), "a/2.png": png("y"), "b/IMG_3": encoded("WEBP"), "b/README": b"how these were made"}
    if kind == "folder":
        for name, data in files.items():
            (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / name).write_bytes(data)
    source = tmp_path / "set" if kind == "folder" else pack(tmp_path / f"set{kind}", files)
    images = open_source(source)
    assert [(name, label) for name, label, _ in rows(images)] == [("0001", "a"), ("2.png", "a"), ("IMG_3", "b")]
    assert images.notes == (f"1 file that is not an image was left out, such as {source}/b/README",)
    assert not survey(images).bad


def test_what_cannot_be_read_is_counted_by_kind_with_what_would_help(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png", "b/2.png"])
    for name in ("a/1.heic", "b/2.HEIC", "b/3.jxl", "b/4"):
        (tmp_path / name).write_bytes(HEIC)
    assert open_source(tmp_path).notes == (
        f"3 HEIC files, which cannot be read, such as {tmp_path}/a/1.heic: reading it needs pillow-heif: "
        "pip install 'resnets[heic]'",
        f"1 JPEG XL file, which cannot be read, such as {tmp_path}/b/3.jxl: save it as PNG or JPEG",
    )


def test_a_folder_of_only_unread_pictures_is_not_called_one_without_images(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.heic").write_bytes(HEIC)
    assert "no images that can be read, only 2 HEIC files" in refusal(tmp_path)
    assert "pip install 'resnets[heic]'" in refusal(tmp_path)
    assert "only 2 HEIC files" in refusal(pack(tmp_path / "only.zip", {"a/1.heic": HEIC, "b/2.heic": HEIC}))


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (HEIC, "x.heic", r"a HEIC file, which cannot be read; .* pip install 'resnets\[heic\]'"),
        (HEIC, "x.jpg", "a HEIC file, which cannot be read"),
        (encoded("TIFF"), "x.NEF", "a camera raw file, which cannot be read; develop it"),
        (b"\xff\x0a" + bytes(20), "x", "a JPEG XL file"),
        (bytes(128) + b"DICM", "x", "a DICOM file"),
        (b"8BPS" + bytes(20), "x.png", "a Photoshop file"),
        (b"<svg xmlns='x'/>", "x.svg", "an? SVG file"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named_with_what_would_help(data: bytes, name: str, why: str) -> None:
    with pytest.raises(InputError, match=rf"^{name}: {why}"):
        decoding.decode(data, channels=3, name=name)


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object) -> Image.Image:
        return Image.fromarray(PIXELS)

    def register() -> None:
        Image.register_open("HEIF", opened, lambda prefix: prefix[4:12] == b"ftypheic")  # pyright: ignore[reportArgumentType] # a picture in the place of a file

    monkeypatch.setattr(Image, "OPEN", dict[str, Any](Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=register))  # pyright: ignore[reportArgumentType] # all that is asked of it
    fill(tmp_path, ["a/1.png", "b/2.png"])
    (tmp_path / "b" / "3.heic").write_bytes(HEIC)
    images = open_source(tmp_path)
    assert [name for name, _, _ in rows(images)] == ["1.png", "2.png", "3.heic"]
    assert images.notes == ()
    assert np.array_equal(np.asarray(decoding.decode(HEIC, channels=3, name="x")), PIXELS)
