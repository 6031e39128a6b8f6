"""Images that come as one array: MedMNIST's .npz."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnets.data.arrays import Pixels
from resnets.data.sources import open_source
from tests.data.samples import noise, refusal


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "set.npz"
    np.savez(path, **arrays)
    return path


def test_an_npz_gives_each_split_its_pixels_and_labels(tmp_path):
    train, val, test = noise(6, 5, 4, 3), noise(2, 5, 4, 3), noise(3, 5, 4, 3)
    path = npz(
        tmp_path,
        train_images=train,
        train_labels=np.array([[0], [1], [2], [0], [1], [2]], dtype=np.uint8),
        val_images=val,
        val_labels=np.array([[2], [0]]),
        test_images=test,
        test_labels=np.array([1, 1, 0]),
    )
    images = open_source(path)
    assert images.classes == ("0", "1", "2")
    assert images.labels.tolist() == [0, 1, 2, 0, 1, 2, 2, 0, 1, 1, 0]
    assert images.splits.tolist() == [0] * 6 + [1] * 2 + [2] * 3
    everything = images.pixels()
    assert everything is not None
    np.testing.assert_array_equal(everything, np.concatenate([train, val, test]))
    np.testing.assert_array_equal(images.read(7), val[1])
    assert images.image_name(5) == f"{path}, train image 5"
    assert images.part("test").image_name(1) == f"{path}, test image 1"
    assert images.split_made == ""


def test_the_loader_gets_one_writable_array_without_a_copy(tmp_path):
    images = open_source(npz(tmp_path, train_images=noise(4, 5, 5), train_labels=np.array([0, 1, 0, 1]))).images
    assert isinstance(images, Pixels)
    assert images.array.flags.c_contiguous
    assert images.array.flags.writeable  # torch.from_numpy warns of others
    assert np.shares_memory(images.read(2), images.array)


def test_grey_images_get_a_channel_axis_and_names_can_be_given(tmp_path):
    grey = noise(4, 5, 5)
    path = npz(tmp_path, test_images=grey, test_labels=np.array([0, 1, 0, 1]), classes=np.array(["ill", "well"]))
    images = open_source(path)
    assert images.classes == ("ill", "well")
    assert images.splits.tolist() == [2] * 4
    np.testing.assert_array_equal(images.read(3), grey[3][..., None])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": noise(2, 5, 5)}, "holds images; expected MedMNIST's names: train_images, train_labels"),
        ({"train_images": noise(2, 5, 5)}, "no array train_labels; a split needs images and labels"),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([[0, 1], [1, 1]])},
            "train_labels gives each image 2 labels (multi-label); only one label per image can be learned",
        ),
        (
            {"train_images": np.linspace(0, 1, 50).reshape(2, 5, 5), "train_labels": np.array([0, 1])},
            "train_images holds float64 from 0.0 to 1.0; scale it to 0..255 and save it as uint8",
        ),
        (
            {"train_images": noise(2, 5), "train_labels": np.array([0, 1])},
            "train_images has shape (2, 5); must be images x height x width",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 1, 1])},
            "train_labels has shape (3,) of int64; must be 2 whole numbers",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0.0, 1.0])},
            "train_labels has shape (2,) of float64; must be 2 whole numbers",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, -1])},
            "labels from -1 to 0; they must be whole numbers, 0 or more",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 3]), "classes": np.array(["a", "b", "c"])},
            "labels from 0 to 3, but 3 class names; give one for each label",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 1]), "classes": np.array([1, 2])},
            "the classes must be a list of different strings",
        ),
        (
            {
                "train_images": noise(2, 5, 5),
                "train_labels": np.array([0, 1]),
                "test_images": noise(2, 6, 5),
                "test_labels": np.array([0, 1]),
            },
            "images are 5 x 5 x 1 in train, 6 x 5 x 1 in test; all splits must have the same size",
        ),
        ({"train_images": noise(0, 5, 5), "train_labels": np.zeros(0, dtype=int)}, "no images found"),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, "x"], dtype=object)},
            "not an .npz file of plain arrays, or damaged (Object arrays cannot be loaded",
        ),
    ],
)
def test_an_npz_of_another_layout_is_refused_with_what_is_wrong(tmp_path, arrays, message):
    path = npz(tmp_path, **arrays)
    assert refusal(path).startswith(f"{path}: {message}")


def test_what_is_no_npz_is_refused(tmp_path):
    whole = npz(tmp_path, train_images=noise(2, 5, 5), train_labels=np.array([0, 1])).read_bytes()
    single = io.BytesIO()
    np.save(single, noise(2, 5, 5))
    for content in (b"", b"text", whole[:-40], single.getvalue(), pickle.dumps({"train_images": 1})):
        path = tmp_path / "other.npz"
        path.write_bytes(content)
        assert refusal(path).startswith(f"{path}: not an .npz file of plain arrays, or damaged")


def test_pneumoniamnist_has_its_published_splits(shared_data):
    images = open_source(shared_data / "pneumoniamnist.npz")
    assert [len(images.part(split)) for split in ("train", "val", "test")] == [4708, 524, 624]
    with np.load(shared_data / "pneumoniamnist.npz") as file:
        np.testing.assert_array_equal(images.part("test").labels, file["test_labels"][:, 0])
        np.testing.assert_array_equal(images.part("val").read(523), file["val_images"][523][..., None])


def test_labels_with_gaps_are_the_classes_that_are_there(tmp_path):
    images = open_source(npz(tmp_path, train_images=noise(4, 5, 5), train_labels=np.array([3, 1, 7, 3])))
    assert images.classes == ("1", "3", "7")
    assert images.labels.tolist() == [1, 0, 2, 1]


@pytest.mark.parametrize(
    ("labels", "names", "classes"),
    [
        ([1, 2, 3, 1], ["a", "b", "c"], ("a", "b", "c")),  # from 1 on
        ([0, 2, 2, 0], ["a", "b", "c"], ("a", "c")),
        ([5, 9, 9, 5], ["a", "b"], ("a", "b")),
    ],
)
def test_names_are_of_the_labels_from_0_on_or_of_those_there_are(tmp_path, labels, names, classes):
    path = npz(tmp_path, train_images=noise(4, 5, 5), train_labels=np.array(labels), classes=np.array(names))
    assert open_source(path).classes == classes


@pytest.mark.parametrize("channels", [1, 3, 4, 13])
def test_arrays_with_channels_first_are_turned_and_not_taken_for_28_channels(tmp_path, channels):
    images = noise(4, channels, 28, 28)
    path = npz(tmp_path, train_images=images, train_labels=np.array([0, 1, 0, 1]))
    found = open_source(path)
    assert found.one_shape == (28, 28, channels)
    np.testing.assert_array_equal(found.read(2), images[2].transpose(1, 2, 0))
    assert found.notes == (f"{path}: its images are stored channels first and were turned to channels last",)


def test_arrays_with_channels_last_stay_as_they_are(tmp_path):
    for shape in ((4, 3, 5, 3), (4, 28, 28, 3), (4, 64, 64, 13)):
        path = npz(tmp_path, train_images=noise(*shape), train_labels=np.array([0, 1, 0, 1]))
        assert open_source(path).one_shape == shape[1:]
