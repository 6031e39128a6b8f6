"""IDX files: MNIST's and Fashion-MNIST's."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resnets.data.sources import open_source
from tests.data.samples import noise, refusal

FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


TRAIN, TEST = noise(10, 4, 3), noise(5, 4, 3)
TRAIN_LABELS, TEST_LABELS = np.arange(10, dtype=np.uint8), np.arange(5, dtype=np.uint8)[::-1].copy()


def mnist(folder: Path, separator: str = "-", suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pack: Callable[[bytes], bytes] = gzip.compress if suffix else bytes
    for name, array in (
        (f"train-images{separator}idx3", TRAIN),
        (f"train-labels{separator}idx1", TRAIN_LABELS),
        (f"t10k-images{separator}idx3", TEST),
        (f"t10k-labels{separator}idx1", TEST_LABELS),
    ):
        (folder / f"{name}-ubyte{suffix}").write_bytes(pack(idx(array)))
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_idx_files_give_a_train_and_a_test_split(tmp_path, separator, suffix):
    images = open_source(mnist(tmp_path / "numbers", separator, suffix))
    assert images.classes == tuple("0123456789")
    assert images.splits.tolist() == [0] * 10 + [2] * 5
    assert images.labels.tolist() == [*range(10), 4, 3, 2, 1, 0]
    assert images.pixels() is not None
    np.testing.assert_array_equal(images.pixels(), np.concatenate([TRAIN, TEST])[..., None])
    assert images.image_name(11) == f"{tmp_path}/numbers, test image 1"


@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw"])
def test_fashion_mnist_is_known_by_its_folder_and_has_its_class_names(tmp_path, folder):
    place = mnist(tmp_path / folder)
    assert open_source(place).classes == tuple(FASHION.split(","))
    source = tmp_path / folder.partition("/")[0]
    assert open_source(source).classes == tuple(FASHION.split(","))


def test_an_idx_test_split_alone_has_the_classes_of_its_labels(tmp_path):
    mnist(tmp_path)
    for kind in ("images-idx3", "labels-idx1"):
        (tmp_path / f"train-{kind}-ubyte").unlink()
    assert open_source(tmp_path).classes == tuple("01234")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train-labels-idx1",
            b"\x89PNG" + bytes(8),
            "begins with 0x89504e47, but an IDX file of labels begins with 0x00000801",
        ),
        (
            "t10k-images-idx3",
            idx(TEST_LABELS),
            "begins with 0x00000801, but an IDX file of images begins",
        ),
        ("train-images-idx3", idx(TRAIN)[:-1], "its header promises 120 bytes, but 119 follow"),
        ("train-images-idx3", idx(TRAIN) + b"x", "its header promises 120 bytes, but more follow"),
        ("train-images-idx3", idx(TRAIN)[:9], "cut short within its header"),
        ("train-images-idx3", b"", "begins with 0x, but an IDX file of images begins with 0x00000803"),
        ("train-images-idx3", idx(TRAIN[:, :0]), "images of 0 x 3 have no pixels"),
        ("train-images-idx3", idx(TRAIN[:9]), "9 images, but 10 labels in "),
    ],
)
def test_a_wrong_idx_file_is_refused_by_name(tmp_path, name, content, message):
    path = mnist(tmp_path) / f"{name}-ubyte"
    path.write_bytes(content)
    assert refusal(tmp_path).startswith(f"{path}: {message}")


def test_a_damaged_gzip_of_idx_is_refused_by_name(tmp_path):
    path = mnist(tmp_path, suffix=".gz") / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for content in (whole[:-20], b"not gzip", whole[:-20] + bytes(4) + whole[-16:]):
        path.write_bytes(content)
        assert refusal(tmp_path).startswith(f"{path}: damaged or cut short")


def test_idx_images_without_labels_are_refused(tmp_path):
    (mnist(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    assert refusal(tmp_path).startswith(f"{tmp_path}/t10k-labels-idx1-ubyte: missing;")


def emnist(folder: Path, name: str, first: int) -> None:
    """Files as EMNIST publishes them, with labels that begin at `first`."""
    folder.mkdir(exist_ok=True)
    for split, images, labels in (("train", TRAIN, TRAIN_LABELS), ("test", TEST, TEST_LABELS)):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels + first)):
            path = folder / f"emnist-{name}-{split}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx(array.astype(np.uint8))))


def test_emnists_files_are_found_by_their_published_names_and_labels_may_begin_at_1(tmp_path):
    emnist(tmp_path, "letters", first=1)
    images = open_source(tmp_path)
    assert images.classes == tuple(map(str, range(1, 11)))
    assert images.splits.tolist() == [0] * 10 + [2] * 5
    assert [images.classes[label] for label in images.labels[-5:]] == ["5", "4", "3", "2", "1"]


def test_of_several_sets_in_a_folder_one_is_named_by_a_file_of_it(tmp_path):
    emnist(tmp_path, "letters", first=1)
    emnist(tmp_path, "digits", first=0)
    message = refusal(tmp_path)
    assert "contains several sets of IDX files (emnist-digits, emnist-letters); name a file of one" in message
    chosen = open_source(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz")
    assert chosen.classes[0] == "1"
    assert chosen.has("test")
