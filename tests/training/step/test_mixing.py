"""Mixup and CutMix equal timm's, given the same random numbers, bit for bit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnets.data.augmentation_settings import Mixing, MixPer
from resnets.training.step.mixing import cut_box, mix
from tests.peers import mixup as timms

CLASSES = 7


def batch(size: int, seed: int = 0, height: int = 11, width: int = 14) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalized images, and labels."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, height, width, generator=draw)
    return images, torch.randint(CLASSES, (size,), generator=draw)


def smoothed(labels: torch.Tensor, smoothing: float = 0.1) -> torch.Tensor:
    off = smoothing / CLASSES
    return timms.one_hot(labels, CLASSES, on_value=1 - smoothing + off, off_value=off)


def timms_from(random: np.random.Generator) -> SimpleNamespace:
    """numpy as timm sees it, drawing from `random`."""
    draws = SimpleNamespace(
        rand=random.random, beta=random.beta, randint=lambda low, high, size=None: random.integers(low, high, size=size)
    )
    names = ("ones", "zeros", "where", "sqrt", "clip", "float32")
    return SimpleNamespace(random=draws, **{name: getattr(np, name) for name in names})


@pytest.mark.parametrize("mix_per", ["batch", "image"])
@pytest.mark.parametrize(
    ("mixup", "cutmix", "probability"),
    [(0.2, 0.0, 1.0), (0.0, 1.0, 1.0), (0.1, 1.0, 1.0), (0.8, 1.0, 0.6), (0.4, 0.0, 0.5), (0.0, 0.3, 0.5)],
)
def test_what_is_mixed_equals_timms_bit_for_bit(
    mixup: float, cutmix: float, probability: float, mix_per: MixPer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Mixing(mixup=mixup, cutmix=cutmix, mix_probability=probability, mix_switch=0.4, mix_per=mix_per)
    peer = timms.Mixup(
        mixup_alpha=mixup,
        cutmix_alpha=cutmix,
        prob=probability,
        switch_prob=0.4,
        mode="elem" if mix_per == "image" else "batch",
        label_smoothing=0.1,
        num_classes=CLASSES,
    )
    for seed in range(40):
        images, labels = batch(6, seed)
        monkeypatch.setattr(timms, "np", timms_from(np.random.default_rng(seed)))
        their_images, their_targets = peer(images.clone(), labels)
        ours = mix(images, smoothed(labels), settings=settings, random=np.random.default_rng(seed))
        assert torch.equal(ours[0], their_images)
        assert torch.equal(ours[1], their_targets)


@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 9),
    alphas=st.tuples(st.floats(0, 5), st.floats(0, 5)),
    probabilities=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    mix_per=st.sampled_from(["batch", "image"]),
)
def test_targets_still_sum_to_one_and_pixels_stay_within_their_pair(
    seed: int, size: int, alphas: tuple[float, float], probabilities: tuple[float, float], mix_per: MixPer
) -> None:
    settings = Mixing(
        mixup=alphas[0],
        cutmix=alphas[1],
        mix_probability=probabilities[0],
        mix_switch=probabilities[1],
        mix_per=mix_per,
    )
    images, labels = batch(size, seed)
    targets = smoothed(labels)
    before = images.clone(), targets.clone()
    mixed, mixed_targets = mix(images, targets, settings=settings, random=np.random.default_rng(seed))
    assert torch.equal(images, before[0])
    assert torch.equal(targets, before[1])
    # Sums and blends of float32: a few units in the last place of numbers below 5.
    assert torch.allclose(mixed_targets.sum(1), torch.ones(size), atol=1e-6)
    assert (mixed_targets >= 0).all()
    for one, other in ((mixed, images), (mixed_targets, targets)):
        pair = torch.stack([other, other.flip(0)])
        assert (one >= pair.amin(0) - 2e-6).all()
        assert (one <= pair.amax(0) + 2e-6).all()
    again = mix(images, targets, settings=settings, random=np.random.default_rng(seed))
    assert torch.equal(mixed, again[0])


@pytest.mark.parametrize("mix_per", ["batch", "image"])
def test_a_batch_of_one_and_a_batch_that_is_not_to_be_mixed_are_left_alone(mix_per: MixPer) -> None:
    images, labels = batch(1)
    targets = smoothed(labels)
    strong = Mixing(mixup=1.0, cutmix=1.0, mix_per=mix_per)
    alone = mix(images, targets, settings=strong, random=np.random.default_rng(0))
    assert torch.equal(alone[0], images)
    assert torch.equal(alone[1], targets)
    images, labels = batch(4)
    off = mix(images, smoothed(labels), settings=Mixing(mix_per=mix_per), random=np.random.default_rng(0))
    assert torch.equal(off[0], images)


def test_a_label_counts_as_much_as_its_pixels() -> None:
    """The patterns of zero and one tell exactly how many pixels of each image there are."""
    images = torch.zeros(2, 1, 16, 16)
    images[1] = 1
    targets = torch.eye(2)
    for mix_per in ("batch", "image"):
        settings = Mixing(cutmix=1.0, mix_per=mix_per)
        for seed in range(50):
            mixed, labels = mix(images, targets, settings=settings, random=np.random.default_rng(seed))
            # Both are multiples of 1/256, which float32 holds exactly.
            assert torch.equal(mixed.mean((1, 2, 3)), labels[:, 1])


@given(seed=st.integers(0, 1000), height=st.integers(1, 30), width=st.integers(1, 30), share=st.floats(0, 1))
def test_a_box_lies_in_the_image_and_is_no_larger_than_asked(seed: int, height: int, width: int, share: float) -> None:
    top, bottom, left, right = cut_box((height, width), share, np.random.default_rng(seed))
    assert 0 <= top <= bottom <= height
    assert 0 <= left <= right <= width
    assert (bottom - top) * (right - left) <= (1 - share) * height * width + 1e-9  # the root and its square


def test_memory_order_is_kept() -> None:
    images, labels = batch(4)
    images = images.contiguous(memory_format=torch.channels_last)
    for settings in (Mixing(mixup=1.0), Mixing(cutmix=1.0), Mixing(mixup=1.0, cutmix=1.0, mix_per="image")):
        mixed, _ = mix(images, smoothed(labels), settings=settings, random=np.random.default_rng(0))
        assert mixed.is_contiguous(memory_format=torch.channels_last)
