"""Which pictures count as nearly the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnets.checks import likeness, looks
from tests.checks import faults


@pytest.mark.parametrize("count", [2, 60, 1000])
@pytest.mark.parametrize("spread", [10, 64])
def test_near_pairs_are_those_that_comparing_all_pairs_finds(count: int, spread: int) -> None:
    random = np.random.default_rng(count)
    values = random.integers(0, 1 << min(spread, 63), count, dtype=np.uint64)
    for place in range(0, count - 1, 3):  # neighbours that differ in 0 to 7 bits
        flipped = random.choice(64, place % 8, replace=False)
        values[place + 1] = values[place] ^ np.bitwise_or.reduce(np.uint64(1) << flipped.astype(np.uint64))
    rows, columns = np.nonzero(np.triu(np.bitwise_count(values[:, None] ^ values[None, :]) <= likeness.DISTANCE, 1))
    found = likeness.groups(likeness.near_pairs(values))
    assert found == likeness.groups(np.stack([rows, columns], axis=1))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
@settings(max_examples=60)
def test_groups_connect_what_pairs_connect(pairs: list[tuple[int, int]]) -> None:
    found = likeness.groups(np.array(pairs, dtype=np.int64).reshape(-1, 2))
    assert sorted(place for group in found for place in group) == sorted({place for pair in pairs for place in pair})
    at = {place: number for number, group in enumerate(found) for place in group}
    assert all(at[one] == at[other] for one, other in pairs)


def test_plain_pictures_are_never_the_same_picture() -> None:
    plain = np.full((4, 32, 32), 100, dtype=np.uint8)
    plain[1, 5] += 3
    assert not likeness.same_picture(plain, plain).any()


def test_brightness_and_size_do_not_matter_and_another_picture_does() -> None:
    image = faults.picture(1, 2)
    others = [image.point(lambda value: value * 0.8 + 10), image.resize((50, 44)), faults.picture(1, 3)]
    first = looks._thumbnail(image)[None]
    found = [bool(likeness.same_picture(first, looks._thumbnail(other)[None])[0]) for other in others]
    assert found == [True, True, False]
