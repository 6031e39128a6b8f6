"""What is said of the images before the first step, and which images must be readable."""

import logging
import shutil
from pathlib import Path

import pytest

from resnets.base.errors import InputError
from resnets.base.progress import unwatched
from resnets.training.splits import Splits, prepare_splits
from tests import pictures


def prepared(data: Path, *, skip_bad: bool = False, columns: str | None = None) -> Splits:
    return prepare_splits(data, columns=columns, val_fraction=0, seed=0, skip_bad=skip_bad, watch=unwatched)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for label, name in enumerate(pictures.CLASSES):
            for number in range(count):
                pictures.save(
                    tmp_path / "data" / split / name / f"{number}.png", pictures.picture(label, 10 * count + number)
                )
    return tmp_path / "data"


def test_classes_and_their_counts_are_said_before_training(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data / "train" / "red" / "0.png").unlink()
    with caplog.at_level(logging.INFO, logger="resnets"):
        prepared(data)
    assert [record.message for record in caplog.records] == [
        "train: 11 images of 3 classes: blue 4, green 4, red 3",
        "val: 6 images of 3 classes: blue 2, green 2, red 2",
        "test: 9 images of 3 classes: blue 3, green 3, red 3",
    ]


def test_of_many_classes_the_first_are_named_and_the_rest_summed_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(25):
        for image in range(2 + number // 24):
            pictures.save(tmp_path / f"{number:02}" / f"{image}.png", pictures.picture(0, 100 * number + image, (4, 4)))
    with caplog.at_level(logging.INFO, logger="resnets"):
        prepared(tmp_path)
    assert "train: 26 images of 25 classes: 00 1, 01 1, " in caplog.text
    assert "19 1, and 5 more with 1 to 2 images each" in caplog.text


def test_a_bad_image_of_test_is_found_before_training_and_not_after(data: Path) -> None:
    (data / "test" / "red" / "2.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"test/red/2\.png: not an image.*skip_bad=True"):
        prepared(data)
    splits = prepared(data, skip_bad=True)
    assert splits.origin["left_out"] == 1
    assert splits.notes[-1].startswith(f"left out: {data}/test/red/2.png")
    assert (len(splits.train), len(splits.val)) == (12, 6)


def test_one_image_in_two_classes_is_reported(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(data / "train" / "red" / "1.png", data / "train" / "blue" / "copy.png")
    shutil.copy(data / "train" / "green" / "2.png", data / "test" / "blue" / "leaked.png")
    shutil.copy(data / "train" / "green" / "2.png", data / "test" / "green" / "same-class.png")
    with caplog.at_level(logging.WARNING, logger="resnets"):
        splits = prepared(data)
    (warning,) = (record.message for record in caplog.records)
    assert warning.startswith("the same image is in two classes: ")
    for pair in (("train/blue/copy.png (blue)", "train/red/1.png (red)"),
                 ("test/blue/leaked.png (blue)", "2.png (green)")):  # fmt: skip
        assert all(name in warning for name in pair)
    assert splits.notes[-1] == warning


@pytest.mark.parametrize("classes", ["blue", "blue and an empty one"])
def test_what_has_fewer_classes_than_two_is_refused(tmp_path: Path, classes: str) -> None:
    pictures.save(tmp_path / "blue" / "1.png", pictures.picture(0, 0))
    if classes != "blue":
        (tmp_path / "red").mkdir()
    with pytest.raises(InputError, match="only one class, blue" if classes == "blue" else "no training images of red"):
        prepared(tmp_path)


def test_images_of_val_and_test_that_are_in_train_are_counted(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(data / "train" / "red" / "1.png", data / "val" / "red" / "leaked.png")
    shutil.copy(data / "train" / "red" / "1.png", data / "test" / "red" / "leaked.png")
    shutil.copy(data / "train" / "red" / "2.png", data / "test" / "red" / "leaked-too.png")
    shutil.copy(data / "train" / "red" / "2.png", data / "train" / "red" / "copy.png")
    with caplog.at_level(logging.INFO, logger="resnets"):
        splits = prepared(data)
    said = [record.message for record in caplog.records if "also in train" in record.message]
    assert said == [
        "1 of 7 val images are also in train; `resnets check` lists them",
        "2 of 11 test images are also in train; `resnets check` lists them",
    ]
    assert splits.notes == tuple(said)
