"""Augmentation is a function of the image and its random numbers, and the numbers of (seed, epoch, row)."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnets.data import augmentation
from resnets.data.augmentation import COLUMNS
from tests import pictures
from tests.peers import torchvision

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
