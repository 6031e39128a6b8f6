"""Evaluation preprocessing equals torchvision's and timm's, to the bit."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from resnets.base.errors import InputError
from resnets.data.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Fit,
    Interpolation,
    Preprocessing,
    from_dict,
    to_dict,
)
from tests import pictures
from tests.peers import create_transform, torchvision

SIZES = [(300, 200), (200, 300), (257, 256), (224, 224), (97, 411), (640, 51), (31, 30)]


def ours(preprocessing: Preprocessing, image: Image.Image) -> torch.Tensor:
    return preprocessing.normalize(torch.from_numpy(preprocessing.pixels(image))[None])[0]


def torchvisions(size: int, resize: int | tuple[int, int], interpolation: str, image: Image.Image) -> torch.Tensor:
    t = torchvision.transforms
    pipeline = t.Compose(
        [
            t.Resize(resize, interpolation=t.InterpolationMode(interpolation)),
            t.CenterCrop(size),
            t.ToTensor(),
            t.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    return torch.as_tensor(pipeline(image))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", SIZES)
def test_crop_equals_torchvision_to_the_bit(size: tuple[int, int], interpolation: Interpolation) -> None:
    image = Image.fromarray(pictures.picture(0, 3, size))
    preprocessing = Preprocessing(size=112, resize=128, interpolation=interpolation)
    assert torch.equal(ours(preprocessing, image), torchvisions(112, 128, interpolation, image))


@pytest.mark.parametrize("size", SIZES)
def test_squash_equals_torchvision_to_the_bit(size: tuple[int, int]) -> None:
    image = Image.fromarray(pictures.picture(1, 4, size))
    preprocessing = Preprocessing(size=112, resize=128, fit="squash")
    assert torch.equal(ours(preprocessing, image), torchvisions(112, (128, 128), "bilinear", image))


@pytest.mark.parametrize("fit", ["crop", "squash"])
@pytest.mark.parametrize("size", SIZES)
def test_ten_crops_are_torchvisions_to_the_bit(size: tuple[int, int], fit: Fit) -> None:
    image = Image.fromarray(pictures.picture(2, 5, size))
    t = torchvision.transforms
    resized = t.Resize(128 if fit == "crop" else (128, 128))(image)
    expected = np.stack([np.asarray(crop) for crop in t.TenCrop(97)(resized)])
    found = Preprocessing(size=97, resize=128, fit=fit).views(image, "crops")
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("size", "margin"), [(32, 1), (96, 3), (20, 1)])
def test_ten_crops_of_what_has_the_networks_size_are_shifts_with_mirrored_pixels(size: int, margin: int) -> None:
    image = pictures.picture(2, 5, (size, size))
    found = Preprocessing(size=size, resize=size).views(image, "crops")
    padded = torchvision.transforms.functional.pad(Image.fromarray(image), [margin], padding_mode="reflect")
    expected = np.stack([np.asarray(crop) for crop in torchvision.transforms.TenCrop(size)(padded)])
    assert np.array_equal(found, expected)
    assert np.array_equal(found[4], image)


def test_an_image_of_a_single_pixel_has_ten_crops() -> None:
    one = np.full((1, 1, 3), 7, np.uint8)
    assert np.array_equal(Preprocessing(size=1, resize=1).views(one, "crops"), np.full((10, 1, 1, 3), 7, np.uint8))


def test_flipped_views_are_the_image_and_its_mirror_image() -> None:
    image = pictures.picture(2, 5, (60, 40))
    preprocessing = Preprocessing(size=32, resize=36)
    plain = preprocessing.pixels(image)
    assert np.array_equal(preprocessing.views(image, "flip"), np.stack([plain, np.flip(plain, 1)]))
    assert np.array_equal(preprocessing.views(image, "none"), plain[None])


def test_crops_of_a_padded_image_and_of_many_channels_have_the_networks_size() -> None:
    image = pictures.picture(0, 1, (64, 20))
    crops = Preprocessing(size=32, resize=40, fit="pad").views(image, "crops")
    assert crops.shape == (10, 32, 32, 3)
    five = np.concatenate([image, image[:, :, :2]], axis=2)
    many = Preprocessing(size=32, resize=36, channels=5, mean=(0.5,) * 5, std=(0.5,) * 5)
    crops = many.views(five, "crops")
    assert crops.shape == (10, 32, 32, 5)
    assert np.array_equal(crops[4], many.pixels(five))


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(1, 40), more=st.integers(0, 12))
def test_crop_equals_torchvision_at_any_size(width: int, height: int, size: int, more: int) -> None:
    image = Image.fromarray(pictures.picture(2, width, (width, height)))
    preprocessing = Preprocessing(size=size, resize=size + more)
    assert torch.equal(ours(preprocessing, image), torchvisions(size, size + more, "bilinear", image))


@pytest.mark.parametrize(("mode", "fit"), [("center", "crop"), ("squash", "squash"), ("border", "pad")])
@pytest.mark.parametrize("crop_pct", [0.875, 1.0])
@pytest.mark.parametrize("size", SIZES)
def test_every_fit_equals_timms_crop_mode_to_the_bit(
    size: tuple[int, int], crop_pct: float, mode: str, fit: Fit
) -> None:
    image = Image.fromarray(pictures.picture(0, 5, size))
    theirs: Any = create_transform(
        112, is_training=False, crop_pct=crop_pct, crop_mode=mode, interpolation="bicubic",
        mean=IMAGENET_MEAN, std=IMAGENET_STD,
    )  # fmt: skip
    preprocessing = Preprocessing(size=112, resize=int(112 / crop_pct), fit=fit, interpolation="bicubic")
    assert torch.equal(ours(preprocessing, image), torch.as_tensor(theirs(image)))


def test_a_picture_so_thin_that_its_resize_would_fill_the_memory_is_refused_unless_it_need_not_grow() -> None:
    thin = Image.new("RGB", (1, 60_000))
    with pytest.raises(InputError, match=r"1 x 60000 is so long and thin .* 80 million pixels; crop it"):
        Preprocessing().pixels(thin)
    assert Preprocessing(fit="squash").pixels(thin).shape == (224, 224, 3)
    assert Preprocessing(fit="pad").pixels(thin).shape == (224, 224, 3)


def test_a_picture_and_its_array_are_seen_alike() -> None:
    pixels = pictures.picture(1, 6, (50, 40))
    preprocessing = Preprocessing(size=24, resize=28)
    assert np.array_equal(preprocessing.pixels(pixels), preprocessing.pixels(Image.fromarray(pixels)))


def test_many_channels_are_each_seen_as_a_grey_picture_is() -> None:
    planes = np.random.default_rng(0).integers(0, 256, (40, 50, 5), dtype=np.uint8)
    many = Preprocessing(size=24, resize=28, channels=5, mean=(0.5,) * 5, std=(0.5,) * 5)
    one = Preprocessing(size=24, resize=28, channels=1, mean=(0.5,), std=(0.5,))
    expected = np.concatenate([one.pixels(planes[:, :, c]) for c in range(5)], axis=2)
    assert np.array_equal(many.pixels(planes), expected)


def test_the_networks_input_is_in_channels_last_order() -> None:
    pixels = torch.from_numpy(pictures.picture(0, 0, (16, 16)))[None]
    assert Preprocessing(size=16, resize=16).normalize(pixels).is_contiguous(memory_format=torch.channels_last)


def test_preprocessing_survives_json() -> None:
    value = Preprocessing(size=96, resize=110, fit="pad", interpolation="bicubic", mean=(0.1, 0.2, 0.3))
    assert from_dict(to_dict(value)) == value


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"size": 0}, "size = 0"),
        ({"size": "big"}, "size = 'big'"),
        ({"fit": "stretch"}, "must be crop or squash or pad"),
        ({"interpolation": "nearest"}, "interpolation = 'nearest'"),
        ({"resize": 100}, "resize = 100: must be at least size = 224"),
        ({"mean": [0.5]}, "needs 3 numbers"),
        ({"mean": "abc"}, "needs 3 numbers"),
        ({"std": [0.2, 0.0, 0.2]}, "each must be at least 1e-06"),
        ({"std": [0.2, 1e-320, 0.2]}, "each must be at least 1e-06"),
        ({"mean": [0.2, 1e308, 0.2]}, "of at most 1,000,000"),
        ({"size": 10**9, "resize": 10**9}, "size = 1000000000: must be a whole number from 1 to 4096"),
        ({"sizes": 3}, "unknown field 'sizes'; did you mean size"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_preprocessing_that_cannot_work_is_refused_with_the_rule(fields: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        from_dict(fields)


def test_mean_and_deviation_are_put_on_the_device_once_not_in_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    preprocessing = Preprocessing(size=16, resize=16, mean=(0.4, 0.5, 0.61), std=(0.2, 0.25, 0.31))
    pixels = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    with torch.inference_mode():  # what is kept must serve training too
        first = preprocessing.normalize(pixels)
    monkeypatch.delattr(torch, "tensor")
    weight = torch.ones((), requires_grad=True)
    again = preprocessing.normalize(pixels)
    (again * weight).sum().backward()
    assert torch.equal(again, first)
    assert weight.grad is not None
