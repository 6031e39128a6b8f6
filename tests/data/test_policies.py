"""RandAugment changes pictures as timm's does, TrivialAugment as torchvision's, bit for bit on photographs."""

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

from resnets.data import policies
from tests.peers import auto_augment, torchvision

BICUBIC, BILINEAR = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR
GREY, MEAN = 116, (124, 116, 104)
# Our names of timm's set, in timm's words.
TIMMS = {
    "auto-contrast": "AutoContrast", "equalize": "Equalize", "invert": "Invert", "rotate": "Rotate",
    "posterize": "PosterizeIncreasing", "solarize": "SolarizeIncreasing", "solarize-add": "SolarizeAdd",
    "color": "ColorIncreasing", "contrast": "ContrastIncreasing", "brightness": "BrightnessIncreasing",
    "sharpness": "SharpnessIncreasing", "shear-x": "ShearX", "shear-y": "ShearY", "translate-x": "TranslateXRel",
    "translate-y": "TranslateYRel",
}  # fmt: skip
timms: Any = auto_augment
torchvisions: Any = torchvision.transforms.autoaugment


def photographs(mode: str) -> list[Image.Image]:
    """Two photographs, of which neither side is even."""
    flower = Image.fromarray(load_sample_image("flower.jpg")).resize((161, 107), BILINEAR)
    china = Image.fromarray(load_sample_image("china.jpg")).crop((200, 100, 321, 243))
    return [flower.convert(mode), china.convert(mode)]


def fill(image: Image.Image) -> int | tuple[int, ...]:
    return GREY if image.mode == "L" else MEAN


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def test_the_changes_are_timms_increasing_set_in_its_order() -> None:
    assert [TIMMS[name] for name in policies.RAND_AUGMENT] == timms._RAND_INCREASING_TRANSFORMS


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("name", policies.RAND_AUGMENT)
def test_a_change_of_rand_augment_is_timms_bit_for_bit(name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for image in photographs(mode):
        for level in (0.0, 1.3, 5.0, 6.62, 7.0, 9.99, 10.0)[: 6 if name == "posterize" else 7]:
            for sign, draw in ((1, 0.25), (-1, 0.75)):
                for resample in (BILINEAR, BICUBIC):
                    monkeypatch.setattr(timms, "random", SimpleNamespace(random=lambda draw=draw: draw))
                    settings = {"img_mean": fill(image), "interpolation": resample}
                    theirs = timms.AugmentOp(TIMMS[name], prob=1.0, magnitude=level, hparams=settings)(image)
                    ours = policies.rand_augment_op(image, name, level, sign=sign, fill=fill(image), resample=resample)
                    assert same(ours, theirs), (level, sign)


def test_the_strongest_posterize_keeps_a_bit_where_timm_asks_pillow_for_none() -> None:
    image = photographs("RGB")[0]
    with pytest.raises(ValueError, match="bits must be between"):
        timms.AugmentOp("PosterizeIncreasing", prob=1.0, magnitude=10)(image)
    strongest = policies.rand_augment_op(image, "posterize", 10, sign=1, fill=MEAN, resample=BILINEAR)
    assert set(strongest.tobytes()) == {0, 128}


class Script:
    """timm's random choices, read from one of our rows of numbers."""

    def __init__(self, numbers: np.ndarray, ops: int) -> None:
        self.rows = numbers.reshape(ops, 4).tolist()
        self.draws: list[float] = []
        self.strength = 0.0

    def choice(self, items: list[Any], count: int, **_: Any) -> Iterator[Any]:
        for which, whether, strength, coin in self.rows[:count]:
            self.draws, self.strength = [whether, coin], strength
            yield items[int(which * len(items))]

    def random(self) -> float:
        return self.draws.pop(0)

    def gauss(self, mean: float, deviation: float) -> float:
        return mean + deviation * policies._normal(self.strength)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("ops", [1, 2, 3])
def test_rand_augment_is_timms_given_the_same_choices(ops: int, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photographs(mode)[0]
    settings = {"img_mean": fill(image), "interpolation": BICUBIC}
    transform = timms.rand_augment_transform(f"rand-m7-n{ops}-mstd0.5-inc1", settings)
    rows = np.random.default_rng(0).random((150, 4 * ops), dtype=np.float32)
    for numbers in rows:
        script = Script(numbers, ops)
        with monkeypatch.context() as patched:
            patched.setattr(timms, "random", script)
            patched.setattr(timms, "np", SimpleNamespace(random=script))
            theirs = transform(image)
        ours = policies.rand_augment(
            image, numbers, ops=ops, magnitude=7, spread=0.5, fill=fill(image), resample=BICUBIC
        )
        assert same(ours, theirs)


def test_levels_spread_as_timms_do() -> None:
    uniform = np.random.default_rng(0).random(20_000, dtype=np.float32)
    ours = np.array([policies._normal(float(number)) for number in uniform])
    draw = random.Random(0)
    theirs = np.array([draw.gauss(0, 1) for _ in range(20_000)])
    # Four deviations of the difference between two shares of 20,000, each of at most one half.
    for threshold in (-2, -1, 0, 0.5, 1.5):
        assert abs((ours < threshold).mean() - (theirs < threshold).mean()) < 0.02
    assert np.isfinite([policies._normal(0.0), policies._normal(1 - 2**-24)]).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("name", policies.TRIVIAL_AUGMENT)
def test_a_change_of_trivial_augment_is_torchvisions_bit_for_bit(name: str, mode: str) -> None:
    space = torchvisions.TrivialAugmentWide()._augmentation_space(31)
    theirs_name = list(space)[policies.TRIVIAL_AUGMENT.index(name)]
    assert theirs_name.lower() == name.replace("-", "")
    magnitudes, signed = space[theirs_name]
    nearest = torchvision.transforms.InterpolationMode.NEAREST
    for image in photographs(mode):
        for strength in range(31):
            for sign in (1, -1):
                magnitude = (sign if signed else 1) * float(magnitudes[strength] if magnitudes.ndim else 0)
                theirs = torchvisions._apply_op(image, theirs_name, magnitude, interpolation=nearest, fill=None)
                ours = policies.trivial_augment_op(image, name, strength, sign=sign)
                assert same(ours, theirs), (strength, sign)


def test_trivial_augment_is_torchvisions_given_the_same_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    image = photographs("RGB")[1]
    transform = torchvisions.TrivialAugmentWide()
    for numbers in np.random.default_rng(1).random((150, 3), dtype=np.float32):
        draws = iter(numbers.tolist())

        def randint(high: int, _: Any, draws: Iterator[float] = draws, **__: Any) -> np.ndarray:
            draw = next(draws)
            return np.array(int(draw * high) if high != 2 else draw >= 0.5)

        with monkeypatch.context() as patched:
            patched.setattr(torchvisions.torch, "randint", randint)
            theirs = transform(image)
        assert same(policies.trivial_augment(image, numbers), theirs)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 5])),
    ops=st.integers(1, 4),
    magnitude=st.floats(0, 10),
    spread=st.floats(0, 5),
)
def test_a_policy_keeps_shape_and_type_and_is_a_function_of_its_numbers(
    seed: int, shape: tuple[int, int, int], ops: int, magnitude: float, spread: float
) -> None:
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, shape, dtype=np.uint8)
    numbers = draw.random(4 * ops, dtype=np.float32)

    def rand(image: Image.Image, numbers: np.ndarray, fill: policies.Fill) -> Image.Image:
        return policies.rand_augment(
            image, numbers, ops=ops, magnitude=magnitude, spread=spread, fill=fill, resample=BILINEAR
        )

    def trivial(image: Image.Image, numbers: np.ndarray, _: policies.Fill) -> Image.Image:
        return policies.trivial_augment(image, numbers[:3])

    for policy in (rand, trivial):
        before = pixels.copy()
        changed = policies.on_pixels(pixels, numbers, policy, tuple(range(shape[2])))
        assert changed.shape == shape
        assert changed.dtype == np.uint8
        assert np.array_equal(pixels, before)
        assert np.array_equal(policies.on_pixels(pixels, numbers, policy, tuple(range(shape[2]))), changed)


def test_the_channels_of_an_array_change_alike() -> None:
    plane = np.asarray(photographs("L")[0])
    pixels = np.stack([plane] * 5, axis=2)
    numbers = np.array([0.0, 0.9, 0.3], np.float32)
    for which in range(14):
        numbers[0] = (which + 0.5) / 14
        changed = policies.on_pixels(
            pixels, numbers, lambda image, row, _: policies.trivial_augment(image, row), (0,) * 5
        )
        alone = np.asarray(policies.trivial_augment(Image.fromarray(plane), numbers))
        assert all(np.array_equal(changed[:, :, channel], alone) for channel in range(5))
