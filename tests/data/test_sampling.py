"""The order of an epoch: every image once, or repeated as timm repeats, or each class as often as any other."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import WeightedRandomSampler

from resnets.data import augmentation
from resnets.data.augmentation_settings import Sampler
from resnets.data.sampling import balanced, views
from tests.peers import distributed_sampler

LABELS = np.repeat([0, 1, 2, 3], [60, 30, 6, 4])


@given(
    count=st.integers(1, 400),
    classes=st.integers(1, 9),
    repeats=st.integers(1, 5),
    sampler=st.sampled_from(["all", "balanced"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_an_epoch_has_as_many_views_as_images_and_each_has_its_own_numbers(
    count: int, classes: int, repeats: int, sampler: Sampler, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, count)
    images, rows = views(labels, seed=seed, epoch=3, sampler=sampler, repeats=repeats)
    assert len(images) == count
    assert np.array_equal(np.sort(rows), np.arange(count))
    assert images.min() >= 0
    assert images.max() < count
    again = views(labels, seed=seed, epoch=3, sampler=sampler, repeats=repeats)
    assert np.array_equal(images, again[0])
    assert np.array_equal(rows, again[1])


def test_without_repeats_and_balance_every_image_is_shown_once_with_its_own_row() -> None:
    images, rows = views(LABELS, seed=0, epoch=0)
    assert np.array_equal(images, rows)
    assert not np.array_equal(images, views(LABELS, seed=0, epoch=1)[0])


@pytest.mark.parametrize(("count", "repeats"), [(100, 3), (100, 1), (256, 3), (1000, 3), (1001, 4)])
def test_images_are_repeated_as_timms_sampler_repeats_them(count: int, repeats: int) -> None:
    labels = np.zeros(count, np.int64)
    images, rows = views(labels, seed=5, epoch=2, repeats=repeats)
    peer = distributed_sampler.RepeatAugSampler(range(count), 1, 0, shuffle=False, num_repeats=repeats)
    theirs = np.array(list(peer))
    place = np.argsort(rows)  # of each image in the shuffled order, which timm's sampler leaves alone here
    assert np.array_equal(place[images][: len(theirs)], theirs)  # timm stops at a multiple of 256 images
    assert len(np.unique(images)) == -(-count // repeats)


def test_a_balanced_epoch_has_each_class_as_often_and_no_image_much_more_often() -> None:
    images = balanced(LABELS, 100, np.random.default_rng(0))
    assert np.bincount(LABELS[images]).tolist() == [25, 25, 25, 25]
    shown = np.bincount(images, minlength=100)
    assert shown[:60].max() == 1
    assert set(shown[90:96]) == {4, 5}
    assert np.sort(np.bincount(LABELS[balanced(LABELS, 6, np.random.default_rng(0))])).tolist() == [1, 1, 2, 2]


def test_the_views_of_a_balanced_epoch_are_balanced_when_repeated() -> None:
    images, _ = views(LABELS, seed=0, epoch=0, sampler="balanced", repeats=5)
    assert np.bincount(LABELS[images]).tolist() == [25, 25, 25, 25]


def test_images_are_as_likely_as_torchs_weighted_sampler_draws_them() -> None:
    epochs, count = 400, len(LABELS)
    ours = np.concatenate([views(LABELS, seed=1, epoch=epoch, sampler="balanced")[0] for epoch in range(epochs)])
    weights = (1 / np.bincount(LABELS)[LABELS]).tolist()
    draw = torch.Generator().manual_seed(0)
    theirs = np.array(list(WeightedRandomSampler(weights, epochs * count, generator=draw)))
    expected = np.array(weights) / np.sum(weights)
    deviation = np.sqrt(expected / (epochs * count))
    for drawn in (ours, theirs):
        # Of 100 frequencies none is five deviations of a binomial away; ours spread less, as images take turns.
        assert (np.abs(np.bincount(drawn, minlength=count) / len(drawn) - expected) < 5 * deviation).all()


def test_balanced_order_depends_on_seed_and_epoch_alone() -> None:
    one = balanced(LABELS, 100, augmentation.generator(1, 2, augmentation.BALANCE))
    assert np.array_equal(one, views(LABELS, seed=1, epoch=2, sampler="balanced")[0])
    assert not np.array_equal(one, views(LABELS, seed=2, epoch=2, sampler="balanced")[0])
