"""Images of more than 8 bits keep their contrast: the range of a data set is found, stored and used everywhere."""

import io
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import resnets
from resnets import api, handing_on
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.data import preprocessing as preprocessings
from resnets.data.checkup import survey
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from tests.data.test_png import chunk, png
from tests.data.test_tiff import tiff
from tests.training.samples import TINY


def narrow(label: int, seed: int, *, low: int = 474, high: int = 554) -> NDArray[np.uint16]:
    """16-bit pixels of a few levels, of which class 1 has the higher half at the left."""
    random = np.random.default_rng([label, seed])
    pixels = random.integers(low, (low + high) // 2, (32, 32))
    pixels[:, :16] += label * (high - low) // 2
    pixels[0, 0], pixels[0, 1] = low, high
    return pixels.astype(np.uint16)


def folder(root: Path, form: str, *, count: int = 6) -> Path:
    """Two classes of deep pictures: "png", "tif", or "colour.png", "alpha.png", "signed.tif", "float.tif"."""
    for label, name in enumerate(("left", "none")):
        (root / name).mkdir(parents=True)
        for seed in range(count):
            pixels = narrow(1 - label, seed)
            made = {
                "png": lambda pixels=pixels: saved(Image.fromarray(pixels), "PNG"),
                "tif": lambda pixels=pixels: saved(Image.fromarray(pixels), "TIFF"),
                "colour.png": lambda pixels=pixels: png(np.stack([pixels] * 3, 2), 2),
                "alpha.png": lambda pixels=pixels: png(np.stack([pixels, np.full_like(pixels, 65535)], 2), 4),
                "colour.tif": lambda pixels=pixels: tiff(np.stack([pixels] * 3, 2), photometric=2),
                "signed.tif": lambda pixels=pixels: tiff(pixels.astype(np.int16) - 500),
                "float.tif": lambda pixels=pixels: tiff(pixels.astype(np.float32) / 1000),
            }[form]()
            (root / name / f"{seed}.{form.rpartition('.')[2]}").write_bytes(made)
    return root


def saved(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "expected"),
    [("png", (474, 554)), ("tif", (474, 554)), ("colour.png", (474, 554)), ("alpha.png", (474, 554)),
     ("colour.tif", (474, 554)), ("signed.tif", (-26, 54)), ("float.tif", (0.474, 0.554))],
)  # fmt: skip
def test_the_range_of_deep_images_is_found_and_gives_them_their_contrast(
    form: str, expected: tuple[float, float], tmp_path: Path
) -> None:
    data = folder(tmp_path / "data", form)
    found = survey(open_source(data)).range
    assert found == pytest.approx(expected)
    path = next((data / "left").iterdir())
    image = Preprocessing(range=found).decoded_file(path)
    pixels = np.asarray(image)[:, :, 0].astype(int)
    eight_bits = np.floor((narrow(1, int(path.stem)) - 474.0) * 255 / 80 + 0.5)
    assert np.abs(eight_bits - pixels).max() <= 1  # halves, in floats


def test_a_run_says_the_range_and_its_classifier_predicts_by_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = folder(tmp_path / "data", "png")
    tiny = TINY
    resnets.train(data, out=tmp_path / "run", settings={"epochs": 1, "spec": tiny}, plan="usual")
    assert "range 474 to 554: that of the images' values" in caplog.text
    assert "range = [474.0, 554.0]" in (tmp_path / "run" / "recipe.toml").read_text()
    classifier = resnets.load(tmp_path / "run" / "classifier.safetensors")
    assert classifier.preprocessing.range == (474, 554)
    assert classifier.preprocessing.std[0] > 0.2
    handing_on.export(tmp_path / "run", "onnx", out=tmp_path / "c.onnx")
    assert api.open_predictor(tmp_path / "c.onnx").preprocessing == classifier.preprocessing


def test_evaluation_prediction_and_an_export_see_the_same_pixels_of_deep_images(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", "tif")
    torch.manual_seed(0)
    classifier = Classifier(
        network=resnets.resnet("cifar_resnet20", num_classes=2, in_channels=1),
        classes=("left", "none"),
        preprocessing=Preprocessing(size=32, resize=32, channels=1, mean=(0.5,), std=(0.3,), range=(474.0, 554.0)),
    )
    classifier.save(tmp_path / "c.safetensors")
    images = open_source(data)
    scored = classifier.scored(images, split="all").logits
    paths = [images.image_name(index) for index in range(len(images))]
    found = classifier.predict([Path(path) for path in paths], top=2)
    pillow = classifier.predict([Image.open(path) for path in paths], top=2)
    assert len({one.answers for one in found}) > 1, "every image is one constant colour"
    assert [one.answers for one in found] == [one.answers for one in pillow]
    assert [one.label for one in found] == [classifier.classes[place] for place in scored.argmax(axis=1)]


def test_a_dead_pixel_does_not_make_all_images_one_colour(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", "png", count=8)
    pixels = narrow(1, 0)
    pixels[5, 5] = 65535
    (data / "left" / "0.png").write_bytes(saved(Image.fromarray(pixels), "PNG"))
    found = survey(open_source(data)).range
    assert found is not None
    assert 474 <= found[0] < found[1] <= 554


def test_images_that_use_all_of_16_bits_are_scaled_whole_as_ever(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for seed in range(2):
            pixels = narrow(0, seed, low=9, high=60_000)
            (tmp_path / "data" / name / f"{seed}.png").write_bytes(saved(Image.fromarray(pixels), "PNG"))
    assert survey(open_source(tmp_path / "data")).range is None


def test_eight_bit_images_have_no_range_and_a_header_without_one_is_read_as_before(tmp_path: Path) -> None:
    usual = Preprocessing()
    assert "range" not in preprocessings.to_dict(usual)
    assert preprocessings.from_dict(preprocessings.to_dict(usual)).range is None
    deep = Preprocessing(range=(-26.0, 54.0))
    assert preprocessings.from_dict({**preprocessings.to_dict(deep), "range": [-26.0, 54.0]}) == deep
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16)), "PNG"))
    assert np.asarray(usual.decoded_file(path))[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("value", [(5.0,), (5.0, 5.0), (9.0, 5.0), (0.0, float("inf")), "0 to 9", (0.0, "9")])
@pytest.mark.usefixtures("unchecked")
def test_a_range_that_cannot_be_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InputError, match=r"preprocessing range = .*: must be two numbers, the smaller first"):
        Preprocessing(range=value)  # pyright: ignore[reportArgumentType] # the point of the test


def test_a_pixel_that_is_no_number_is_the_least(tmp_path: Path) -> None:
    pixels = np.array([[0.0, 1.0], [np.nan, np.inf]], np.float32)
    image = Preprocessing(channels=1, mean=(0.5,), std=(0.5,), range=(0.0, 1.0)).decoded(tiff(pixels), name="x")
    assert np.asarray(image).tolist() == [[0, 255], [0, 255]]


def test_chunks_beside_the_pixels_of_a_deep_png_do_no_harm() -> None:
    data = png(np.stack([narrow(0, 0)] * 3, 2), 2, before=chunk(b"tEXt", b"a\0b"))
    image = Preprocessing(range=(474.0, 554.0)).decoded(data, name="x")
    assert np.asarray(image)[0, :2].tolist() == [[0] * 3, [255] * 3]
