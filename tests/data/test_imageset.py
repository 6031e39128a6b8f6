"""An image set: what is held out, what belongs to which split, and when two are the same."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnets.base.errors import InputError
from resnets.data.arrays import Pixels
from resnets.data.imageset import ImageSet
from resnets.data.sources import open_source
from tests import pictures


def image_set(labels: list[int], splits: list[int] | None = None, classes: int = 3) -> ImageSet:
    count = len(labels)
    return ImageSet(
        name="test",
        classes=tuple("abcdefgh"[:classes]),
        images=Pixels(np.zeros((count, 2, 2, 1), np.uint8), "test", (("image", count),)),
        labels=np.array(labels, dtype=np.int64),
        splits=np.array(splits if splits is not None else [-1] * count, dtype=np.int8),
        rows=np.arange(count),
    )


@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_holding_out_is_stratified_and_leaves_no_class_without_training_images(
    labels: list[int], fraction: float, seed: int
) -> None:
    held = image_set(labels).hold_out("val", fraction=fraction, seed=seed)
    for label in set(labels):
        total = labels.count(label)
        out = int(((held.labels == label) & (held.splits == 1)).sum())
        if total == 1:
            assert out == 0
        else:
            assert 1 <= out <= total - 1
            assert abs(out - fraction * total) <= 1
    assert not (held.splits == -1).any()


def test_holding_out_depends_on_the_seed_alone() -> None:
    images = image_set([0, 1, 2] * 20)
    first = images.hold_out("val", fraction=0.25, seed=5)
    assert np.array_equal(first.splits, images.hold_out("val", fraction=0.25, seed=5).splits)
    assert not np.array_equal(first.splits, images.hold_out("val", fraction=0.25, seed=6).splits)
    assert "25%" in first.split_made


def test_holding_out_validation_leaves_the_test_images_alone() -> None:
    images = image_set([0, 1] * 10, [0] * 12 + [2] * 8, classes=2)
    held = images.hold_out("val", fraction=0.3, seed=0)
    assert np.array_equal(held.splits == 2, images.splits == 2)


def test_parts_are_the_images_of_a_split() -> None:
    images = image_set([0, 1, 2, 0, 1], [0, 1, 0, 2, 1])
    assert images.part("val").labels.tolist() == [1, 1]
    assert images.part("val").image_name(1) == "test, image 4"
    assert images.part("train").subset([1]).image_name(0) == "test, image 2"
    assert images.without([0, 4]).labels.tolist() == [1, 2, 0]
    assert images.class_counts().tolist() == [2, 2, 1]


def test_a_split_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="no val split; it has train, test"):
        image_set([0, 1, 2], [0, 0, 2]).part("val")


def test_the_fingerprint_changes_with_labels_names_and_classes_only() -> None:
    images = image_set([0, 1, 2])
    assert images.fingerprint == image_set([0, 1, 2], [0, 0, 1]).fingerprint
    assert images.fingerprint != image_set([0, 2, 1]).fingerprint
    assert images.fingerprint != image_set([0, 1]).fingerprint
    assert images.fingerprint != dataclasses.replace(images, classes=("x", "y", "z")).fingerprint


def test_other_pixels_under_the_same_names_have_another_fingerprint(tmp_path: Path) -> None:
    one, other = (open_source(pictures.folder(tmp_path / name / "photos", count=3)) for name in ("one", "other"))
    assert one.fingerprint == other.fingerprint
    for path in (tmp_path / "other").rglob("*.png"):
        pictures.save(path, pictures.picture(0, 77))
    assert open_source(tmp_path / "other" / "photos").fingerprint != one.fingerprint


@pytest.mark.parametrize(("labels", "why"), [([], "no images"), ([0, 3], "label is 3, but there are 3 classes")])
def test_an_image_set_that_cannot_be_is_refused(labels: list[int], why: str) -> None:
    with pytest.raises(InputError, match=why):
        image_set(labels)
