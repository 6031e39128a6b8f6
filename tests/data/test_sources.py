"""Folders of images, the embedded digits, and how a source is told from another."""

import errno
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from resnets.data.imageset import ImageSet
from resnets.data.sources import open_source
from tests.data.samples import decoded, fill, pixels, png, refusal, rows


def test_each_sub_folder_is_a_class_and_no_image_has_a_split(tmp_path):
    images = open_source(fill(tmp_path, ["dog/1.png", "cat/2.png", "cat/1.png", "dog/deep/er/0.png"]))
    assert images.classes == ("cat", "dog")
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "cat", ""), ("1.png", "dog", ""), ("0.png", "dog", "")]
    assert images.name == str(tmp_path)
    assert images.image_name(3) == f"{tmp_path}/dog/deep/er/0.png"
    assert images.read(3) == png("dog/deep/er/0.png")
    np.testing.assert_array_equal(decoded(images, 1), pixels("cat/2.png"))
    assert images.split_made == ""
    assert images.notes == ()


def test_images_are_in_torchvisions_order(tmp_path):
    """By folder, then by name, both as strings: `a/b/c` after `a/b-c`, whose minus comes before the slash."""
    names = ["a/z.png", "a/b/1.png", "a/b-c/1.png", "a/b/c/1.png", "a/10.png", "a/9.png", "x/1.png"]
    images = open_source(fill(tmp_path, names))
    found = [images.image_name(index).removeprefix(f"{tmp_path}/") for index in range(len(images))]
    expected = [
        str(Path(folder, file).relative_to(tmp_path))
        for name in ("a", "x")
        for folder, _, files in sorted(os.walk(tmp_path / name))
        for file in sorted(files)
    ]
    assert found == expected
    assert found.index("a/b-c/1.png") < found.index("a/b/c/1.png")


def test_classes_named_by_numbers_sort_as_strings_as_in_torchvision(tmp_path):
    assert open_source(fill(tmp_path, ["10/a.png", "9/a.png", "1/a.png"])).classes == ("1", "10", "9")


def test_suffixes_count_in_any_case(tmp_path):
    names = [f"a/{number}{suffix}" for number, suffix in enumerate((".JPG", ".Jpeg", ".jpe", ".jfif", ".PNG", ".webp"))]
    names += [f"b/{number}{suffix}" for number, suffix in enumerate((".gif", ".BMP", ".tif", ".TIFF"))]
    images = open_source(fill(tmp_path, names))
    assert images.class_counts().tolist() == [6, 4]


def test_split_folders_share_the_class_map_of_train(tmp_path):
    names = [
        "train/cat/1.png",
        "train/dog/2.png",
        "train/eel/3.png",
        "val/dog/4.png",
        "test/cat/5.png",
        "test/eel/6.png",
    ]
    images = open_source(fill(tmp_path, names))
    assert images.classes == ("cat", "dog", "eel")
    assert rows(images) == [
        ("1.png", "cat", "train"),
        ("2.png", "dog", "train"),
        ("3.png", "eel", "train"),
        ("4.png", "dog", "val"),
        ("5.png", "cat", "test"),
        ("6.png", "eel", "test"),
    ]
    assert images.read(3) == png("val/dog/4.png")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_the_validation_split_has_several_names(tmp_path, name):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", f"{name}/b/3.png"]))
    assert rows(images)[-1] == ("3.png", "b", "val")


def test_two_folders_for_one_split_are_refused(tmp_path):
    fill(tmp_path, ["train/a/1.png", "train/b/2.png", "val/b/3.png", "valid/b/3.png"])
    assert refusal(tmp_path) == f"{tmp_path}/val and {tmp_path}/valid: both are named as the val split; keep one"


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_class_in_val_that_train_lacks_is_refused(tmp_path, split):
    fill(tmp_path, ["train/a/1.png", "train/b/2.png", f"{split}/owl/3.png"])
    assert refusal(tmp_path) == (
        f"{tmp_path}/{split}/owl: the training split has no class owl; add it there or remove this folder"
    )


def test_a_class_that_val_lacks_or_has_empty_is_fine(tmp_path):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", "train/c/3.png", "val/b/", "val/c/4.png"]))
    assert images.part("val").class_counts().tolist() == [0, 0, 1]


def test_a_test_split_alone_has_its_own_classes(tmp_path):
    images = open_source(fill(tmp_path, ["val/a/1.png", "test/b/2.png"]))
    assert images.classes == ("a", "b")
    assert rows(images) == [("1.png", "a", "val"), ("2.png", "b", "test")]


def test_split_folders_win_over_folders_beside_them(tmp_path):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", "extra/5.png", "extra/x/6.png", "0.png"]))
    assert images.classes == ("a", "b")
    assert images.notes == (f"3 images outside the class folders were left out, such as {tmp_path}/0.png",)


def test_classes_that_have_a_splits_name_stay_classes(tmp_path):
    vehicles = open_source(fill(tmp_path / "vehicles", ["bus/1.png", "train/2.png"]))
    assert rows(vehicles) == [("1.png", "bus", ""), ("2.png", "train", "")]
    patients = open_source(fill(tmp_path / "patients", ["control/1.png", "test/2.png"]))
    assert rows(patients) == [("1.png", "control", ""), ("2.png", "test", "")]


def test_unlabelled_test_images_are_left_out_with_a_note(tmp_path):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", "test/3.png"]))
    assert not images.has("test")
    assert images.notes == (f"1 image outside the class folders was left out, such as {tmp_path}/test/3.png",)


@pytest.mark.parametrize("inside", [["a/1.png", "b/2.png"], ["train/a/1.png", "train/b/2.png"]])
def test_a_single_folder_that_holds_the_classes_is_gone_into(tmp_path, inside):
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "README.txt").write_text("about pets")
    deep = open_source(fill(tmp_path / "pets", [f"set/v1/{name}" for name in inside]))
    flat = open_source(tmp_path / "pets" / "set" / "v1")
    assert rows(deep) == rows(flat)
    assert deep.classes == ("a", "b")
    assert deep.notes == (f"1 file that is not an image was left out, such as {tmp_path}/pets/README.txt",)


@pytest.mark.parametrize("root", ["", "train/"])
def test_an_empty_class_folder_is_a_class_without_images(tmp_path, root):
    images = open_source(fill(tmp_path, [f"{root}cat/", f"{root}dog/1.png", f"{root}eel/1.png"]))
    assert images.class_counts().tolist() == [0, 1, 1]


def test_a_folder_without_class_folders_is_told_the_layout(tmp_path):
    fill(tmp_path, ["1.png", "2.png"])
    assert refusal(tmp_path) == (
        f"{tmp_path}: 2 images directly in it and no class folders; make a folder for each class, "
        f"such as {tmp_path}/cat/1.jpg and {tmp_path}/dog/1.jpg"
    )


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(tmp_path).startswith(f"{tmp_path}: no images in class folders; make a folder for each class")


def test_train_without_class_folders_is_told_the_layout(tmp_path):
    fill(tmp_path, ["train/1.png", "val/a/2.png"])
    assert refusal(tmp_path).startswith(f"{tmp_path}/train: 1 image directly in it and no class folders")


def test_files_that_are_no_images_are_left_out_and_counted(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/2.png"])
    for name in ("cat/readme.txt", "dog/jpg", "dog/Thumbs.db"):
        (tmp_path / name).write_text("text")
    images = open_source(tmp_path)
    assert len(images) == 2
    assert images.notes == (f"3 files that are not images were left out, such as {tmp_path}/cat/readme.txt",)


def test_hidden_files_are_left_out_and_hidden_images_are_told_of(tmp_path):
    names = ["cat/1.png", "dog/2.png", "cat/.3.png", ".cache/x/4.png", "__MACOSX/dog/._2.png", "__MACOSX/._dog.png"]
    fill(tmp_path, [*names, "cat/.ipynb_checkpoints/1.png", "cat/.ipynb_checkpoints/2.png"])
    (tmp_path / "dog" / ".DS_Store").write_text("layout")
    images = open_source(tmp_path)
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "dog", "")]
    assert images.notes == (f"2 images in hidden folders were left out, such as {tmp_path}/cat/.ipynb_checkpoints",)


def test_linked_folders_are_followed_but_not_round_in_circles(tmp_path):
    fill(tmp_path / "elsewhere", ["1.png", "deep/2.png"])
    photos = fill(tmp_path / "photos", ["dog/3.png"])
    (photos / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(photos / "cat")
    (photos / "dog" / "up").symlink_to(photos)
    (photos / "round").symlink_to(photos / "round")
    images = open_source(photos)
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "cat", ""), ("3.png", "dog", "")]
    assert images.read(1) == png("deep/2.png")


def test_the_same_folder_under_two_names_is_two_classes(tmp_path):
    (fill(tmp_path, ["cat/1.png"]) / "dog").symlink_to(tmp_path / "cat")
    assert rows(open_source(tmp_path)) == [("1.png", "cat", ""), ("1.png", "dog", "")]


def test_a_file_that_is_gone_when_it_is_read_raises_the_systems_error(tmp_path):
    images = open_source(fill(tmp_path, ["cat/1.png", "dog/2.png"]))
    (tmp_path / "cat" / "1.png").unlink()
    with pytest.raises(FileNotFoundError):
        images.read(0)
    assert images.read(1) == png("dog/2.png")


def test_a_broken_link_is_an_image_that_cannot_be_read_and_a_pipe_is_none(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/2.png"])
    (tmp_path / "cat" / "0.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "dog" / "pipe.png")
    images = open_source(tmp_path)
    assert [name for name, _, _ in rows(images)] == ["0.png", "1.png", "2.png"]
    assert images.notes == (f"1 link or device was left out, such as {tmp_path}/dog/pipe.png",)
    with pytest.raises(FileNotFoundError):
        images.read(0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are Unicode")
def test_names_that_are_no_unicode_are_read(tmp_path):
    fill(tmp_path, ["dog/2.png", "größe/ü.png"])
    raw = os.fsencode(tmp_path / "dog") + b"/\xff.png"
    with open(raw, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(png("raw"))
    images = open_source(tmp_path)
    assert images.classes == ("dog", "größe")
    assert images.read(1) == png("raw")
    assert len(images.fingerprint) == 16


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    fill(tmp_path, ["cat/1.png", "dog/2.png"])

    def scandir(path: str) -> Any:  # root may read every folder, so taking the permission away would not do
        if path.endswith("/cat"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    real = os.scandir
    monkeypatch.setattr("os.scandir", scandir)
    assert refusal(tmp_path) == f"{tmp_path}/cat: cannot be read (Permission denied)"


def test_the_source_is_called_what_the_user_called_it(tmp_path, monkeypatch):
    fill(tmp_path / "photos", ["cat/1.png", "dog/2.png"])
    monkeypatch.chdir(tmp_path)
    assert open_source("photos").image_name(0) == "photos/cat/1.png"
    assert open_source("photos/").image_name(0) == "photos/cat/1.png"
    assert open_source("photos/").name == "photos/"
    monkeypatch.chdir(tmp_path / "photos")
    assert open_source(".").read(1) == png("dog/2.png")


def test_what_is_not_there_is_refused_with_what_would_work(tmp_path):
    message = refusal(tmp_path / "nowhere")
    assert message.startswith(f"{tmp_path}/nowhere: no such file or folder; what works is a folder")
    assert "digits" in message


@pytest.mark.parametrize("source", ["", "no\0where", "x" * 5000])
def test_a_name_that_can_be_no_path_is_refused(source):
    assert "what works" in refusal(source) or "cannot be read" in refusal(source)


def test_a_single_image_is_refused_with_what_would_work(tmp_path):
    fill(tmp_path, ["cat.png"])
    message = refusal(tmp_path / "cat.png")
    assert message.startswith(f"{tmp_path}/cat.png: a single file of this type is not a data set; what works is")


def test_digits_are_scikit_learns_scaled_to_bytes_with_a_fixed_test_split():
    images = open_source("digits")
    flat, target = load_digits(return_X_y=True)
    assert images.classes == tuple("0123456789")
    everything = images.pixels()
    assert everything is not None
    assert everything.shape == (1797, 8, 8, 1)
    np.testing.assert_array_equal(everything[..., 0], np.rint(flat.reshape(-1, 8, 8) / 16 * 255))
    np.testing.assert_array_equal(images.labels, target)
    assert (everything.min(), everything.max()) == (0, 255)
    assert images.image_name(7) == "digits, image 7"
    assert images.split_made == ""
    assert any("scikit-learn" in note for note in images.notes)


def test_digits_hold_out_a_fifth_of_each_class_always_the_same():
    first, second = open_source("digits"), open_source("digits")
    np.testing.assert_array_equal(first.splits, second.splits)
    held, whole = first.part("test").class_counts(), first.class_counts()
    np.testing.assert_array_equal(held, [round(count * 0.2) for count in whole])
    assert not first.has("val")
    assert len(first.part("train")) + len(first.part("test")) == 1797


def test_a_folder_named_digits_is_reached_by_its_path(tmp_path, monkeypatch):
    fill(tmp_path / "digits", ["0/1.png", "1/2.png"])
    monkeypatch.chdir(tmp_path)
    assert len(open_source("./digits")) == 2
    assert len(open_source(Path("digits"))) == 2
    assert len(open_source("digits")) == 1797


def test_opening_a_folder_imports_neither_torch_nor_scikit_learn(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/2.png"])
    code = (
        "import json, sys; from resnets.data.sources import open_source; "
        "open_source(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
    assert not {"torch", "sklearn"} & set(json.loads(done.stdout))


FORMS = [unicodedata.normalize(form, "größe") for form in ("NFD", "NFC")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know one form alone")
def test_a_class_in_two_of_unicodes_forms_is_one_class(tmp_path):
    apart, together = FORMS
    names = [f"train/{together}/1.png", "train/dog/2.png", f"val/{apart}/3.png", f"train/{apart}/4.png"]
    images = open_source(fill(tmp_path, names))
    assert images.classes == ("dog", together)
    assert [(name, split) for name, label, split in rows(images) if label == together] == [
        ("4.png", "train"), ("1.png", "train"), ("3.png", "val"),
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know one form alone")
def test_a_file_in_two_of_unicodes_forms_is_one_file_and_is_said(tmp_path):
    images = open_source(fill(tmp_path, [*(f"cat/{form}.png" for form in FORMS), "dog/2.png"]))
    assert images.class_counts().tolist() == [1, 1]
    assert images.notes[0].startswith("1 image whose name occurs twice was left out, such as")


def test_copies_with_names_in_another_of_unicodes_forms_are_the_same_images(tmp_path):
    """In the same order and with the same fingerprint, so that the same are held out and a run can be resumed."""
    copies: list[ImageSet] = []
    for form in ("NFD", "NFC"):
        for place, name in enumerate(("größe/z.png", "größe/é.png", "größe/e.png", "a/1.png")):
            path = tmp_path / form / unicodedata.normalize(form, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(str(place)))
        copies.append(open_source(tmp_path / form))
    assert copies[0].fingerprint == copies[1].fingerprint
    assert [one.read(2) for one in copies] == [png("0")] * 2  # z comes before é, as the composed names have it


def test_a_source_is_found_whichever_of_unicodes_forms_its_name_is_given_in(tmp_path):
    fill(tmp_path / FORMS[1], ["cat/1.png", "dog/2.png"])
    assert len(open_source(tmp_path / FORMS[0])) == 2
