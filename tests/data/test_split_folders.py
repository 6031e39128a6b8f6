"""Split folders by the names that published data sets give them."""

from pathlib import Path

import pytest

from resnets.data.sources import open_source
from resnets.data.split_folders import split_of
from tests.data.samples import fill, refusal, rows


def layout(train: str, test: str) -> list[str]:
    return [f"{train}/cat/1.png", f"{train}/dog/2.png", f"{test}/cat/3.png", f"{test}/dog/4.png"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("training_set", "train"), ("Train_data", "train"), ("trainingSet", "train"), ("seg_train", "train"),
        ("trainset", "train"), ("TRAIN", "train"), ("train2017", "train"), ("dev", "val"), ("valid_images", "val"),
        ("eval", "val"), ("testSet", "test"), ("test-images", "test"), ("latest", None), ("retrieval", None),
        ("values", None), ("fold1", None), ("train_val", None), ("data", None),
    ],
)  # fmt: skip
def test_a_part_of_a_folders_name_says_its_split(name, split):
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set", "test_set"), ("Train_data", "Test_data"), ("seg_train/seg_train", "seg_test/seg_test"),
        ("trainingSet/trainingSet", "testSet/testSet"), ("train/train", "test/test"), ("train/training", "test"),
    ],
)  # fmt: skip
def test_split_folders_of_other_names_are_splits_and_not_classes(tmp_path, train, test):
    images = open_source(fill(tmp_path, layout(train, test)))
    assert images.classes == ("cat", "dog")
    assert [split for _, _, split in rows(images)] == ["train", "train", "test", "test"]


def test_what_was_taken_for_a_split_by_a_part_of_its_name_is_said(tmp_path):
    images = open_source(fill(tmp_path, layout("training_set", "test_set")))
    assert images.notes == (f"{tmp_path}: training_set is the train split, test_set is the test split",)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train", "dev"], {"train", "val"}),
        (["train", "eval"], {"train", "val"}),
        (["train", "dev", "eval"], {"train", "val", "test"}),
        (["train", "eval", "test"], {"train", "val", "test"}),
    ],
)
def test_dev_is_for_validation_and_eval_is_too_unless_another_is(tmp_path, names, splits):
    images = open_source(fill(tmp_path, [f"{split}/{name}/1.png" for split in names for name in ("cat", "dog")]))
    assert images.classes == ("cat", "dog")
    assert {split for _, _, split in rows(images)} == splits


def test_folders_that_hold_the_same_folders_and_say_no_split_are_refused_with_the_reason(tmp_path):
    fill(tmp_path, layout("fold1", "fold2"))
    assert refusal(tmp_path) == (
        f"{tmp_path}: fold1, fold2 have the same subfolders (cat, dog), so they look like splits, not classes; "
        "name them train, val and test, or give one of them; of classes, move the images up"
    )


def test_a_fold_beside_train_is_refused_and_not_left_out(tmp_path):
    fill(tmp_path, [*layout("train", "fold2"), "test/cat/5.png"])
    assert "train, fold2 have the same subfolders (cat, dog)" in refusal(tmp_path)


def test_splits_inside_of_class_folders_are_refused_with_the_layout_that_works(tmp_path):
    fill(tmp_path, ["cat/train/1.png", "cat/test/2.png", "dog/train/3.png", "dog/test/4.png"])
    assert "put the splits outside: test/cat, test/dog" in refusal(tmp_path)


def test_classes_that_each_hold_one_folder_stay_classes(tmp_path):
    """As in Tiny ImageNet: n01443537/images/*.JPEG."""
    images = open_source(fill(tmp_path, ["cat/images/1.png", "dog/images/2.png"]))
    assert images.classes == ("cat", "dog")


@pytest.mark.parametrize("test", ["test", "test/test", "test/unknown", "test1/test1", "seg_pred/seg_pred"])
def test_an_unlabelled_test_folder_is_no_class_and_no_error(tmp_path, test):
    names = [*layout("train", "val"), f"{test}/7.png", f"{test}/8.png"]
    images = open_source(fill(tmp_path, names))
    assert images.classes == ("cat", "dog")
    assert not images.has("test")
    assert images.notes == (f"2 images outside the class folders were left out, such as {tmp_path}/{test}/7.png",)


@pytest.mark.parametrize("test", ["test", "test/test"])
def test_an_unlabelled_test_folder_beside_class_folders_is_no_class(tmp_path, test):
    images = open_source(fill(tmp_path, ["cat/1.png", "dog/2.png", f"{test}/3.png"]))
    assert images.classes == ("cat", "dog")
    assert images.notes == (f"1 image outside the class folders was left out, such as {tmp_path}/{test}/3.png",)


def test_a_labelled_test_folder_wins_over_an_unlabelled_one(tmp_path: Path):
    images = open_source(fill(tmp_path, [*layout("train", "test"), "test_unlabelled/9.png"]))
    assert [split for _, _, split in rows(images)] == ["train", "train", "test", "test"]


def test_classes_that_are_called_like_splits_stay_classes(tmp_path):
    tools = open_source(fill(tmp_path, ["test tube/1.png", "train car/2.png", "test tube/deep/3.png"]))
    assert tools.classes == ("test tube", "train car")
