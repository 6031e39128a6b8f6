"""Images that come as arrays: MedMNIST's .npz, IDX files, CIFAR's two distributions."""

import gzip
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from resnets.data.arrays import Pixels
from resnets.data.sources import open_source
from tests.data.samples import fill
from tests.data.test_sources import refusal

FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


# --- MedMNIST's .npz


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
    assert images.array is not None
    np.testing.assert_array_equal(images.array, np.concatenate([train, val, test]))
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
        ({"train_images": noise(2, 5, 5)}, "no array train_labels; a split needs its images and its labels"),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([[0, 1], [1, 1]])},
            "train_labels gives each image 2 labels (multi-label); one label an image can be learned",
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
            "labels from -1 to 0; must be 0 to 0",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 2]), "classes": np.array(["a", "b"])},
            "labels from 0 to 2; must be 0 to 1",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 1]), "classes": np.array([1, 2])},
            "classes must be a list of different strings",
        ),
        (
            {"train_images": noise(2, 5, 5), "train_labels": np.array([0, 0])},
            "only one class; a classifier needs at least two classes",
        ),
        (
            {
                "train_images": noise(2, 5, 5),
                "train_labels": np.array([0, 1]),
                "test_images": noise(2, 6, 5),
                "test_labels": np.array([0, 1]),
            },
            "images are 5 x 5 x 1 in train, 6 x 5 x 1 in test; every split must have the same size",
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


# --- IDX


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
    assert images.array is not None
    np.testing.assert_array_equal(images.array, np.concatenate([TRAIN, TEST])[..., None])
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
            "begins with 0x89504e47; an IDX file of labels begins with 0x00000801",
        ),
        ("t10k-images-idx3", idx(TEST_LABELS), "begins with 0x00000801; an IDX file of images begins with 0x00000803"),
        ("train-images-idx3", idx(TRAIN)[:-1], "its header announces 120 bytes and 119 follow"),
        ("train-images-idx3", idx(TRAIN) + b"x", "its header announces 120 bytes and more follow"),
        ("train-images-idx3", idx(TRAIN)[:9], "cut short within its header"),
        ("train-images-idx3", b"", "begins with 0x; an IDX file of images begins with 0x00000803"),
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


# --- CIFAR

BATCHES = [noise(number + 2, 3, 32, 32) for number in range(6)]  # five of train, one of test
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FINE = [f"fine_{number:02}" for number in range(100)]


def labels(count: int, classes: int) -> list[int]:
    return [(7 * number + count) % classes for number in range(count)]


Dump = Callable[[Mapping[Any, Any]], bytes]


def python_10(dump: Dump = pickle.dumps) -> dict[str, bytes]:
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files = {
        name: dump({"data": batch.reshape(len(batch), -1), "labels": labels(len(batch), 10), "batch_label": "x"})
        for name, batch in zip(names, BATCHES, strict=True)
    }
    return {**files, "batches.meta": dump({"label_names": NAMES, "num_vis": 3072})}


def python_100(dump: Dump = pickle.dumps) -> dict[str, bytes]:
    files = {
        name: dump(
            {
                "data": batch.reshape(len(batch), -1),
                "fine_labels": labels(len(batch), 100),
                "coarse_labels": labels(len(batch), 20),
            }
        )
        for name, batch in (("train", np.concatenate(BATCHES[:5])), ("test", BATCHES[5]))
    }
    return {**files, "meta": dump({"fine_label_names": FINE, "coarse_label_names": FINE[:20]})}


def binary(batch: NDArray[np.uint8], *columns: list[int]) -> bytes:
    beside = np.array(columns, dtype=np.uint8).T
    return np.concatenate([beside, batch.reshape(len(batch), -1)], axis=1).tobytes()


def binary_10() -> dict[str, bytes]:
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    files = {name: binary(batch, labels(len(batch), 10)) for name, batch in zip(names, BATCHES, strict=True)}
    return {**files, "batches.meta.txt": ("\n".join(NAMES) + "\n\n").encode()}


def binary_100() -> dict[str, bytes]:
    files = {
        f"{name}.bin": binary(batch, labels(len(batch), 20), labels(len(batch), 100))
        for name, batch in (("train", np.concatenate(BATCHES[:5])), ("test", BATCHES[5]))
    }
    return {**files, "fine_label_names.txt": ("\n".join(FINE) + "\n").encode()}


CIFARS: dict[str, Callable[[], dict[str, bytes]]] = {
    "cifar-10-batches-py": python_10,
    "cifar-10-batches-bin": binary_10,
    "cifar-100-python": python_100,
    "cifar-100-binary": binary_100,
}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def python_2(value: object) -> bytes:
    """`value` as Python 2.7's pickle wrote it, protocol 2: text as byte strings, arrays from numpy.core."""
    return b"\x80\x02" + _python_2(value) + b"."


def _python_2(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        dtype = b"cnumpy\ndtype\n" + _python_2("u1") + b"K\x00K\x01\x87R(K\x03" + _python_2("|")
        dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _python_2("b") + b"\x87R"
        shape = b"(" + b"".join(_python_2(size) for size in value.shape) + b"t"
        return empty + b"(K\x01" + shape + dtype + b"\x89" + _python_2(value.tobytes()) + b"tb"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python_2(key) + _python_2(inner) for key, inner in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_python_2, value)) + b"e"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return b"T" + struct.pack("<i", len(data)) + data


def check_cifar(source: Path, names: list[str]) -> None:
    images = open_source(source)
    assert images.classes == tuple(names)
    counts = [len(batch) for batch in BATCHES]
    assert images.splits.tolist() == [0] * sum(counts[:5]) + [2] * counts[5]
    assert images.array is not None
    assert images.array.shape == (sum(counts), 32, 32, 3)
    np.testing.assert_array_equal(images.array, np.concatenate(BATCHES).transpose(0, 2, 3, 1))
    if len(names) == 10:
        assert images.labels.tolist() == [label for count in counts for label in labels(count, 10)]
    else:
        assert images.labels.tolist() == labels(sum(counts[:5]), 100) + labels(counts[5], 100)
    assert images.image_name(sum(counts) - 1) == f"{source}, test image {counts[5] - 1}"


@pytest.mark.parametrize("kind", CIFARS)
@pytest.mark.parametrize("form", ["folder", "parent", "renamed", "archive", "flat archive"])
def test_cifar_is_read_from_its_folder_its_parent_and_its_archive(tmp_path, kind, form):
    files = {**CIFARS[kind](), "readme.html": b"<html>"}
    source = put(tmp_path / "data" / kind, files)
    if form == "parent":
        source = source.parent
    elif form == "renamed":
        source = source.rename(tmp_path / "cifar")
    elif form.endswith("archive"):
        with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
            archive.add(source, arcname="." if form == "flat archive" else kind)
        source = tmp_path / "cifar.tar.gz"
    check_cifar(source, NAMES if "10-" in kind else FINE)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_cifar_pickled_again_by_python_3_is_read(tmp_path, protocol):
    files = python_10(lambda value: pickle.dumps(value, protocol))
    check_cifar(put(tmp_path / "cifar-10-batches-py", files), NAMES)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_cifar_pickled_by_python_2_and_by_either_numpy_is_read(tmp_path, module):
    """As the published files are, which have byte-string keys and the flags of numpy.dtype as numbers."""

    def dump(value: Mapping[Any, Any]) -> bytes:
        return python_2(value).replace(b"numpy.core.multiarray", module)

    check_cifar(put(tmp_path / "cifar-10-batches-py", python_10(dump)), NAMES)
    check_cifar(put(tmp_path / "cifar-100-python", python_100(dump)), FINE)


class Malicious:
    """A pickle of this runs a shell command when Python's own unpickler reads it."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.touched}",)


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_3"])
@pytest.mark.parametrize("where", ["alone", "inside"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, name, where):
    touched = tmp_path / "touched"
    attack = Malicious(touched)
    data = pickle.dumps(attack if where == "alone" else {"data": [attack], "labels": [0], "label_names": NAMES}, 2)
    pickle.loads(data)
    assert touched.exists()  # it is a real attack
    touched.unlink()
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), name: data})
    message = refusal(folder)
    assert message.startswith(
        f"{folder}/{name}: refused, because it asks for {os.system.__module__}.system, which could"
    )
    assert not touched.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "numpy.load", "numpy.core.multiarray.scalar"])
def test_every_other_global_is_refused_by_name(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    data = b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + b"."
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "test_batch": data})
    assert f"{folder}/test_batch: refused, because it asks for {name}," in refusal(folder)


def test_attributes_of_what_is_allowed_cannot_be_reached(tmp_path):
    data = pickle.dumps({}, 4)[:-2] + b"\x8c\x05numpy\x8c\x0fndarray.__new__\x93."
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "test_batch": data})
    assert "refused, because it asks for numpy.ndarray.__new__" in refusal(folder)


@pytest.mark.parametrize("missing", ["data_batch_4", "test_batch", "batches.meta"])
def test_a_missing_cifar_file_is_named(tmp_path, missing):
    folder = put(tmp_path / "cifar-10-batches-py", python_10())
    (folder / missing).unlink()
    assert refusal(folder) == f"{folder}/{missing}: missing; unpack CIFAR's archive again"


def test_a_missing_file_of_a_cifar_archive_is_named(tmp_path):
    folder = put(tmp_path / "cifar-10-batches-py", python_10())
    (folder / "data_batch_2").unlink()
    path = tmp_path / "cifar.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=folder.name)
    assert refusal(path) == f"{path}/cifar-10-batches-py/data_batch_2: missing; unpack CIFAR's archive again"


def batch(**changes: Any) -> bytes:
    return pickle.dumps({"data": BATCHES[0].reshape(2, -1), "labels": [0, 1], **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged (Ran out of input)"),
        (batch()[:-30], "damaged ("),
        (b"\x80\x02}(K\x01u.", "damaged ("),
        (pickle.dumps([1]), "holds a list and no dictionary"),
        (batch(data=[1]), "no images x 3072 bytes under 'data'"),
        (batch(data=BATCHES[0].reshape(2, -1).astype(float)), "no images x 3072 bytes under 'data'"),
        (batch(data=noise(2, 100)), "no images x 3072 bytes under 'data'"),
        (batch(labels=None), "no list of labels under 'labels'"),
        (batch(labels=[0, "1"]), "no list of labels under 'labels'"),
        (batch(labels=[0]), "2 images and 1 labels"),
        (batch(labels=[0, 10]), "labels from 0 to 10; must be 0 to 9"),
    ],
)
def test_a_damaged_cifar_pickle_is_refused_by_name(tmp_path, content, message):
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "data_batch_1": content})
    assert refusal(folder).startswith(f"{folder}/data_batch_1: {message}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("test_batch.bin", bytes(3074), "3,074 bytes, not a multiple of 3073"),
        ("test_batch.bin", b"", "0 images and 0 labels"),
        ("test_batch.bin", b"\x0a" + bytes(3072), "labels from 10 to 10; must be 0 to 9"),
        ("batches.meta.txt", b"\n", "no class names in it"),
    ],
)
def test_a_damaged_binary_cifar_file_is_refused_by_name(tmp_path, name, content, message):
    folder = put(tmp_path / "cifar-10-batches-bin", {**binary_10(), name: content})
    assert refusal(folder).startswith(f"{folder}/{name}: {message}")


def test_a_folder_of_several_cifars_asks_which(tmp_path):
    for kind in ("cifar-10-batches-bin", "cifar-100-binary"):
        put(tmp_path / kind, CIFARS[kind]())
    assert refusal(tmp_path).startswith(f"{tmp_path}: holds {tmp_path}/cifar-10-batches-bin and {tmp_path}/cifar-100")


def test_class_folders_named_train_and_test_are_not_taken_for_cifar_100(tmp_path):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", "test/a/3.png", "meta/x.png"]))
    assert images.classes == ("a", "b")
