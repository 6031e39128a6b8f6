"""Augmentation is a function of the image and its random numbers, and the numbers of (seed, epoch, row)."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from resnets.data import augmentation
from resnets.data.augmentation import COLUMNS
from tests import pictures
from tests.peers import random_erasing, torchvision

BATCH = torch.from_numpy(np.stack([pictures.picture(label, 0, (9, 6)) for label in range(3)]))


def test_a_row_of_the_table_depends_on_seed_epoch_and_row_alone() -> None:
    table = augmentation.table(100, seed=3, epoch=7)
    assert np.array_equal(augmentation.table(40, seed=3, epoch=7), table[:40])
    assert not np.array_equal(augmentation.table(100, seed=3, epoch=8), table)
    assert not np.array_equal(augmentation.table(100, seed=4, epoch=7), table)
    assert table.shape == (100, COLUMNS)


def test_the_table_is_uniform() -> None:
    table = augmentation.table(20_000, seed=0, epoch=0)
    counts = np.histogram(table, bins=10, range=(0, 1))[0]
    assert table.min() >= 0
    assert table.max() < 1
    assert np.abs(counts / table.size - 0.1).max() < 0.003  # four deviations of a count of 160,000


def test_flip_mirrors_where_the_coin_says_and_nowhere_else() -> None:
    flipped = augmentation.flip(BATCH, torch.tensor([True, False, True]))
    assert torch.equal(flipped[0], BATCH[0].flip(1))
    assert torch.equal(flipped[1], BATCH[1])
    assert torch.equal(flipped[2], BATCH[2].flip(1))


def test_crop_takes_the_window_that_slicing_takes() -> None:
    rows, tops, lefts = torch.tensor([2, 0, 2, 1]), torch.tensor([0, 2, 1, 2]), torch.tensor([5, 0, 3, 4])
    windows = augmentation.crop(BATCH, rows, tops, lefts, 4)
    for window, row, top, left in zip(windows, rows, tops, lefts, strict=True):
        assert torch.equal(window, BATCH[row, top : top + 4, left : left + 4])


@given(
    width=st.integers(1, 500),
    height=st.integers(1, 500),
    row=st.integers(0, 999),
    area=st.sampled_from([(0.08, 1.0), (0.25, 1.0), (1.0, 1.0)]),
)
def test_a_random_box_lies_inside_the_image(width: int, height: int, row: int, area: tuple[float, float]) -> None:
    numbers = augmentation.table(1000, seed=1, epoch=0)[row]
    left, top, right, bottom = augmentation.random_resized_box(width, height, numbers, area=area, aspect=(3 / 4, 4 / 3))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_random_boxes_are_distributed_as_torchvisions() -> None:
    table = augmentation.table(4000, seed=0, epoch=0)
    ours = np.array(
        [augmentation.random_resized_box(320, 240, row, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3)) for row in table]
    )
    torch.manual_seed(0)
    image = torch.zeros(3, 240, 320)
    crop = torchvision.transforms.RandomResizedCrop
    theirs = np.array([crop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)])
    our_area = (ours[:, 2] - ours[:, 0]) * (ours[:, 3] - ours[:, 1]) / (320 * 240)
    their_area = theirs[:, 2] * theirs[:, 3] / (320 * 240)
    # Four deviations of the difference between two means of 4,000 areas, which spread by 0.23.
    assert abs(our_area.mean() - their_area.mean()) < 0.021
    our_aspect, their_aspect = (ours[:, 2] - ours[:, 0]) / (ours[:, 3] - ours[:, 1]), theirs[:, 3] / theirs[:, 2]
    assert abs(our_aspect.mean() - their_aspect.mean()) < 0.015  # likewise, spreading by 0.16
    our_left, their_left = ours[:, 0] / 320, theirs[:, 1] / 320
    assert abs(our_left.mean() - their_left.mean()) < 0.015  # likewise, spreading by 0.16


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(("width", "height"), [(32, 32), (224, 224), (7, 5), (1, 1), (40, 3)])
def test_an_erased_image_equals_timms_given_the_same_numbers(
    width: int, height: int, probability: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    eraser = random_erasing.RandomErasing(probability, mode="const", device="cpu")
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    erased = 0
    for numbers in augmentation.table(200, seed=2, epoch=0, purpose=augmentation.ERASE):
        tries = iter(numbers[augmentation.AREA :].tolist())
        places = iter([numbers[augmentation.TOP], numbers[augmentation.LEFT]])
        script = SimpleNamespace(
            random=lambda coin=numbers[augmentation.COIN]: float(coin),
            uniform=lambda low, high, tries=tries: low + (high - low) * next(tries),
            randint=lambda low, high, places=places: low + int(float(next(places)) * (high - low + 1)),
        )
        monkeypatch.setattr(random_erasing, "random", script)
        theirs = eraser(image.clone())
        box = augmentation.erased_box(width, height, numbers, probability=probability)
        ours = augmentation.erase(image, torch.tensor([box]))
        assert torch.equal(ours, theirs)
        erased += not torch.equal(ours, image)
    if min(width, height) >= 32:  # all boxes fit; four deviations of a share of 200
        assert abs(erased / 200 - probability) <= 4 * (probability * (1 - probability) / 200) ** 0.5


def test_each_image_is_erased_in_its_own_box_and_the_memory_order_stays() -> None:
    images = torch.ones(3, 2, 8, 6).contiguous(memory_format=torch.channels_last)
    erased = augmentation.erase(images, torch.tensor([[0, 0, 0, 0], [1, 2, 4, 7], [5, 7, 6, 8]]))
    assert erased.is_contiguous(memory_format=torch.channels_last)
    assert erased[0].sum() == 2 * 48
    assert erased[1, :, 2:7, 1:4].sum() == 0
    assert erased[1].sum() == 2 * (48 - 15)
    assert erased[2, :, 7, 5].sum() == 0
    assert erased[2].sum() == 2 * 47


@pytest.mark.parametrize("size", [8, 20, 33, 50])
def test_resized_images_are_pillows_to_one_level(size: int) -> None:
    pixels = torch.from_numpy(np.stack([pictures.picture(label, 1, (33, 33)) for label in range(3)]))
    ours = augmentation.resized(pixels, size)
    for one, image in zip(ours.numpy(), pixels.numpy(), strict=True):
        theirs = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
        # Pillow rounds to 8 bits between its two passes, and its weights to 22 bits.
        assert np.abs(one.astype(int) - theirs).max() <= 1


def test_purposes_and_places_have_random_numbers_of_their_own() -> None:
    draws = [augmentation.generator(3, 1, purpose).random() for purpose in range(6)]
    draws += [augmentation.generator(3, 1, augmentation.MIX, step).random() for step in range(1, 50)]
    assert len(set(draws)) == len(draws)


def test_images_grow_between_the_middle_and_the_last_fifth_of_a_run() -> None:
    sizes = [augmentation.size_in_epoch(epoch, 20, full=224, first=0.5) for epoch in range(20)]
    assert sizes == [112] * 11 + [132, 148, 168, 188, 204] + [224] * 4
    assert [augmentation.size_in_epoch(epoch, 10, full=30, first=0.5) for epoch in (0, 9)] == [16, 30]


@given(epochs=st.integers(1, 300), full=st.integers(1, 500), first=st.floats(0.1, 1))
def test_a_run_never_shows_smaller_images_than_before_and_ends_at_full_size(
    epochs: int, full: int, first: float
) -> None:
    sizes = [augmentation.size_in_epoch(epoch, epochs, full=full, first=first) for epoch in range(epochs)]
    assert sizes == sorted(sizes)
    assert 1 <= sizes[0] <= sizes[-1] <= full
    assert sizes[-1] == full or (epochs < 5 and first < 1)
    assert first < 1 or set(sizes) == {full}
