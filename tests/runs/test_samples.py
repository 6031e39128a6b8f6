"""A run keeps some of its images, as they came, where an export finds them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resnets
from resnets.data.imageset import ImageSet
from resnets.runs import samples
from tests import pictures


@pytest.fixture
def split(tmp_path: Path) -> ImageSet:
    whole = resnets.open_source(pictures.folder(tmp_path / "photos", count=10, suffix="jpg"))
    return whole.hold_out("val", fraction=0.3, seed=0)


def contents(images: ImageSet) -> set[bytes]:
    """What is in each file."""
    return {bytes(images.read(place)) for place in range(len(images))}


def kept(split: ImageSet, path: Path) -> ImageSet:
    samples.write(path, split.part("train"), split.part("val"), seed=0)
    return resnets.open_source(path)


def test_samples_are_the_files_as_they_came_by_split_and_class(split: ImageSet, tmp_path: Path) -> None:
    found = kept(split, tmp_path / "samples.zip")
    assert found.classes == pictures.CLASSES
    assert found.part("train").class_counts().tolist() == [7, 7, 7]
    assert found.part("val").class_counts().tolist() == [3, 3, 3]
    for part in ("train", "val"):
        assert contents(found.part(part)) == contents(split.part(part))
    assert any(found.image_name(0).endswith(f"-{number:03}.jpg") for number in range(10))


def test_the_same_images_and_seed_make_the_same_file(split: ImageSet, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        samples.write(tmp_path / name, split.part("train"), split.part("val"), seed=seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_samples_are_few_and_even_over_the_classes(
    split: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "EACH", 7)
    found = kept(split, tmp_path / "samples.zip")
    assert sorted(found.part("train").class_counts().tolist()) == [2, 2, 3]
    assert sorted(found.part("val").class_counts().tolist()) == [2, 2, 3]


def test_samples_stay_within_their_size(split: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = len(split.read(0))
    monkeypatch.setattr(samples, "LIMIT", 8 * one)
    kept(split, tmp_path / "samples.zip")
    with zipfile.ZipFile(tmp_path / "samples.zip") as archive:
        for part in ("train/", "val/"):
            assert sum(info.file_size for info in archive.infolist() if info.filename.startswith(part)) <= 8 * one


def test_arrays_are_kept_without_loss(tmp_path: Path) -> None:
    digits = resnets.open_source("digits").hold_out("val", fraction=0.1, seed=0)
    found = kept(digits, tmp_path / "samples.zip")
    assert len(found.part("train")) == 256
    part = digits.part("train")
    theirs = {part.read(place).tobytes() for place in range(len(part))}  # pyright: ignore[reportAttributeAccessIssue] # arrays
    from resnets.data import loading
    from resnets.data.preprocessing import Preprocessing

    grey = Preprocessing(channels=1, mean=(0.5,), std=(0.5,))
    for place in range(0, 256, 50):
        assert np.asarray(loading.picture(found.part("train"), place, grey)).tobytes() in theirs


def test_images_that_no_picture_can_hold_are_not_kept(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {}
    for part in ("train", "val", "test"):
        arrays |= {f"{part}_images": np.zeros((4, 8, 8, 2), np.uint8), f"{part}_labels": np.array([[0], [1], [0], [1]])}
    np.savez(tmp_path / "x.npz", **arrays)
    whole = resnets.open_source(tmp_path / "x.npz")
    assert samples.write(tmp_path / "samples.zip", whole.part("train"), whole.part("val"), seed=0) is None
    assert not (tmp_path / "samples.zip").exists()


@pytest.mark.parametrize("odd", ["a/b", ".hidden", "", "nul:", "RED"])
def test_class_names_that_are_no_folders_are_kept_by_number(odd: str, split: ImageSet, tmp_path: Path) -> None:
    from dataclasses import replace

    renamed = replace(split, classes=(odd, "green", "red"))
    samples.write(tmp_path / "samples.zip", renamed.part("train"), renamed.part("val"), seed=0)
    assert resnets.open_source(tmp_path / "samples.zip").classes == ("0000", "0001", "0002")
